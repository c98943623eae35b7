//! `rehearse`: the inventory is applied to a copy of the server first, while visitors come.
//!
//! ```text
//! the server ── facts, its generation, the code that serves ──▶ the copy ── apply under load ──▶ verdict
//! ```
//!
//! The server itself is only read. What its generation rests on is recalled as a rollback does it.

use super::apply::converge;
use super::change::Options;
use super::connected::{Sessions, open};
use super::connection::ConnectOptions;
use super::generation::{fetch, recall};
use super::interrupt::interruptible;
use super::load::{Purpose, Workspace, load};
use super::load_test::target;
use super::rehearse_data::{self, BackupData};
use super::release_code::read_code;
use super::survey::Request;
use crate::bundle::{self, History};
use crate::cli;
use crate::error::{Error, Exit};
use crate::facts::Os;
use crate::inventory::Server;
use crate::report::{Reporter, Settings, Verbosity};
use crate::sandbox::{self, Sandbox};
use foobar_stack_load::{Load, Profile, Record};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer than any rehearsal: the load is ended when that is over.
const WHOLE: Duration = Duration::from_secs(6 * 3600);
/// How long visitors come before anything is changed, to see whether they get an answer at all.
const BEFORE: Duration = Duration::from_secs(2);

/// Applies the inventory to a copy of its server.
pub(super) async fn rehearse(
    inventory: &Path,
    options: &cli::Rehearse,
    request: &Request,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let profile = profile(options);
    profile.check()?;
    let (after, before, suite) = if options.fresh {
        let after = load(inventory, Purpose::Send).await?;
        after.notes.iter().for_each(|note| reporter.note(note));
        (after, None, None)
    } else {
        let standing = standing(inventory, options.with_backup, connection, reporter);
        interruptible(standing).await?
    };
    let request_for_copy = sandbox::Request {
        name: Some(options.name.clone()),
        suite: options.suite.clone().or(suite).unwrap_or_else(|| {
            let default = sandbox::Request::default();
            default.suite
        }),
        driver: options.driver,
    };
    let up = async { Ok(sandbox::up(&request_for_copy, &|line| reporter.note(line)).await?) };
    let copy = match interruptible(up).await {
        Err(Error::Interrupted) => {
            // Half of one may be there.
            let _ = sandbox::down(&options.name, &|line| reporter.note(line)).await;
            return Err(Error::Interrupted);
        }
        copy => copy?,
    };
    let rehearsal = Rehearsal {
        copy: &copy,
        profile,
        request,
        reporter,
    };
    let ending = rehearsal.run(after, before).await;
    let name = &copy.name;
    if options.keep {
        reporter.note(&format!(
            "the copy stays: `foobar-stack sandbox ssh {name}` looks inside, `foobar-stack sandbox down {name}` removes it"
        ));
    } else {
        sandbox::down(name, &|line| reporter.note(line)).await?;
    }
    if ending.is_err() {
        reporter.note("that was the copy: the server itself was not touched");
    }
    ending
}

fn profile(options: &cli::Rehearse) -> Profile {
    let default = Profile::default();
    Profile {
        rate: options.rate,
        duration: WHOLE,
        requests: match &options.paths[..] {
            [] => default.requests.clone(),
            paths => paths.to_vec(),
        },
        ..default
    }
}

/// What a server is now.
struct Standing {
    /// The workspace that its generation was applied from, with the code that serves.
    workspace: Workspace,
    /// What its newest backup holds, if the copy is to have that.
    data: Option<BackupData>,
}

/// Reads the inventory, and what its server has now: the workspace that its generation was applied
/// from, with the code that serves, and the release of its distribution. No generation if there was
/// no run on it yet.
async fn standing(
    inventory: &Path,
    with_backup: bool,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<(Workspace, Option<Standing>, Option<String>), Error> {
    let (after, mut sessions) = open(inventory, Purpose::Send, connection, reporter).await?;
    let (name, facts) = sessions.facts(&after, reporter).await?.only()?;
    let suite = suite(&facts.os);
    let (_, session) = sessions.only_mut()?;
    let script = bundle::history();
    let reply = session.run("reading the history", &script).await?;
    let history = History::parse(&String::from_utf8_lossy(&reply.stdout));
    let Some(number) = history.targets().pop() else {
        reporter
            .note("no run was proven on the server yet: the rehearsal begins with an empty server");
        return Ok((after, None, Some(suite)));
    };
    if facts.generation != number {
        reporter.note(&format!(
            "the server is at generation {}, which was not proven: the rehearsal begins with generation {number}",
            facts.generation
        ));
    }
    let generation = fetch(session, number).await?;
    let mut before = recall(number, &generation, &name, &after).await?;
    let stack = before.stack(&name, &facts)?;
    read_code(session, &stack, &mut before).await?;
    let data = match with_backup {
        true => Some(rehearse_data::read(session, &stack, reporter).await?),
        false => None,
    };
    sessions.report_traffic(reporter);
    let before = Standing {
        workspace: before,
        data,
    };
    Ok((after, Some(before), Some(suite)))
}

/// The release of the distribution, as its archive calls it: before sid is released it goes by the
/// name that it will have.
fn suite(os: &Os) -> String {
    if os.pretty_name.ends_with("/sid") {
        return "sid".to_owned();
    }
    os.version_codename.clone()
}

/// What is done with a copy.
struct Rehearsal<'a> {
    copy: &'a Sandbox,
    profile: Profile,
    request: &'a Request,
    reporter: &'a Reporter,
}

