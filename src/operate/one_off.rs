//! A one-off command: something that a person runs once, as the app would (`run`, `shell`, `db`).
//!
//! It runs in the release that serves, with the app's account, environment, secrets and limits:
//! what the server's own unit of the slot that serves says, not what the inventory says by now. It is
//! a unit of its own (systemd-run(1)), so that its limits do not take from the app's, and so that the
//! journal has who ran what and how it ended.

use crate::check::{Check, Deployment, Question};
use crate::shell::Script;
use crate::types::SiteName;

/// How the script ends where no release serves.
pub const NOT_SERVING: i32 = 3;

/// Finds the programs that a release brings first, and commands whose path begins in its folder.
const FIND: &str = r#"for folder in node_modules/.bin vendor/bin .venv/bin; do [ ! -d "$folder" ] || PATH=$PWD/$folder:$PATH; done; export PATH; exec "$@""#;

/// How systemd is asked: on the terminal if there is one, else on pipes. It changes neither the colours nor the title
/// of the terminal.
const START: &str = "SYSTEMD_TINT_BACKGROUND=0 SYSTEMD_ADJUST_TERMINAL_TITLE=0 exec systemd-run --quiet --wait --collect --pty --pipe --service-type=exec \"$@\"";

/// The client of the database; what it is typed is kept in no file of the app's.
const CLIENT: &str = r#"export MYSQL_HISTFILE=/dev/null; exec "$(command -v mariadb || command -v mysql)" --socket="$DATABASE_SOCKET" --database="$DATABASE_NAME" "$@""#;

/// The words of a shell.
#[must_use]
pub fn shell() -> Vec<String> {
    vec!["bash".to_owned()]
}

/// The words of the database's client, as the app's account, in the app's database.
#[must_use]
pub fn database_client(options: &[String]) -> Vec<String> {
    let words = ["sh", "-c", CLIENT, "db"].map(str::to_owned);
    words.into_iter().chain(options.iter().cloned()).collect()
}

/// The deployment of a site, if it has processes.
#[must_use]
pub fn deployment<'a>(checks: &'a [Check], site: &SiteName) -> Option<&'a Deployment> {
    let of_site = |check: &&Check| check.site.as_ref().is_none_or(|one| one == site);
    checks
        .iter()
        .filter(of_site)
        .find_map(|check| match &check.question {
            Question::Deployment(deployment) => Some(deployment),
            _ => None,
        })
}

/// The units of one-off commands beside a deployment, as a pattern.
#[must_use]
pub fn units(deployment: &Deployment) -> String {
    format!("{}-run-*.service", deployment.name)
}

/// A command of somebody's.
#[derive(Debug, Clone, PartialEq)]
pub struct OneOff<'a> {
    /// What it runs beside.
    pub deployment: &'a Deployment,
    /// The command and its arguments.
    pub words: &'a [String],
    /// Who runs it.
    pub who: &'a str,
    /// What makes its unit's name its own: letters and digits.
    pub id: &'a str,
}

