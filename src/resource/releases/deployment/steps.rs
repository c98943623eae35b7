//! The steps of a deployment.

use super::found::Found;
use super::model::{Deployment, Process};
use super::need::{Need, need};
use super::slot::Slot;
use crate::resource::{Change, Content, ExecutionPlan, Future, Phase, PlanContext, Reaction};
use crate::shell::Script;

pub(super) fn work(
    deployment: &Deployment,
    found: Option<&Found>,
    change: &Change,
    context: &PlanContext<'_>,
    work: &mut ExecutionPlan,
) {
    let Some(need) = need(deployment, found, context) else {
        return;
    };
    let Some(process) = &deployment.process else {
        let mut script = Script::new();
        script.call("keep_previous", deployment.current());
        script.call("switch_release", deployment.current());
        work.step(Phase::Activate, &change.id, script);
        let mut script = Script::new();
        script.call("remember_release", deployment.current());
        work.step(Phase::Finish, &change.id, script);
        return;
    };
    work.uses("file");
    work.readers.insert(process.proxy.clone());
    match need {
        Need::Deploy { into, known, .. } => {
            let plan = Plan {
                deployment,
                process,
                found,
                into,
            };
            plan.deploy(known, change, work);
        }
        Need::Repair => repair(deployment, process, found, change, work),
    }
}

impl Deployment {
    /// The words that name the release that should be current.
    fn current(&self) -> [&str; 2] {
        [self.root.as_str(), &self.release]
    }
}

/// A start in another slot.
struct Plan<'a> {
    deployment: &'a Deployment,
    process: &'a Process,
    found: Option<&'a Found>,
    into: Slot,
}

impl Plan<'_> {
    /// The slot that serves now.
    fn old(&self) -> Option<Slot> {
        self.found?.serving
    }

    /// The other slot, if it runs though nothing serves: a run was killed before it led anybody
    /// there.
    fn left(&self) -> Option<Slot> {
        let other = self.into.other();
        let slot = self.found?.slot(other);
        (slot.enabled || !slot.running.is_empty()).then_some(other)
    }

    fn deploy(&self, known: bool, change: &Change, work: &mut ExecutionPlan) {
        let Self {
            deployment,
            process,
            into,
            ..
        } = *self;
        let names = deployment.names(into);
        // Kept until the end: what is owed is not forgotten by a run that is killed.
        work.pending(&deployment.name, Reaction::Restart);
        if let Some(old) = self.old()
            && !process.alone
        {
            let mut script = Script::new();
            script.call("room_for_two", [deployment.names(old).instances()]);
            work.step(Phase::Stage, &change.id, script);
        }
        let mut script = Script::new();
        // The validators see both slots as they would be.
        for slot in Slot::BOTH {
            let files = process.files(slot);
            let paths = deployment.names(slot).paths().into_iter().flatten();
            for (path, text) in paths.zip([&files.target, &files.unit]) {
                let payload = work.payload(Content::Bytes(text.as_bytes().into()));
                if slot == into {
                    let words = [payload.as_str(), path.as_str(), "644", "root", "root"];
                    script.call("put_file", words);
                }
                work.future(Future::File(path, payload));
            }
        }
        work.step(Phase::Commit, &change.id, script);
        let upstream = upstream(process, into, work);

        let ask = process.files(into).ask.as_ref();
        let ask = ask.map(|text| work.payload(Content::Bytes(text.as_bytes().into())));

        let mut script = self.variables();
        script
            .assign("settle", &process.settle.to_string())
            .assign("known", if known { "yes" } else { "no" })
            .assign("configuration", &self.configuration())
            .assign("ask", &ask.unwrap_or_default())
            .assign("alone", if process.alone { "yes" } else { "" });
        // Where there is no release yet, Nginx has its files from the moment on that it is led
        // there.
        let first = self.found.is_none_or(|found| found.current.is_none());
        if first {
            script.call("switch_release", deployment.current());
        } else {
            script.call("keep_previous", deployment.current());
        }
        script.call("deploy", [upstream.as_str(), process.upstream.as_str()]);
        if !first {
            script.call("switch_release", deployment.current());
        }
        script.raw("rm -f -- \"$STATE/pending/$name\"");
        work.step(Phase::Activate, &change.id, script);
        for number in process.instances(into) {
            work.watched.insert(names.instance(number));
        }

        let mut script = Script::new();
        script.call("remember_release", deployment.current());
        script.call(
            "remember_deployment",
            [&deployment.name, &self.configuration()],
        );
        if let Some(old) = self.old().or_else(|| self.left()) {
            script.append(&retire(deployment, process, self.found, old));
        }
        work.step(Phase::Finish, &change.id, script);
    }

    /// What the functions know a deployment by.
    fn variables(&self) -> Script {
        let Self {
            deployment,
            process,
            into,
            ..
        } = *self;
        let names = deployment.names(into);
        let instances = process.instances(into);
        let instances: Vec<String> = instances.iter().map(u16::to_string).collect();
        let listen = process.port.map_or("socket", |_| "port");
        let health = process.health.as_ref();
        let text = |pick: fn(&super::model::Health) -> String| health.map(pick).unwrap_or_default();
        let mut script = Script::new();
        script
            .assign("name", &deployment.name)
            .assign("slot", &names.stem)
            .assign("other", &deployment.names(into.other()).stem)
            .assign("instances", &instances.join(" "))
            .assign("listen", listen)
            .assign("proxy", &process.proxy)
            .assign(
                "proxy_user",
                process.proxy_user.as_deref().unwrap_or_default(),
            )
            .assign("host", &process.host)
            .assign("url", &process.url)
            .assign("timeout", &process.start_timeout.to_string())
            .assign("drain", &process.drain.to_string())
            .assign("page", &text(|health| health.path.clone()))
            .assign("wanted", &text(|health| health.status.to_string()))
            .assign(
                "words",
                &text(|health| health.body.clone().unwrap_or_default()),
            )
            .assign(
                "json",
                &text(|health| {
                    health
                        .json
                        .as_ref()
                        .map_or_else(String::new, ToString::to_string)
                }),
            );
        script
    }

    /// A digest of what runs, whichever slot it runs in.
    fn configuration(&self) -> String {
        let files = &self.process.blue;
        let parts = [&files.target, &files.unit, &files.upstream];
        let digest = crate::types::Digest::of_parts(parts.map(String::as_bytes));
        digest.to_string()
    }
}

