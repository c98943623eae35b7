//! The servers of the matrix: boxes whose disk goes back to a prepared one in a second, and the
//! program run against them.
//!
//! What is slow happens once: a first box installs everything, and its layers of the disk are
//! then laid under all others.

use crate::support::{Ending, ending, program, ssh, until, write};
use foobar_stack::sandbox::{self, Sandbox};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const STRIKE: &str = include_str!("strike.sh");

/// A disk that was prepared, the later ones on top of the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Disk {
    /// Nothing is installed; the archives of all packages are there.
    Downloaded,
    /// The packages are installed, none of their services runs.
    Installed,
    /// The stack is there, as another box had it.
    Applied,
}

impl Disk {
    const ALL: [Self; 3] = [Self::Downloaded, Self::Installed, Self::Applied];
}

/// Where the boxes of one run of the matrix are kept.
pub(crate) struct Lab {
    pub(crate) suite: String,
    state: PathBuf,
    temporary: Option<TempDir>,
}

impl Lab {
    /// A new one; in the folder `MATRIX_STATE`, if it is set, what was prepared stays.
    pub(crate) fn new(suite: &str) -> Self {
        let (state, temporary) = match std::env::var_os("MATRIX_STATE") {
            Some(folder) => (PathBuf::from(folder).join(suite), None),
            None => match tempfile::tempdir() {
                Ok(folder) => (folder.path().to_owned(), Some(folder)),
                Err(error) => panic!("no temporary folder: {error}"),
            },
        };
        write(&state.join(".keep"), "");
        Self {
            suite: suite.to_owned(),
            state,
            temporary,
        }
    }

    /// A file beside the prepared disks, if they are kept.
    pub(crate) fn kept(&self, name: &str) -> Option<PathBuf> {
        let is_kept = self.temporary.is_none();
        is_kept.then(|| self.state.join(name))
    }

    fn layer(&self, disk: Disk) -> PathBuf {
        self.state.join(format!("{disk:?}"))
    }

    /// Makes the disks, where they are not there yet.
    pub(crate) fn prepare(&self, say: &dyn Fn(&str)) {
        if Disk::ALL.iter().all(|disk| self.layer(*disk).exists()) {
            return;
        }
        for disk in Disk::ALL {
            remove(&self.layer(disk));
        }
        let machine = Machine::up(self, "first");
        say("preparing: the archives of the packages");
        let plan = machine.run(&["plan", "--json"]).exits(0).changes();
        let packages: Vec<&str> = plan
            .iter()
            .filter_map(|change| change.id.strip_prefix("package:"))
            .collect();
        let packages = packages.join(" ");
        let apt = "DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends";
        machine.on(&format!("{apt} --download-only {packages}"));
        machine.keep(Disk::Downloaded);
        say("preparing: the packages");
        machine.reset(Disk::Downloaded);
        machine.on(&format!(
            "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d\n\
             {apt} {packages}\nrm /usr/sbin/policy-rc.d\n\
             for unit in nginx named mariadb mysql; do\n\
             systemctl disable --now $unit.service 2>/dev/null || true\ndone"
        ));
        machine.keep(Disk::Installed);
        say("preparing: the stack");
        machine.reset(Disk::Installed);
        machine.run(&["apply", "--yes", "--json"]).exits(0);
        machine.keep(Disk::Applied);
    }
}

/// A box that runs; it goes with the value.
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) sandbox: Sandbox,
    state: PathBuf,
    runtime: Runtime,
    /// How often it has booted: each time has its own connection.
    boots: Cell<u32>,
    /// Whether it is as the example inventory says.
    good: Cell<bool>,
    /// The layers below its own, and whose they are.
    layers: Vec<(Disk, PathBuf)>,
}

