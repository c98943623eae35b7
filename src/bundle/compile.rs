//! Compiles a plan's work into the program.

use super::{Bundle, Generation, RunStatus, StepTitle, files};
use crate::check::Check;
use crate::host::{self, STATE};
use crate::plan::{Plan, Shown, Stack, Validator, affected};
use crate::resource::{Content, Deed, ExecutionPlan, Future, Payload, Phase, Step, libraries};
use crate::shell::Script;
use std::collections::BTreeMap;

/// The executor: what runs the steps, undoes them, shows the future, and asks for proof.
const EXECUTOR: [&str; 6] = [
    include_str!("executor.sh"),
    include_str!("files.sh"),
    include_str!("undo.sh"),
    include_str!("space.sh"),
    include_str!("future.sh"),
    include_str!("prove.sh"),
];
/// The folder of a run on the server.
#[must_use]
pub fn run_directory(run: &str) -> String {
    format!("{STATE}/runs/{run}")
}

/// The steps, numbered, with their titles.
#[derive(Default)]
struct Steps {
    /// The functions.
    functions: Script,
    /// The calls.
    calls: Script,
    /// The calls of what follows the proof.
    last: Script,
    titles: Vec<StepTitle>,
}

impl Steps {
    /// Adds a step as a function and its call.
    fn add(&mut self, title: StepTitle, body: &Script) {
        let call = self.function(title, body);
        self.calls.append(&call);
    }

    /// Adds a step that follows the proof.
    fn add_last(&mut self, title: StepTitle, body: &Script) {
        let call = self.function(title, body);
        self.last.append(&call);
    }

    fn function(&mut self, title: StepTitle, body: &Script) -> Script {
        let number = self.titles.len().to_string();
        let function = format!("step_{number}");
        // A function's name is ours: letters, digits and an underscore.
        self.functions.function(&function, body);
        self.titles.push(title);
        let mut call = Script::new();
        call.call("step", [&number, &function]);
        call
    }

    fn own(&mut self, title: String, body: &Script) {
        self.add(
            StepTitle {
                title,
                ids: Vec::new(),
            },
            body,
        );
    }

    fn phase(&mut self, work: &ExecutionPlan, phase: Phase) {
        let of_phase: Vec<&Step> = work
            .steps
            .iter()
            .filter(|step| step.phase == phase)
            .collect();
        for steps in of_phase.chunk_by(|one, next| one.is_like(next)) {
            let ids: Vec<_> = steps.iter().map(|step| step.id.clone()).collect();
            let name = match (steps, ids.len()) {
                ([step], _) => step.id.to_string(),
                ([first, ..], count) if matches!(first.deed, Deed::RemovePath(_)) => {
                    format!("remove {count} files")
                }
                (_, count) => format!("put {count} files in place"),
            };
            let title = match (phase, steps.len()) {
                (Phase::Stage, _) => format!("prepare {name}"),
                (Phase::Finish, 1) => format!("finish {name}"),
                _ => name,
            };
            let title = StepTitle { title, ids };
            let body = body(steps);
            match phase {
                Phase::Finish => self.add_last(title, &body),
                _ => self.add(title, &body),
            }
        }
    }
}

/// What one step of the executor does: one of the plan, or several that put files in place or remove
/// them.
fn body(steps: &[&Step]) -> Script {
    let (mut files, mut gone) = (Vec::new(), Vec::new());
    let mut script = Script::new();
    for step in steps {
        match &step.deed {
            Deed::Commands(commands) => {
                script.append(commands);
            }
            Deed::PutFile(file) => files.push(file),
            Deed::RemovePath(path) => gone.push(path),
        }
    }
    if let ([step, ..], false) = (steps, gone.is_empty()) {
        script.append(&files::remove(&gone, step.phase));
    }
    if !files.is_empty() {
        script.append(&files::put(&files));
    }
    script
}

/// In the place of the digest that tells who may prove a run: only its own client can.
const NOBODY_ELSE: &str = "-";
/// How long what was started or restarted must stay up.
const WATCH_SECONDS: u32 = 4;
/// How long a run that touches the firewall or sshd waits for somebody to come in over a new
/// connection, in seconds.
const LOGIN_SECONDS: u32 = 25;
/// How long any other run waits for a client, in seconds: long enough for one that has lost its
/// connection to notice that and to come back.
const VERDICT_SECONDS: u32 = 60;

/// What a run needs before it counts, beside services that stay up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Proof<'a> {
    /// A client makes these checks and says that they pass. Silence is no approval.
    Checks(&'a [Check]),
    /// The same, but some of them may have failed before the run, which is the client's to know:
    /// no other client can say whether the run has broken anything.
    NoRegression,
    /// Nobody makes checks. A run that touches the firewall or sshd still needs somebody who can
    /// log in.
    Unchecked,
}

