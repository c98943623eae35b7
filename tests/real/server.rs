//! A throw-away server for the tests, and folders with inventories for it.

use crate::support::{CANARY_VARIABLE, Ending, Running, ending, program, ssh, start, write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The secrets of the inventory that come from this machine, by how they come.
pub(crate) const CANARIES: [(&str, &str); 3] = [
    ("FROM_ENV", "canary-from-env-5d1a7c"),
    ("FROM_FILE", "canary-from-file-91be02"),
    ("FROM_COMMAND", "canary-from-command-c47f33"),
];

/// A role that has what the built-in ones do not need, so that every kind is seen in every form.
const LAB: &str = include_str!("lab.toml");

/// A server that runs; it goes with the value.
pub(crate) struct Server {
    /// `trixie` or `sid`.
    pub(crate) suite: &'static str,
    /// Where it answers.
    pub(crate) address: IpAddr,
    /// The example inventory with the lab role.
    pub(crate) site: Site,
    state: TempDir,
    ssh_config: PathBuf,
}

/// A folder with an inventory, for a server.
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    state: PathBuf,
}

impl Server {
    /// Makes one.
    pub(crate) fn up(suite: &'static str) -> Self {
        let state = match tempfile::tempdir() {
            Ok(state) => state,
            Err(error) => panic!("no temporary folder: {error}"),
        };
        let up = ["sandbox", "up", suite, "--suite", suite, "--json"];
        let up = ending(program(&up).env("FOOBAR_STACK_STATE", state.path()));
        assert_eq!(
            up.code,
            0,
            "a throw-away server is needed for this test:\n{}",
            up.said()
        );
        let sandbox = up.lines("sandbox").remove(0);
        let text = |key: &str| sandbox[key].as_str().unwrap_or_default().to_owned();
        let folder = state.path().join("sandbox").join(suite);
        let site = Site {
            folder: state.path().join("site"),
            state: state.path().to_owned(),
        };
        copy(&folder.join("app"), &site.folder.join("app"));
        let inventory = read(Path::new(&text("inventory")));
        let secrets: String = CANARIES
            .iter()
            .map(|(name, _)| match *name {
                "FROM_ENV" => format!("{name} = {{ env = \"{CANARY_VARIABLE}\" }}\n"),
                "FROM_FILE" => format!("{name} = {{ file = \"canary\" }}\n"),
                _ => format!("{name} = {{ command = \"cat for-a-command\" }}\n"),
            })
            .collect();
        let generated = "SESSION_KEY = { generate = true }\n";
        assert_eq!(inventory.matches(generated).count(), 1);
        let inventory = inventory.replace(generated, &format!("{generated}{secrets}"));
        site.write("inventory.toml", &inventory);
        site.write("canary", &format!("{}\n", CANARIES[1].1));
        site.write("for-a-command", &format!("{}\n", CANARIES[2].1));
        site.write("roles/lab/role.toml", LAB);
        write(&site.temporary().join(".keep"), "");
        let address = match text("address").parse() {
            Ok(address) => address,
            Err(error) => panic!("{error}: {sandbox}"),
        };
        let server = Self {
            suite,
            address,
            site,
            ssh_config: folder.join("ssh_config"),
            state,
        };
        // As on every machine that starts by an initramfs.
        server.on("mount -o remount,noexec /run");
        server
    }

    /// A bare machine, on which these packages are.
    pub(crate) fn with_packages(names: &str) -> Self {
        let server = Self::up("trixie");
        server.on(&format!(
            "apt-get update -qq >/dev/null\n\
             DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
             {names} >/dev/null 2>&1"
        ));
        server
    }