impl Machine {
    /// Makes one, with the example inventory.
    pub(crate) fn up(lab: &Lab, name: &str) -> Self {
        // One that was left by a matrix that was ended.
        let down = ["sandbox", "down", name];
        let _ = ending(program(&down).env("FOOBAR_STACK_STATE", &lab.state));
        let up = ["sandbox", "up", name, "--suite", &lab.suite, "--json"];
        let up = ending(program(&up).env("FOOBAR_STACK_STATE", &lab.state));
        assert_eq!(up.code, 0, "a throw-away server is needed:\n{}", up.said());
        let folder = lab.state.join("sandbox").join(name);
        let description = read(&folder.join("sandbox.json"));
        let (sandbox, runtime) = match (serde_json::from_str(&description), Runtime::new()) {
            (Ok(sandbox), Ok(runtime)) => (sandbox, runtime),
            (Err(error), _) => panic!("{error} in {description}"),
            (_, Err(error)) => panic!("no runtime: {error}"),
        };
        Self {
            name: name.to_owned(),
            sandbox,
            state: lab.state.clone(),
            runtime,
            boots: Cell::new(0),
            good: Cell::new(false),
            layers: Disk::ALL.map(|disk| (disk, lab.layer(disk))).into(),
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.good.get()
    }

    pub(crate) fn set_good(&self, good: bool) {
        self.good.set(good);
    }

    fn folder(&self) -> &Path {
        &self.sandbox.directory
    }

    /// Its file or folder as this machine sees it; to be read only.
    pub(crate) fn seen(&self, path: &str) -> PathBuf {
        self.folder()
            .join("upper")
            .join(path.trim_start_matches('/'))
    }

    /// Boots it with a prepared disk and nothing else on it.
    pub(crate) fn reset(&self, disk: Disk) {
        self.power_off();
        self.set_good(false);
        let below: Vec<String> = self
            .layers
            .iter()
            .rev()
            .filter(|(one, _)| *one <= disk)
            .map(|(_, path)| path.display().to_string())
            .chain(["base".to_owned()])
            .collect();
        root(
            "cd -- \"$1\"; rm -rf upper work; mkdir -m 755 upper work\n\
             cp -R --preserve=mode seed/. upper/; printf '%s\\n' \"$2\" >layers\n\
             mkdir -p upper/usr/local/sbin; cd upper/usr/local/sbin\n\
             printf '%s' \"$3\" >sed; chmod 755 sed; ln sed tac; ln sed sleep",
            &[
                &self.folder().display().to_string(),
                &below.join(":"),
                STRIKE,
            ],
        );
        self.boot();
    }

    /// Turns it off, and makes its disk one of the prepared ones.
    fn keep(&self, disk: Disk) {
        self.on("sync");
        self.power_off();
        let layer = self.layers.iter().find(|(one, _)| *one == disk);
        let path = layer.map(|(_, path)| path.display().to_string());
        root(
            "cd -- \"$1\"; rm -f upper/usr/local/sbin/*; mv upper \"$2\"; rm -rf work; mkdir upper work",
            &[
                &self.folder().display().to_string(),
                &path.unwrap_or_default(),
            ],
        );
    }

    /// Cuts its power.
    pub(crate) fn power_off(&self) {
        let off = self.runtime.block_on(sandbox::power_off(&self.sandbox));
        assert!(off.is_ok(), "{}: {off:?}", self.name);
    }

    /// Boots it from the disk it has.
    pub(crate) fn boot(&self) {
        self.boots.set(self.boots.get() + 1);
        let on = self.runtime.block_on(sandbox::boot(&self.sandbox, &|_| ()));
        assert!(on.is_ok(), "{}: {on:?}", self.name);
    }

    /// Runs a script on it, as root.
    pub(crate) fn ask(&self, script: &str) -> (i32, String) {
        let control = self.folder().join(format!("ssh-{}", self.boots.get()));
        ssh(&self.sandbox.ssh_config(), &self.name, &control, script)
    }

    /// Runs a script on it, as root; it must end well.
    #[track_caller]
    pub(crate) fn on(&self, script: &str) -> String {
        let (code, said) = self.ask(script);
        assert_eq!(code, 0, "{}:\n{script}\n{said}", self.name);
        said
    }

    /// A copy of the example site, to be changed.
    pub(crate) fn site(&self) -> Site {
        let folder = match tempfile::tempdir() {
            Ok(folder) => folder,
            Err(error) => panic!("no temporary folder: {error}"),
        };
        let copied = Command::new("cp")
            .arg("-a")
            .args(["app", "inventory.toml"].map(|name| self.folder().join(name)))
            .arg(folder.path())
            .status();
        assert!(copied.is_ok_and(|status| status.success()));
        Site { folder }
    }

    /// Runs the program with the example inventory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ending {
        ending(&mut command(
            &self.folder().join("inventory.toml"),
            arguments,
        ))
    }