/// Adds the upstream file to the future, and gives its name in the payload.
fn upstream(process: &Process, slot: Slot, work: &mut ExecutionPlan) -> String {
    let text = &process.files(slot).upstream;
    let payload = work.payload(Content::Bytes(text.as_bytes().into()));
    work.future(Future::File(process.upstream.clone(), payload.clone()));
    payload
}

/// The commands that stop a slot which serves no more.
fn retire(deployment: &Deployment, process: &Process, found: Option<&Found>, old: Slot) -> Script {
    let mut instances = process.instances(old);
    instances.extend(found.iter().flat_map(|found| &found.slot(old).running));
    instances.sort_unstable();
    instances.dedup();
    let mut words = vec![
        deployment.names(old).stem,
        process.proxy.clone(),
        process.drain.to_string(),
    ];
    words.extend(instances.iter().map(u16::to_string));
    let mut script = Script::new();
    script.call("retire_slot", words);
    script
}

/// Sets right what belongs to the slot that serves.
fn repair(
    deployment: &Deployment,
    process: &Process,
    found: Option<&Found>,
    change: &Change,
    work: &mut ExecutionPlan,
) {
    let Some((found, serving)) = found.and_then(|found| Some((found, found.serving?))) else {
        return;
    };
    let (names, other) = (deployment.names(serving), serving.other());
    let mut script = Script::new();
    script.call("enable_slot", [&names.stem]);
    if found.upstream.as_ref() != Some(&process.files(serving).upstream) {
        let payload = upstream(process, serving, work);
        let path = process.upstream.as_str();
        script
            .assign("proxy", &process.proxy)
            .call("switch_upstream", [payload.as_str(), path]);
    }
    if found.current.as_ref() != Some(&deployment.release) {
        script.call("switch_release", deployment.current());
    }
    work.step(Phase::Activate, &change.id, script);
    let idle = found.slot(other);
    if idle.enabled || !idle.running.is_empty() {
        let script = retire(deployment, process, Some(found), other);
        work.step(Phase::Finish, &change.id, script);
    }
}
