//! How long a restart keeps a service away, going by what it did last.

use crate::systemd::UnitState;
use std::fmt;
use std::time::Duration;

/// How long its last start took, and its last stop if there was one since the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    start: Duration,
    stop: Option<Duration>,
}

impl Gap {
    /// Reads it from the properties of a unit that runs: microseconds since the server runs.
    pub(super) fn read(state: &UnitState<'_>) -> Option<Self> {
        let time = |name| state.get(name)?.parse().ok().filter(|time: &u64| *time > 0);
        let between = |from: Option<u64>, to: Option<u64>| {
            Some(Duration::from_micros(to?.checked_sub(from?)?))
        };
        let start = between(
            time("InactiveExitTimestampMonotonic"),
            time("ActiveEnterTimestampMonotonic"),
        )?;
        let stop = between(
            time("ActiveExitTimestampMonotonic"),
            time("InactiveEnterTimestampMonotonic"),
        );
        Some(Self { start, stop })
    }
}

impl fmt::Display for Gap {
    /// `about 1.4 s without it: its last stop took 0.6 s, its last start 0.8 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, stop) = (
            self.start.as_secs_f64(),
            self.stop.map(|stop| stop.as_secs_f64()),
        );
        match stop {
            Some(stop) => write!(
                f,
                "about {:.1} s without it: its last stop took {stop:.1} s, its last start {start:.1} s",
                start + stop
            ),
            None => write!(
                f,
                "about {start:.1} s without it and the time to stop: its last start took so long"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(exit: &str, enter: &str, left: &str, ended: &str) -> Option<String> {
        let reply = format!(
            "InactiveExitTimestampMonotonic={exit}\nActiveEnterTimestampMonotonic={enter}\n\
             ActiveExitTimestampMonotonic={left}\nInactiveEnterTimestampMonotonic={ended}\n"
        );
        let state = UnitState::all(&reply).next()?;
        Gap::read(&state).map(|gap| gap.to_string())
    }

    #[test]
    fn a_gap_is_what_systemd_saw() {
        assert_eq!(
            gap("3000000", "3800000", "2000000", "2600000").as_deref(),
            Some("about 1.4 s without it: its last stop took 0.6 s, its last start 0.8 s")
        );
        assert_eq!(
            gap("3000000", "3800000", "0", "0").as_deref(),
            Some("about 0.8 s without it and the time to stop: its last start took so long")
        );
        assert_eq!(gap("", "", "", ""), None);
        assert_eq!(gap("0", "3800000", "0", "0"), None);
    }
}
