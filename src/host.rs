//! What every program on the server shares: where its state is, the lock that whoever changes the
//! server takes, the clock, and files that are replaced whole.
//!
//! Pure. The shell of it stands in `host.sh`; every script that needs the state's place gets it
//! from here, as `$STATE`.

use crate::shell::Script;

/// Where the server keeps what it knows of runs.
pub const STATE: &str = "/var/lib/foobar-stack";

/// The version of the record there (`managed`, and what is beside it). It rises when something is
/// added; a server without a note of it has the first. What a program does not know it keeps.
pub const RECORD: u32 = 2;

/// The version that a program must know at least, to change a server whose record is of
/// [`RECORD`]. It rises when one that knows less would take or remove what it must not.
pub const RECORD_NEEDS: u32 = 2;

/// Who writes it, for people.
pub const PROGRAM: &str = concat!("foobar-stack ", env!("CARGO_PKG_VERSION"));

/// Status of a script that found the lock taken; it prints who holds it.
pub const LOCKED: i32 = 75;

/// A script that knows where the state is.
#[must_use]
pub fn script() -> Script {
    let mut script = Script::new();
    script.assign("STATE", STATE);
    script
}

/// A script with the shared functions.
#[must_use]
pub fn program() -> Script {
    let mut script = script();
    script.library(include_str!("host.sh"));
    script
}

/// The same for people, as a file of the server.
#[must_use]
pub fn file() -> Script {
    let mut script = script();
    script.raw(include_str!("host.sh"));
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// What `await_lock` says while somebody who has signed like this has the lock, and leaves once
    /// it is known that he is waited for.
    fn waits_for(holder: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut script = Script::new();
        script.assign("STATE", folder.path().to_str().unwrap());
        script.assign("HOLDER", holder);
        script.raw(include_str!("host.sh")).raw(
            r#"
            mkfifo "$STATE/has" "$STATE/may-go"
            (take_lock && printf '%s\n' "$HOLDER" >"$STATE/busy" && : >"$STATE/has" && read -r _ <"$STATE/may-go") &
            : <"$STATE/has"
            may_go() { echo "waits: $1" && echo go >"$STATE/may-go"; }
            if await_lock 600 may_go; then echo "has it"; else lock_holder && may_go "" | sed 's/^waits/does not wait/'; fi
            wait"#,
        );
        let mut command = Command::new("sh");
        command.args(["-euc", script.as_str()]);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    #[test]
    fn a_job_of_the_server_is_waited_for_and_nobody_else() {
        let job = "certificates are renewed since noon by foobar-stack-certificates";
        assert_eq!(waits_for(job), format!("waits: {job}\nhas it\n"));
        let person = "maintenance, switched since noon by me@desk";
        assert_eq!(waits_for(person), format!("{person}\ndoes not wait: \n"));
    }
}
