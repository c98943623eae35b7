//! The history of a server: what its runs left behind, and which of them one can go back to.

use std::fmt;

/// What a run counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// The whole stack was applied, and looked at from outside.
    Proven,
    /// A part of the stack was applied.
    Partial,
    /// The whole stack was applied, and no client has said that its checks pass.
    Unverified,
}

impl RunStatus {
    /// The word kept on the server.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Partial => "partial",
            Self::Unverified => "unverified",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A run of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// The generation it made.
    pub generation: u64,
    /// When it ended, in seconds since 1970.
    pub time: i64,
    /// Who has applied.
    pub who: String,
    /// Its id.
    pub run: String,
    /// What it changed.
    pub changes: String,
    /// The digest of the inventory's text; none for a run of an old version.
    pub inventory: Option<String>,
    /// What it counts for.
    pub standing: RunStatus,
    /// The generation it went back to, if it did that.
    pub back_to: Option<u64>,
}

impl PastRun {
    /// Reads a line of the history; none for one that is not understood.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [generation, time, who, run, changes, rest @ ..] = &fields[..] else {
            return None;
        };
        let word = |at: usize| rest.get(at).copied().filter(|word| !word.is_empty());
        Some(Self {
            generation: generation.parse().ok()?,
            time: time.parse().ok()?,
            who: (*who).to_owned(),
            run: (*run).to_owned(),
            changes: (*changes).to_owned(),
            inventory: word(0).map(str::to_owned),
            standing: match word(1) {
                None | Some("proven") => RunStatus::Proven,
                Some("unverified") => RunStatus::Unverified,
                // One that a later version counts otherwise is nothing to go back to, either.
                Some(_) => RunStatus::Partial,
            },
            back_to: word(2).and_then(|word| word.parse().ok()),
        })
    }
}

/// The runs of a server, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// All of them.
    pub runs: Vec<PastRun>,
    /// The generations of which the server keeps what they rested on, in order.
    pub kept: Vec<u64>,
}

impl History {
    /// Reads what [`history`](super::history()) prints.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut history = Self::default();
        for line in text.lines() {
            match line.split_once('\t') {
                Some(("kept", number)) => history.kept.extend(number.parse::<u64>()),
                _ => history.runs.extend(PastRun::parse(line)),
            }
        }
        history.kept.sort_unstable();
        history
    }

    fn get(&self, generation: u64) -> Option<&PastRun> {
        self.runs.iter().find(|run| run.generation == generation)
    }

    /// The last run that proved the whole stack: what the server is at.
    #[must_use]
    pub fn current(&self) -> Option<&PastRun> {
        let mut runs = self.runs.iter().rev();
        runs.find(|run| run.standing == RunStatus::Proven)
    }

    /// The generation that one came from in the end: itself, unless it went back to another.
    fn origin(&self, generation: u64) -> u64 {
        let mut at = generation;
        // One goes back only to what was before: it ends.
        while let Some(before) = self.get(at).and_then(|run| run.back_to) {
            if before >= at {
                break;
            }
            at = before;
        }
        at
    }

    /// The generations one can go back to, in order.
    #[must_use]
    pub fn targets(&self) -> Vec<u64> {
        let proven = |number: &u64| {
            let run = self.get(*number);
            run.is_some_and(|run| run.standing == RunStatus::Proven)
        };
        self.kept.iter().copied().filter(proven).collect()
    }

    /// Where to go back to when nobody says: the proven generation before the one the server is
    /// at; that one itself if something was applied over it that is not proven. What was gone
    /// back from is passed over.
    #[must_use]
    pub fn before(&self) -> Option<u64> {
        let current = self.current()?.generation;
        let last = self.runs.last().map(|run| run.generation);
        if last != Some(current) && self.kept.contains(&current) {
            return Some(current);
        }
        let origin = self.origin(current);
        let mut targets = self.targets().into_iter().rev();
        targets.find(|number| *number < origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history in which each run is a number, what it counts for and what it went back to.
    fn history(runs: &[(u64, &str, &str)]) -> History {
        let mut text = String::new();
        for (number, standing, back) in runs {
            text += &format!("{number}\t0\tme\trun\tall\tdigest\t{standing}\t{back}\n");
            text += &format!("kept\t{number}\n");
        }
        History::parse(&text)
    }

    #[test]
    fn lines_of_old_versions_are_read() {
        let run = PastRun::parse("7\t100\tme@here\trun\t1 to create").unwrap();
        assert_eq!((run.generation, run.inventory), (7, None));
        assert_eq!(run.standing, RunStatus::Proven);
        assert_eq!(PastRun::parse("seven\t100\tme\trun\tx"), None);
        assert_eq!(PastRun::parse(""), None);
    }

    #[test]
    fn one_goes_back_to_what_was_proven_before() {
        const PROVEN: &str = "proven";
        for (runs, before) in [
            (&[][..], None),
            (&[(1, PROVEN, "")], None),
            (&[(1, PROVEN, ""), (2, PROVEN, "")], Some(1)),
            // Only a part was applied since: that is what one wants to be rid of.
            (&[(1, PROVEN, ""), (2, "partial", "")], Some(1)),
            (&[(1, "unverified", ""), (2, PROVEN, "")], None),
            // What was gone back from is not gone back to.
            (&[(1, PROVEN, ""), (2, PROVEN, ""), (4, PROVEN, "1")], None),
            (
                &[
                    (1, PROVEN, ""),
                    (2, PROVEN, ""),
                    (3, PROVEN, ""),
                    (4, PROVEN, "2"),
                ],
                Some(1),
            ),
        ] {
            assert_eq!(history(runs).before(), before, "{runs:?}");
        }
    }

    #[test]
    fn only_what_is_kept_and_proven_is_a_target() {
        let mut history = history(&[(1, "proven", ""), (2, "partial", ""), (3, "proven", "")]);
        assert_eq!(history.targets(), [1, 3]);
        history.kept = vec![2, 3];
        assert_eq!(history.targets(), [3]);
        assert_eq!(history.before(), None);
        assert_eq!(history.current().map(|run| run.generation), Some(3));
    }
}