impl Rehearsal<'_> {
    /// Makes the copy what the server is, applies the inventory, and says what visitors noticed.
    async fn run(&self, mut after: Workspace, before: Option<Standing>) -> Result<Exit, Error> {
        let reporter = self.reporter;
        let connection = ConnectOptions::default();
        let left_out = self.onto_copy(&mut after);
        if !left_out.is_empty() {
            let left_out = left_out.join(", ");
            reporter.note(&format!("not on the copy: {left_out}"));
        }
        let mut sessions = Sessions::connect(&after, &connection, reporter).await?;
        let began = Instant::now();
        if let Some(before) = before {
            let Standing {
                workspace: mut before,
                data,
            } = before;
            self.onto_copy(&mut before);
            let options = Options {
                yes: true,
                ..Options::default()
            };
            reporter.busy(Some("making the copy what the server is now"));
            // What is shown is the change.
            let quiet = Settings {
                verbosity: Verbosity::Quiet,
                ..Settings::default()
            };
            let (nothing, said) = (std::io::sink(), std::io::stderr());
            let quiet = Reporter::elsewhere(quiet, Box::new(nothing), Box::new(said));
            let made = converge(&mut sessions, &before, &options, &connection, &quiet).await;
            reporter.busy(None);
            if made? != Exit::Done {
                return Err(Error::NoCopy);
            }
            if let Some(data) = data {
                let of = format!("the copy has the data of backup {}", data.id);
                let (_, session) = sessions.only_mut()?;
                data.bring(session, &before).await?;
                // The release that serves may be younger than the backup.
                reporter.busy(Some("preparing the data for the release that serves"));
                let made = converge(&mut sessions, &before, &options, &connection, &quiet).await;
                reporter.busy(None);
                if made? != Exit::Done {
                    return Err(Error::NoCopy);
                }
                reporter.note(&format!("{of}, and reaches nobody with them"));
            }
            reporter.note(&format!(
                "the copy serves what the server serves, after {} s",
                began.elapsed().as_secs()
            ));
            self.change(&mut sessions, &after, Some(&before)).await
        } else {
            self.change(&mut sessions, &after, None).await
        }
    }

    /// Makes the inventory that of the copy.
    fn onto_copy(&self, workspace: &mut Workspace) -> Vec<&'static str> {
        let inventory = &mut workspace.inputs.inventory;
        let left_out = inventory.rehearsed(self.copy.address);
        for server in inventory.servers.values_mut() {
            *server = Server {
                ipv4: server.ipv4,
                ipv6: server.ipv6,
                ssh: self.copy.address.to_string(),
                user: Some(self.copy.user.clone()),
                port: Some(self.copy.port),
                identity_file: Some(self.copy.identity_file.display().to_string()),
                ssh_config: None,
                host_key: Some(self.copy.host_key.clone()),
                hostname: server.hostname.take(),
                timezone: server.timezone.take(),
                adopt: Vec::new(),
                hardening: std::mem::take(&mut server.hardening),
                journal: server.journal,
                swap: server.swap,
                sources: std::mem::take(&mut server.sources),
                roles: std::mem::take(&mut server.roles),
            };
        }
        left_out
    }

    /// Applies the inventory. Visitors come meanwhile, if there is something `before` already.
    async fn change(
        &self,
        sessions: &mut Sessions,
        after: &Workspace,
        before: Option<&Workspace>,
    ) -> Result<Exit, Error> {
        let reporter = self.reporter;
        let connection = ConnectOptions::default();
        let mut visitors = Vec::new();
        if let Some(before) = before {
            let (_, server) = before.servers().only()?;
            for site in before.inputs.inventory.sites.values() {
                let target = target(site, server);
                visitors.push(foobar_stack_load::start(&target, self.profile.clone())?);
            }
            tokio::time::sleep(BEFORE).await;
        }
        let unanswered = visitors.iter().any(|load| load.so_far().1 > 0);
        let options = Options {
            request: self.request.clone(),
            yes: true,
            delete_many: true,
            ..Options::default()
        };
        let began = Instant::now();
        let ending = converge(sessions, after, &options, &connection, reporter).await;
        let took = began.elapsed().as_secs();
        visitors.iter().for_each(Load::stop);
        let mut records = Vec::new();
        for visitors in visitors {
            records.push(visitors.finish().await);
        }
        let exit = ending?;
        if exit != Exit::Done {
            return Ok(exit);
        }
        sessions.report_traffic(reporter);
        let failed: u64 = records.iter().map(Record::failed).sum();
        let whole = records.iter().map(Record::whole);
        let requests: u64 = whole.map(|all| all.latencies.count() + all.failed).sum();
        let what = if before.is_some() {
            "this change works on a copy of the server"
        } else {
            "this inventory works on an empty server"
        };
        if requests == 0 {
            reporter.done(&format!("{what}; it took {took} s"));
            return Ok(Exit::Done);
        }
        if unanswered {
            reporter.note("visitors got errors before the change already: say with --path what answers them, else nothing is known of what they would notice");
            reporter.done(&format!("{what}; it took {took} s"));
            return Ok(Exit::Done);
        }
        for failure in records.iter().flat_map(|record| record.failures.values()) {
            reporter.note(&format!(
                "{} failed after {:.1} s: {}",
                failure.count,
                failure.at.as_secs_f64(),
                failure.first
            ));
        }
        reporter.done(&format!(
            "{what}; it took {took} s; {failed} of {requests} requests failed"
        ));
        Ok(if failed > 0 { Exit::Failed } else { Exit::Done })
    }
}