/// What a run is besides its plan: who wants it, and what is written down of it.
#[derive(Debug, Clone)]
pub struct RunContext<'a> {
    /// Its name on the server: letters, digits and hyphens, sorting by time.
    pub run: &'a str,
    /// Shown to whoever finds the lock taken.
    pub who: &'a str,
    /// What it needs before it counts.
    pub proof: Proof<'a>,
    /// What the server's record is to be when it is proven.
    pub record: &'a str,
    /// What it rests on.
    pub generation: &'a Generation,
    /// What it will count for.
    pub standing: RunStatus,
    /// The generation it goes back to, if it does that.
    pub back_to: Option<u64>,
}

/// Compiles the work of a plan into a bundle.
#[must_use]
pub fn compile(
    context: &RunContext<'_>,
    plan: &Plan,
    work: &ExecutionPlan,
    stack: &Stack,
) -> Bundle {
    let RunContext {
        run, who, proof, ..
    } = *context;
    let mut payload = work.payload.clone();
    for (name, text) in [
        ("managed", context.record),
        ("generation", &context.generation.write()),
    ] {
        payload.push(Payload {
            name: name.to_owned(),
            content: Content::Bytes(text.as_bytes().into()),
        });
    }
    let mut steps = Steps::default();
    steps.own("check the free space".to_owned(), &space(work));
    // Packages come from there; all else is touched when it has been validated.
    let sources = work.steps.iter().any(|step| step.phase == Phase::Sources);
    if sources {
        steps.calls.raw("touch_server");
        steps.phase(work, Phase::Sources);
    }
    if !work.packages.is_empty() {
        let mut body = Script::new();
        body.call(
            "install_packages",
            work.packages.iter().map(|(_, name)| name),
        );
        let count = work.packages.len();
        let title = format!(
            "install {count} package{}",
            if count == 1 { "" } else { "s" }
        );
        let ids = work.packages.iter().map(|(id, _)| id.clone()).collect();
        steps.add(StepTitle { title, ids }, &body);
    }
    steps.phase(work, Phase::Stage);
    let validators = affected(stack, work);
    if !validators.is_empty() {
        let names: Vec<&str> = validators
            .iter()
            .map(|(validator, _)| validator.name.as_str())
            .collect();
        let mut body = Script::new();
        body.raw("in_the_future");
        steps.own(format!("validate with {}", names.join(", ")), &body);
    }
    if !sources {
        steps.calls.raw("touch_server");
    }
    for (unit, reaction) in &work.pending {
        steps
            .calls
            .call("mark_pending", [unit.as_str(), reaction.as_str()]);
    }
    steps.calls.append(&work.notes);
    steps.phase(work, Phase::Retire);
    steps.phase(work, Phase::Commit);
    if work.daemon_reload {
        let mut body = Script::new();
        body.raw("read_units");
        steps.own("systemd reads its units".to_owned(), &body);
    }
    steps.phase(work, Phase::Activate);
    steps.phase(work, Phase::Finish);

    let mut program = host::program();
    let (format, needs) = (host::RECORD, host::RECORD_NEEDS);
    program
        .assign("RUN", &run_directory(run))
        .assign("RECORD", &format!("{format} {needs} {}", host::PROGRAM));
    for part in EXECUTOR {
        program.library(part);
    }
    for library in libraries(&work.libraries).iter().chain(&work.functions) {
        program.library(library);
    }
    program
        .function("future", &future(&work.future, &validators))
        .append(&steps.functions);
    let mut main = Script::new();
    main.call("begin_run", [run, &plan.basis.generation.to_string(), who]);
    main.append(&steps.calls);
    let watch = if work.watched.is_empty() {
        0
    } else {
        WATCH_SECONDS
    };
    let needs = match proof {
        Proof::Checks(_) | Proof::NoRegression => "verdict",
        Proof::Unchecked if work.touches_access => "login",
        Proof::Unchecked => "nothing",
    };
    let (access, wait) = if work.touches_access {
        ("access", LOGIN_SECONDS)
    } else {
        ("no-access", VERDICT_SECONDS)
    };
    let digest = context.generation.digest();
    let prover = match proof {
        Proof::Checks(checks) => super::digest(checks),
        Proof::NoRegression => NOBODY_ELSE.to_owned(),
        Proof::Unchecked => digest.to_string(),
    };
    let words = [
        watch.to_string(),
        wait.to_string(),
        needs.to_owned(),
        access.to_owned(),
    ];
    if watch > 0 || needs != "nothing" {
        main.call("prove", words.iter().chain(&work.watched));
    }
    let summary = plan.summary().to_string();
    let back_to = context.back_to.map(|number| number.to_string());
    main.call(
        "record_run",
        [
            &summary,
            who,
            digest.as_str(),
            context.standing.as_str(),
            back_to.as_deref().unwrap_or_default(),
        ],
    );
    main.append(&steps.last).raw("end_run");
    program.function("run", &main).raw("\"${1:-run}\"");
    Bundle {
        run: run.to_owned(),
        program,
        titles: steps.titles,
        prover,
        payload,
    }
}

