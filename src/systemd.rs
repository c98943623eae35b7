//! What systemd says of units: the one question, and the one reader of its answer.
//!
//! Pure. Which of it matters, and what follows, is for those who ask.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// The question: everything that anybody here wants to know of a unit, in one call. What
/// systemctl(1) prints are blocks of lines, parted by blank ones, in the order of the units.
macro_rules! show {
    () => {
        "systemctl show --no-pager --timestamp=us+utc --property=Id,LoadState,ActiveState,SubState,\
         Result,UnitFileState,NeedDaemonReload,ReloadResult,NRestarts,MainPID,ExecMainStatus,Type,\
         WorkingDirectory,ControlGroup,InvocationID,ActiveEnterTimestamp,StateChangeTimestamp,\
         InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic,\
         ActiveExitTimestampMonotonic,InactiveEnterTimestampMonotonic --"
    };
}

/// `show_units UNIT...`: what systemd says of each; of a pattern, of those it has loaded. It is
/// asked by `in_time`, which whoever takes this brings along.
pub const SHOW_UNITS: &str = concat!("show_units() { in_time ", show!(), " \"$@\"; }\n");

/// The same for the script of checks, which has a function `ask` for commands.
pub const ASK_UNITS: &str = concat!("ask ", show!());

/// What systemd says of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitState<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> UnitState<'a> {
    /// Reads the answer: a unit a block, in the order of the question.
    pub fn all(reply: &'a str) -> impl Iterator<Item = Self> {
        reply.trim_end().split("\n\n").map(Self::read)
    }

    fn read(block: &'a str) -> Self {
        let lines = block.lines().filter_map(|line| line.split_once('='));
        Self(lines.collect())
    }

    /// A property; none if systemd has not said it.
    #[must_use]
    pub fn get(&self, property: &str) -> Option<&'a str> {
        self.0.get(property).copied()
    }

    /// A property as a text, empty if there is none.
    #[must_use]
    pub fn text(&self, property: &str) -> &'a str {
        self.get(property).unwrap_or_default()
    }

    /// Its own name, which may differ from an alias that was asked for.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.text("Id")
    }

    /// Whether systemd has no file of it; none if it has not said.
    #[must_use]
    pub fn is_missing(&self) -> Option<bool> {
        Some(self.get("LoadState")? == "not-found")
    }

    /// `active`, `inactive`, `failed`, `activating` …
    #[must_use]
    pub fn state(&self) -> &'a str {
        self.text("ActiveState")
    }

    /// Whether it runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        runs(self.state())
    }

    /// `enabled`, `disabled`, `masked`, `static` … ; empty if it has no file.
    #[must_use]
    pub fn file_state(&self) -> &'a str {
        self.text("UnitFileState")
    }

    /// Whether its file is newer than what systemd read.
    #[must_use]
    pub fn needs_daemon_reload(&self) -> bool {
        self.get("NeedDaemonReload") == Some("yes")
    }

    /// When it began to run, last.
    #[must_use]
    pub fn started(&self) -> Option<Timestamp> {
        timestamp(self.get("ActiveEnterTimestamp")?)
    }

    /// When it last began to run, or read its files again.
    #[must_use]
    pub fn loaded(&self) -> Option<Timestamp> {
        timestamp(self.get("StateChangeTimestamp")?)
    }
}

/// Whether a unit in this state runs.
#[must_use]
pub fn runs(state: &str) -> bool {
    matches!(state, "active" | "reloading" | "refreshing")
}

/// Whether a unit whose file is in this state starts at boot. What another unit pulls in has no
/// state of its own that could be enabled.
#[must_use]
pub fn starts_at_boot(file_state: &str) -> bool {
    matches!(
        file_state,
        "enabled" | "static" | "indirect" | "alias" | "generated"
    )
}

/// `Sun 2026-11-22 21:05:56.634181 UTC`, as systemctl(1) prints it with `--timestamp=us+utc`.
fn timestamp(text: &str) -> Option<Timestamp> {
    let mut words = text.split(' ').skip(1);
    let (date, time) = (words.next()?, words.next()?);
    if words.next() != Some("UTC") {
        return None;
    }
    format!("{date}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_in_the_order_of_the_question() {
        let reply = "Id=a.service\nLoadState=loaded\nActiveState=active\nUnitFileState=\n\n\
                     LoadState=not-found\nActiveState=inactive\n\nrubbish\n";
        let units: Vec<UnitState<'_>> = UnitState::all(reply).collect();
        assert_eq!(units.len(), 3);
        assert_eq!((units[0].id(), units[0].runs()), ("a.service", true));
        assert_eq!(units[0].get("UnitFileState"), Some(""));
        assert_eq!(units[0].get("Result"), None);
        assert_eq!(units[1].is_missing(), Some(true));
        assert_eq!((units[2].is_missing(), units[2].state()), (None, ""));
    }

    #[test]
    fn a_time_is_one_in_utc() {
        let text = "Sun 2026-11-22 21:05:56.634181 UTC";
        assert_eq!(
            timestamp(text).unwrap().as_microsecond(),
            1_795_381_556_634_181
        );
        for no in ["", "n/a", "Sun 2026-11-22 21:05:56 CET"] {
            assert_eq!(timestamp(no), None, "{no}");
        }
    }

    #[test]
    fn the_question_is_one_command() {
        assert!(SHOW_UNITS.starts_with("show_units() { in_time systemctl show "));
        assert!(ASK_UNITS.starts_with("ask systemctl show ") && ASK_UNITS.ends_with(" --"));
        assert!(!show!().contains("  ") && !show!().contains(", "));
    }
}
