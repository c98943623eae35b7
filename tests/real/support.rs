//! What the tests share: the built program as a child process, and what it said.

use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The environment variable in which tests hand a secret to the program.
pub(crate) const CANARY_VARIABLE: &str = "FOOBAR_STACK_TEST_CANARY";

/// The program, untouched by the settings of whoever runs the tests.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foobar-stack"));
    for name in ["FOOBAR_STACK_INVENTORY", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn ending(command: &mut Command) -> Ending {
    let line = format!("{command:?}");
    match command.output() {
        Ok(output) => Ending::new(line, &output),
        Err(error) => panic!("cannot run {line}: {error}"),
    }
}

/// Starts the program, to go on while it runs.
pub(crate) fn start(command: &mut Command) -> Running {
    let line = format!("{command:?}");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    match command.spawn() {
        Ok(child) => Running { line, child },
        Err(error) => panic!("cannot run {line}: {error}"),
    }
}

/// A program that runs.
pub(crate) struct Running {
    line: String,
    child: Child,
}

impl Running {
    /// Starts the program with its output in a file.
    pub(crate) fn into_file(command: &mut Command, out: std::fs::File) -> Self {
        let line = format!("{command:?}");
        match command.stdout(out).stderr(Stdio::null()).spawn() {
            Ok(child) => Self { line, child },
            Err(error) => panic!("cannot run {line}: {error}"),
        }
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = killed {
            panic!("cannot kill {}: {error}", self.line);
        }
    }

    /// Interrupts it as Ctrl-C does, and gives the status it ends with.
    pub(crate) fn interrupted(&mut self) -> i32 {
        self.signalled("-INT")
    }

    /// Sends it a signal, and gives the status it ends with.
    pub(crate) fn signalled(&mut self, signal: &str) -> i32 {
        let kill = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(kill.is_ok_and(|status| status.success()), "{}", self.line);
        match self.child.wait() {
            Ok(status) => status.code().unwrap_or(-1),
            Err(error) => panic!("cannot wait for {}: {error}", self.line),
        }
    }

    /// Waits for its end, and gives the most memory that it had, in kB (`VmHWM` in proc(5)).
    pub(crate) fn memory(self) -> (Ending, u64) {
        let status = format!("/proc/{}/status", self.child.id());
        let watcher = std::thread::spawn(move || {
            let mut most = 0;
            while let Ok(text) = std::fs::read_to_string(&status) {
                let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                // One that has ended has no memory.
                let Some(line) = line else { break };
                let number = line.trim().trim_end_matches(" kB").parse();
                most = number.unwrap_or(most);
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            most
        });
        (self.ending(), watcher.join().unwrap_or_default())
    }

    /// Waits for its end.
    pub(crate) fn ending(self) -> Ending {
        match self.child.wait_with_output() {
            Ok(output) => Ending::new(self.line, &output),
            Err(error) => panic!("cannot wait for {}: {error}", self.line),
        }
    }
}

/// How a program ended, and what it said.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) line: String,
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A change, as a plan in JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Change {
    pub(crate) action: String,
    pub(crate) id: String,
}

impl Ending {
    fn new(line: String, output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            line,
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// Both streams, for a message.
    pub(crate) fn said(&self) -> String {
        let mut text = format!("{}\nended with {}\n", self.line, self.code);
        for (name, stream) in [("out", &self.out), ("err", &self.err)] {
            for line in stream.lines() {
                let _ = writeln!(text, "  {name}| {line}");
            }
        }
        text
    }

    /// Fails the test unless it ended with this status.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.said());
        self
    }

    /// Fails the test unless one of the streams has all these words.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for words in words {
            let said = self.out.contains(words) || self.err.contains(words);
            assert!(said, "it does not say {words:?}:\n{}", self.said());
        }
        self
    }

    /// The lines of its JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse = |line: &str| match serde_json::from_str(line) {
            Ok(value) => value,
            Err(error) => panic!("{error} in {line}\n{}", self.said()),
        };
        self.out.lines().map(parse).collect()
    }

    /// The lines of one type.
    pub(crate) fn lines(&self, kind: &str) -> Vec<Value> {
        let mut lines = self.json();
        lines.retain(|line| line["type"] == kind);
        lines
    }

    /// The last line, which sums up.
    #[track_caller]
    pub(crate) fn summary(&self) -> Value {
        match self.lines("summary").pop() {
            Some(summary) => summary,
            None => panic!("no summary:\n{}", self.said()),
        }
    }

    /// The changes of its plan; of its plans, if it made several.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let change = |line: &Value| Change {
            action: word(&line["action"]),
            id: word(&line["id"]),
        };
        self.lines("change").iter().map(change).collect()
    }
}

/// Looks again and again until something is there; fails after a minute.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        let waited = begin.elapsed();
        assert!(
            waited < Duration::from_secs(60),
            "{what}: not after {waited:?}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Writes a file and the folders it stands in.
pub(crate) fn write(path: &Path, text: &str) {
    let parent = path.parent().unwrap_or(path);
    let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(path, text));
    if let Err(error) = written {
        panic!("cannot write {}: {error}", path.display());
    }
}

/// Runs a script as root on a server of this ssh configuration: its status, and what it said.
/// Further scripts go over the connection that is kept at `control`.
pub(crate) fn ssh(config: &Path, server: &str, control: &Path, script: &str) -> (i32, String) {
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(config);
    ssh.args(["-o", "ControlMaster=auto", "-o", "ControlPersist=60"]);
    ssh.args(["-o", &format!("ControlPath={}", control.display())]);
    ssh.args([server, "exec 2>&1; bash -eu"]);
    ssh.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = match ssh.spawn() {
        Ok(child) => child,
        Err(error) => panic!("cannot run ssh: {error}"),
    };
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(script.as_bytes());
    }
    match child.wait_with_output() {
        Ok(output) => (
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        ),
        Err(error) => panic!("cannot wait for ssh: {error}"),
    }
}