impl OneOff<'_> {
    /// The unit that it runs in.
    fn unit(&self) -> String {
        units(self.deployment).replace('*', self.id)
    }

    /// The program on the server that starts it: `sh` takes it.
    #[must_use]
    pub fn program(&self) -> String {
        format!("/run/foobar-stack/run-{}", self.id)
    }

    /// The script that writes the program; it ends with [`NOT_SERVING`] where no release serves.
    #[must_use]
    pub fn prepare(&self) -> Script {
        let mut script = self.begin();
        script
            .assign("name", &self.deployment.name)
            .assign("upstream", self.deployment.upstream.as_str())
            .assign("options", self.options().as_str())
            .assign("program", self.start().as_str())
            .raw("write_one_off");
        script
    }

    /// The script that runs until the client goes away, and then ends the command.
    #[must_use]
    pub fn guard(&self) -> Script {
        let mut script = self.begin();
        script.raw("guard_one_off");
        script
    }

    fn begin(&self) -> Script {
        let mut script = Script::new();
        script
            .assign("unit", &self.unit())
            .assign("file", &self.program())
            .library(include_str!("one_off.sh"));
        script
    }

    /// What systemd is told besides what the app's unit says.
    fn options(&self) -> Script {
        let description = format!("--description={}: {}", self.who, self.shown());
        let mut script = Script::new();
        script.call(
            "set -- \"$@\"",
            [format!("--unit={}", self.unit()), description],
        );
        if let Some(port) = self.deployment.port {
            // Some programs read their configuration for whatever they do.
            script.call(
                "set -- \"$@\"",
                [format!("--property=Environment=PORT={port}")],
            );
        }
        script
    }

    /// The command on one line, for the journal.
    fn shown(&self) -> String {
        const LIMIT: usize = 200;
        let all = self.words.join(" ");
        let words: Vec<&str> = all.split_whitespace().collect();
        words.join(" ").chars().take(LIMIT).collect()
    }

    /// How it is started.
    fn start(&self) -> Script {
        let mut script = Script::new();
        // systemd fills in $… of a command.
        let words = ["/bin/sh", "-c", FIND, "sh"].into_iter();
        let words = words.chain(self.words.iter().map(String::as_str));
        let words: Vec<String> = words.map(|word| word.replace('$', "$$")).collect();
        script.call(START, words);
        script
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::AbsolutePath;
    use std::process::Command;

    fn deployment() -> Deployment {
        Deployment {
            name: "foobar-app".to_owned(),
            upstream: AbsolutePath::new("/etc/nginx/foobar-stack/foobar-app.conf").unwrap(),
            port: Some(8000),
            instances: 1,
        }
    }

    /// The words that a program of the server gets, one a line, if `systemd-run` only prints them.
    fn words_of(one_off: &OneOff<'_>) -> Vec<String> {
        let mut script = Script::new();
        script
            .raw("print_words() { printf '%s\\n' \"$@\"; }; set --")
            .append(&one_off.options())
            .raw("set -- \"$@\" --")
            .append(&one_off.start());
        let text = script.as_str().replace("exec systemd-run", "print_words");
        let output = Command::new("sh").args(["-c", &text]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn words_arrive_as_they_were_typed_and_systemd_fills_in_nothing() {
        let typed = ["printf", "it's $HOME", "%i", "--pty", ""].map(str::to_owned);
        let one_off = OneOff {
            deployment: &deployment(),
            words: &typed,
            who: "me",
            id: "1f",
        };
        let words = words_of(&one_off);
        let own = words.iter().position(|word| word == "--").unwrap();
        assert_eq!(
            words[..own].last().unwrap(),
            "--property=Environment=PORT=8000"
        );
        assert!(words.contains(&"--unit=foobar-app-run-1f.service".to_owned()));
        assert!(words.contains(&"--description=me: printf it's $HOME %i --pty".to_owned()));
        let escaped = ["printf", "it's $$HOME", "%i", "--pty", ""];
        assert_eq!(words[words.len() - 5..], escaped);
    }

    #[test]
    fn secrets_are_in_its_environment_where_they_are_in_that_of_the_app() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("unit");
        let with = "ExecStart=/bin/sh -c 'do \"$$x\"' with-secrets /srv/x --flag\n";
        for (line, expected) in [
            (with, "--\n/bin/sh\n-c\ndo \"$$x\"\nwith-secrets\n"),
            ("ExecStart=/srv/x A -- b\n", "--\n"),
        ] {
            std::fs::write(&file, line).unwrap();
            let mut script = Script::new();
            script
                .library(include_str!("one_off.sh"))
                .raw("set --")
                .raw("eval \"$(secrets_of \"$file\")\"")
                .raw("printf '%s\\n' \"$@\"");
            let output = Command::new("sh")
                .args(["-c", script.as_str()])
                .env("file", &file)
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        }
    }

    #[test]
    fn the_properties_are_those_of_the_app_without_how_it_is_started() {
        let unit = "[Unit]\nDescription=x\n[Service]\n# A comment=1\nType=exec\nUser=foobar\n\
                    Environment=PORT=%i\nEnvironment=\"A=50%% 'it'\"\nExecStart=/bin/x\n\
                    Restart=always\nMemoryMax=512M\nSystemCallFilter=~@privileged\n";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("unit");
        std::fs::write(&file, unit).unwrap();
        let mut script = Script::new();
        script
            .library(include_str!("one_off.sh"))
            .call("properties_of", [file.to_str().unwrap()]);
        let output = Command::new("sh").args(["-c", script.as_str()]).output();
        let said = String::from_utf8(output.unwrap().stdout).unwrap();
        let mut script = format!("set --\n{said}");
        script.push_str("printf '%s\\n' \"$@\"\n");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            words.lines().collect::<Vec<_>>(),
            [
                "--property=User=foobar",
                "--property=Environment=\"A=50% 'it'\"",
                "--property=MemoryMax=512M",
                "--property=SystemCallFilter=~@privileged",
            ]
        );
    }
}