/// Asks whether what the run puts on the server fits there. Files come beside what they replace,
/// which is kept with the run.
fn space(work: &ExecutionPlan) -> Script {
    let files = work
        .payload
        .iter()
        .map(|payload| payload.content.size())
        .sum::<u64>();
    let mut words = Vec::new();
    for place in ["/etc", STATE] {
        words.extend([place.to_owned(), files.to_string()]);
    }
    for (path, bytes) in &work.space {
        words.extend([path.to_string(), bytes.to_string()]);
    }
    let mut script = Script::new();
    script.call("check_space", words);
    if !work.packages.is_empty() {
        let names = work.packages.iter().map(|(_, name)| name);
        script.call("check_space_for_packages", names);
    }
    script
}

/// The body of the function that validates: it runs in a mount namespace of its own.
fn future(paths: &[Future], validators: &[(&Validator, Shown)]) -> Script {
    let mut script = Script::new();
    script.raw("make_future");
    let shown: Vec<&Future> = paths.iter().filter(|one| one.is_shown()).collect();
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in &shown {
        if let Future::File(path, payload) = path
            && files::is_named_after(payload, path)
        {
            folders.entry(path.parent()).or_default().push(payload);
        }
    }
    for path in shown {
        match path {
            Future::Directory(path) => script.call("future_directory", [path.as_str()]),
            Future::File(path, payload) if files::is_named_after(payload, path) => continue,
            Future::File(path, payload) => script.call("future_file", [path.as_str(), payload]),
            Future::State(path, payload) => script.call("future_state", [path.as_str(), payload]),
            Future::Link(path, target) => script.call("future_link", [path.as_str(), target]),
            Future::Absent(path) => script.call("future_absent", [path.as_str()]),
        };
    }
    for (folder, payloads) in folders {
        let words = std::iter::once(folder).chain(payloads);
        script.call("future_files", words);
    }
    script.raw("refused=no");
    for (validator, shown) in validators {
        let words = [validator.name.as_str(), shown.as_str()];
        let command = validator.command.iter().map(String::as_str);
        script.call("validator", words.into_iter().chain(command));
    }
    script.raw("[ $refused = no ]");
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Data, kinds};
    use crate::types::AbsolutePath;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    /// What a run makes is noted as a path, whatever sort of data it is in the record.
    #[test]
    fn the_record_knows_which_data_are_paths() {
        let mut lines = EXECUTOR[0].lines();
        let words = lines.find_map(|line| line.trim().strip_suffix(") sort=path ;;"));
        let words: Vec<&str> = words.unwrap().split(" | ").collect();
        for word in [
            "folder",
            "tree",
            "secret",
            "state",
            "account",
            "database",
            "database-account",
        ] {
            let is_path = Data::parse(word, "/x").is_some_and(|data| data.path().is_some());
            assert_eq!(words.contains(&word), is_path, "{word}");
        }
    }

    /// The functions of every kind, and those that only some steps need.
    fn all_libraries() -> Vec<&'static str> {
        let mut all = libraries(&kinds().iter().copied().collect());
        all.push(crate::resource::PREPARE_SHELL);
        all
    }

    #[test]
    fn the_functions_of_kinds_travel_without_their_comments_alone() {
        // bash shows functions as it understands them, with the texts in them.
        let functions = |text: &str| {
            let mut command = Command::new("bash");
            command.args(["-c", &format!("{text}\ndeclare -f")]);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        for library in all_libraries() {
            let mut script = Script::new();
            script.library(library);
            assert!(functions(library).len() > 50, "{library}");
            assert_eq!(functions(script.as_str()), functions(library));
        }
    }

    /// The functions of every kind stand beside each other in one program, as they do in a run.
    #[test]
    fn the_assembled_program_is_clean() {
        let mut program = host::program();
        program.assign("RUN", &run_directory("x"));
        for part in EXECUTOR {
            program.raw(part);
        }
        for library in all_libraries() {
            program.raw(library);
        }
        let future = Future::Link(AbsolutePath::new("/etc/x").unwrap(), "y".to_owned());
        let validator = Validator {
            role: "x".to_owned(),
            name: "x".to_owned(),
            command: vec!["true".to_owned()],
            paths: Vec::new(),
        };
        program.function(
            "future",
            &super::future(&[future], &[(&validator, Shown::New)]),
        );
        program.raw("\"${1:-run}\"");
        let mut names: Vec<&str> = program
            .as_str()
            .lines()
            .filter_map(|line| line.strip_suffix("() {").or(line.strip_suffix("() (")))
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert!(all > 120, "only {all} functions");
        assert_eq!(names.len(), all, "two functions have one name");

        let mut child = Command::new("shellcheck")
            .args(["--shell=dash", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("shellcheck, which `.ci/run` installs");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(program.as_str().as_bytes()).unwrap();
        drop(stdin);
        let said = child.wait_with_output().unwrap();
        assert!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stdout)
        );
    }
}