    /// Starts the program with the example inventory.
    pub(crate) fn start(&self, arguments: &[&str]) -> Client {
        Client::start(&mut command(
            &self.folder().join("inventory.toml"),
            arguments,
        ))
    }

    /// Says where a run is to be struck, and how.
    pub(crate) fn strike(&self, place: &str, how: &str) {
        self.on(&format!(
            "mkdir -p /strike /go-on; echo {how} >/strike/{place}"
        ));
    }

    /// Waits until the run is there.
    #[track_caller]
    pub(crate) fn at_the_strike(&self, place: &str) {
        let mark = self.seen("at-strike").join(place);
        until("the place of the strike", || mark.exists().then_some(()));
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self, place: &str) {
        self.on(&format!("touch /go-on/{place}"));
    }

    /// Fails unless it was struck wherever it was to be.
    #[track_caller]
    pub(crate) fn was_struck(&self) {
        assert_eq!(self.on("ls /strike"), "", "not struck");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let down = ["sandbox", "down", &self.name];
        let _ = ending(program(&down).env("FOOBAR_STACK_STATE", &self.state));
    }
}

/// A folder with an inventory of its own.
pub(crate) struct Site {
    folder: TempDir,
}

impl Site {
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes one of its files.
    pub(crate) fn write(&self, path: &str, text: &str) {
        write(&self.path(path), text);
    }

    /// Changes its inventory.
    #[track_caller]
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let text = read(&self.path("inventory.toml"));
        assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
        self.write("inventory.toml", &text.replace(from, to));
    }

    /// Runs the program with it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ending {
        ending(&mut command(&self.path("inventory.toml"), arguments))
    }

    /// Starts the program with it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Client {
        Client::start(&mut command(&self.path("inventory.toml"), arguments))
    }
}

fn command(inventory: &Path, arguments: &[&str]) -> Command {
    let mut command = program(&["--inventory"]);
    command.arg(inventory).args(arguments).env("USER", "tester");
    command
}

/// The program at work. It writes to files: one that is killed has said what it has said.
pub(crate) struct Client {
    child: Child,
    line: String,
    out: PathBuf,
    folder: TempDir,
}

impl Client {
    fn start(command: &mut Command) -> Self {
        let line = format!("{command:?}");
        let started = tempfile::tempdir().and_then(|folder| {
            let out = folder.path().join("out");
            command.stdout(std::fs::File::create(&out)?);
            command.stderr(std::fs::File::create(folder.path().join("err"))?);
            Ok((command.spawn()?, out, folder))
        });
        match started {
            Ok((child, out, folder)) => Self {
                child,
                line,
                out,
                folder,
            },
            Err(error) => panic!("cannot run {line}: {error}"),
        }
    }

    /// Ends it as a power cut of its machine would.
    pub(crate) fn kill(mut self) -> Ending {
        let _ = self.child.kill();
        self.ending()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "{}", self.line);
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        read(&self.out) + &read(&self.folder.path().join("err"))
    }

    /// Waits for its end.
    pub(crate) fn ending(mut self) -> Ending {
        let code = match self.child.wait() {
            Ok(status) => status.code().unwrap_or(-1),
            Err(error) => panic!("cannot wait for {}: {error}", self.line),
        };
        Ending {
            line: self.line,
            code,
            out: read(&self.out),
            err: read(&self.folder.path().join("err")),
        }
    }
}

/// Runs a script on this machine, as root.
fn root(script: &str, words: &[&str]) {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("sh")
    } else {
        let mut command = Command::new("sudo");
        command.args(["-n", "sh"]);
        command
    };
    let done = ending(command.args(["-euc", script, "sh"]).args(words));
    assert_eq!(done.code, 0, "{}", done.said());
}

fn remove(path: &Path) {
    root("rm -rf -- \"$1\"", &[&path.display().to_string()]);
}

pub(crate) fn read(path: &Path) -> String {
    match std::fs::read(path) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => panic!("cannot read {}: {error}", path.display()),
    }
}