    /// `mysql` or `mariadb`.
    pub(crate) fn engine(&self) -> &'static str {
        if self.suite == "sid" {
            "mysql"
        } else {
            "mariadb"
        }
    }

    /// Runs the program with the server's inventory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ending {
        self.site.run(arguments)
    }

    /// Runs a script on the server, as root.
    pub(crate) fn ask(&self, script: &str) -> (i32, String) {
        let control = self.state.path().join("ssh");
        ssh(&self.ssh_config, self.suite, &control, script)
    }

    /// Runs a script on the server, as root; it must end well.
    #[track_caller]
    pub(crate) fn on(&self, script: &str) -> String {
        let (code, said) = self.ask(script);
        assert_eq!(code, 0, "on {}:\n{script}\n{said}", self.suite);
        said
    }

    /// A fresh copy of the server's site, with another inventory.
    pub(crate) fn site_with(&self, name: &str, edit: impl Fn(String) -> String) -> Site {
        let names = (1..).map(|count| match count {
            1 => name.to_owned(),
            count => format!("{name}-{count}"),
        });
        let mut folders = names.map(|name| self.state.path().join(name));
        let site = Site {
            folder: folders.find(|folder| !folder.exists()).unwrap_or_default(),
            state: self.state.path().to_owned(),
        };
        copy(&self.site.folder, &site.folder);
        let inventory = edit(read(&site.folder.join("inventory.toml")));
        site.write("inventory.toml", &inventory);
        site
    }

    /// The file with the number of the process that holds it.
    pub(crate) fn pid_file(&self) -> String {
        let folder = self.state.path().join("sandbox").join(self.suite);
        folder.join("pid").display().to_string()
    }

    /// A folder of this machine for the time of the test.
    pub(crate) fn temporary(&self) -> String {
        self.state.path().display().to_string()
    }

    /// The address of this machine, as the server sees it.
    pub(crate) fn gateway(&self) -> String {
        self.on("set -- $SSH_CONNECTION; echo \"$1\"")
            .trim()
            .to_owned()
    }

    /// Makes the server as its inventory says, whatever has happened to it.
    #[track_caller]
    pub(crate) fn converge(&self) {
        self.run(&["apply", "--yes", "--json", "--delete-many"])
            .exits(0);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let down = ["sandbox", "down", self.suite];
        let down = ending(program(&down).env("FOOBAR_STACK_STATE", self.state.path()));
        if down.code != 0 && !std::thread::panicking() {
            panic!("{}", down.said());
        }
    }
}

impl Site {
    /// Writes one of its files.
    pub(crate) fn write(&self, path: &str, text: &str) {
        write(&self.folder.join(path), text);
    }

    /// Removes one of its folders.
    pub(crate) fn remove(&self, path: &str) {
        if let Err(error) = std::fs::remove_dir_all(self.folder.join(path)) {
            panic!("cannot remove {path}: {error}");
        }
    }

    /// Reads one of its files.
    pub(crate) fn read(&self, path: &str) -> String {
        read(&self.folder.join(path))
    }

    /// The program with its inventory, to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(&["--inventory"]);
        command
            .arg(self.folder.join("inventory.toml"))
            .args(arguments)
            .env(CANARY_VARIABLE, CANARIES[0].1)
            .env("USER", "tester")
            .env("TMPDIR", self.temporary())
            .env("FOOBAR_STACK_STATE", &self.state);
        command
    }

    /// Where the program has its temporary files.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.state.join("tmp")
    }

    /// Runs the program where a variable is not set.
    pub(crate) fn run_without(&self, variable: &str, arguments: &[&str]) -> Ending {
        ending(self.command(arguments).env_remove(variable))
    }

    /// Runs the program with its inventory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ending {
        ending(&mut self.command(arguments))
    }

    /// Starts the program with its inventory.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        start(&mut self.command(arguments))
    }

    /// Starts the program with its inventory as somebody at a terminal does: what it asks is
    /// answered on its standard input, and all it says is on its standard output.
    pub(crate) fn at_a_terminal(&self, arguments: &[&str]) -> Child {
        let program = self.command(arguments);
        let words = std::iter::once(program.get_program()).chain(program.get_args());
        let words: Vec<String> = words
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect();
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &words.join(" "), "/dev/null"]);
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => terminal.env(name, value),
                None => terminal.env_remove(name),
            };
        }
        match terminal
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
        {
            Ok(child) => child,
            Err(error) => panic!("cannot run script(1): {error}"),
        }
    }

    /// Starts the program with its inventory, its output in a file.
    pub(crate) fn follow(&self, arguments: &[&str], file: &Path) -> Running {
        write(file, "");
        let Ok(out) = std::fs::File::create(file) else {
            panic!("cannot write {}", file.display());
        };
        Running::into_file(&mut self.command(arguments), out)
    }

    /// The plan in JSON; there must be one.
    #[track_caller]
    pub(crate) fn plan(&self) -> Ending {
        self.run(&["plan", "--json"]).exits(0)
    }
}

fn read(path: &Path) -> String {
    match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => panic!("cannot read {}: {error}", path.display()),
    }
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    write(&to.join(".keep"), "");
    let mut command = Command::new("cp");
    command.args(["-a", "--"]).arg(from.join(".")).arg(to);
    let copied = ending(&mut command);
    assert_eq!(copied.code, 0, "{}", copied.said());
}
