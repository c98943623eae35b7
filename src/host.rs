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
    script.raw(include_str!("host.sh"));
    script
}
