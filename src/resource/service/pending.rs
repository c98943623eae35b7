//! What a service owes: reactions that nobody has made yet, because what it runs is not what
//! its files say.

use crate::resource::vocabulary::probe::fields;
use crate::resource::{Probe, Reaction};
use crate::types::AbsolutePath;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A reaction, and why.
pub(in crate::resource) type Pending = (Reaction, String);

/// What the probe of services printed beside the properties of systemd.
#[derive(Debug)]
pub(in crate::resource) struct Notes<'a> {
    /// What earlier runs that were cut off did not get to, by unit.
    pending: BTreeMap<&'a str, Reaction>,
    /// When each path was last changed: its content, its mode, its name.
    changed: BTreeMap<&'a str, Timestamp>,
    /// What the commands that compare said: their status and their first line, by unit.
    compared: BTreeMap<&'a str, (&'a str, &'a str)>,
    /// The programs that the processes run, by their links in `/proc`.
    programs: BTreeMap<&'a str, &'a str>,
}

impl<'a> Notes<'a> {
    /// Reads them.
    pub(in crate::resource) fn read(reply: &'a str) -> Self {
        let threes = || reply.lines().filter_map(fields::<3>);
        let changed = threes().filter(|line| line[0] == "changed");
        let pending = threes().filter(|line| line[0] == "pending");
        let programs = threes().filter(|line| line[0] == "program");
        // Of a reaction that only a later version knows a restart is the strongest that this one does.
        let reaction = |word| Reaction::parse(word).unwrap_or(Reaction::Restart);
        Self {
            pending: pending.map(|line| (line[1], reaction(line[2]))).collect(),
            changed: changed
                .filter_map(|line| Some((line[2], epoch(line[1])?)))
                .collect(),
            programs: programs.map(|line| (line[1], line[2])).collect(),
            compared: reply
                .lines()
                .filter_map(fields::<4>)
                .filter(|line| line[0] == "compared")
                .map(|line| (line[1], (line[2], line[3])))
                .collect(),
        }
    }

    /// What an earlier run left to this unit.
    pub(in crate::resource) fn pending_for(&self, unit: &str) -> Option<Pending> {
        let reaction = *self.pending.get(unit)?;
        Some((reaction, "pending from an interrupted run".to_owned()))
    }

    /// A path that was changed after the moment at which it was last read. Equal times are no
    /// change: the clock of a file is some milliseconds behind that of systemd. Of the path
    /// `except` it is known otherwise what was read.
    pub(in crate::resource) fn newer(
        &self,
        probe: &Probe,
        patterns: &[String],
        read: Timestamp,
        except: Option<&AbsolutePath>,
    ) -> Option<&'a str> {
        probe
            .matching(patterns)
            .filter(|path| Some(*path) != except)
            .filter_map(|path| self.changed.get_key_value(path.as_str()))
            .find(|(_, changed)| **changed > read)
            .map(|(path, _)| *path)
    }

    /// Whether this path was changed after that moment.
    pub(in crate::resource) fn changed_after(&self, path: &str, moment: Timestamp) -> bool {
        self.changed
            .get(path)
            .is_some_and(|changed| *changed > moment)
    }

    /// Why the command that compares what runs with the files says no.
    pub(in crate::resource) fn differs(&self, unit: &str) -> Option<String> {
        match self.compared.get(unit)? {
            ("1", said) => Some((*said).to_owned()),
            _ => None,
        }
    }

    /// Why the command could not compare them, which is neither yes nor no.
    pub(in crate::resource) fn unknown(&self, unit: &str) -> Option<String> {
        match self.compared.get(unit)? {
            ("0" | "1", _) => None,
            (status, "") => Some(format!("{unit} could not be asked: status {status}")),
            (_, said) => Some((*said).to_owned()),
        }
    }

    /// Whether the program that this process runs is no longer the one on disk.
    pub(in crate::resource) fn replaced(&self, pid: &str) -> bool {
        let path = format!("/proc/{pid}/exe");
        self.programs
            .get(path.as_str())
            .is_some_and(|program| program.ends_with(" (deleted)"))
    }
}

/// Seconds since 1970 with nine decimals, as stat(1) prints them.
fn epoch(text: &str) -> Option<Timestamp> {
    let (seconds, decimals) = text.split_once('.')?;
    Timestamp::new(seconds.parse().ok()?, decimals.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systemd::UnitState;

    #[test]
    fn times_of_stat_and_of_systemctl_compare() {
        let reply = "ActiveEnterTimestamp=Sun 2026-11-22 21:05:56.634181 UTC";
        let systemd = UnitState::all(reply).next().unwrap().started().unwrap();
        assert_eq!(epoch("1795381556.634181000"), Some(systemd));
        assert!(epoch("1795381556.634181001").unwrap() > systemd);
        assert!(epoch("1795381556.600000000").unwrap() < systemd);
    }
}
