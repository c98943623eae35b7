//! Events: what a run on the server says, one line each, and the whole contract between the
//! executor and whoever shows it.

use std::time::Duration;

/// One thing that happened in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The run holds the lock and begins.
    Started {
        /// The run's id.
        run: String,
    },
    /// A step begins.
    StepStarted {
        /// Its place among the steps of the bundle.
        step: usize,
    },
    /// A step printed a line.
    Log {
        /// The step.
        step: usize,
        /// The line.
        line: String,
    },
    /// A step goes on with one of its commands.
    Command {
        /// The step.
        step: usize,
        /// The command; of what is there already, what it would make.
        command: String,
        /// What became of it.
        state: CommandState,
    },
    /// A step ended well.
    StepFinished {
        /// The step.
        step: usize,
        /// How long it took.
        took: Duration,
    },
    /// A step failed; the run ends.
    StepFailed {
        /// The step.
        step: usize,
        /// The status of its command.
        status: i32,
    },
    /// All steps ended well; the server now has this generation.
    Finished {
        /// The number of runs the server has seen.
        generation: u64,
    },
    /// Everything is done; the run waits until it is proven.
    Proving {
        /// Whether a client must say that the checks pass.
        verdict: bool,
    },
    /// The verdict of a client has arrived.
    Judged {
        /// Whether it was yes.
        good: bool,
    },
    /// No client has said that the checks pass. The run stays all the same, since there is nothing
    /// proven to go back to; it is recorded as unverified.
    Unverified {
        /// Why it is not proven.
        why: String,
    },
    /// The run is not proven; the reason.
    Unproven {
        /// Which check or unit said no.
        why: String,
    },
    /// A line that explains what was just said.
    Said {
        /// The line.
        line: String,
    },
    /// The run failed before it touched anything.
    Failed,
    /// The run was asked to stop, and did so before this step.
    Stopped {
        /// The step that would have been next.
        step: usize,
    },
    /// The run failed, and what it touched goes back.
    Undoing,
    /// Something beside files, links and services was put back.
    PutBack {
        /// What.
        what: String,
    },
    /// What the run brought and an undo leaves: packages, accounts, data.
    Stays {
        /// What to call it.
        what: String,
    },
    /// All else is as it was before.
    Undone,
    /// Something could not be put back.
    UndoFailed {
        /// What.
        what: String,
    },
    /// A job of the server holds the lock; the run waits for it.
    Waiting {
        /// Who holds it, and since when, as the holder wrote it.
        holder: String,
    },
    /// Another run holds the lock; nothing was done.
    Locked {
        /// Who holds it, and since when, as the holder wrote it.
        holder: String,
    },
    /// The server is not what the plan rests on any more; nothing was done.
    Moved {
        /// The generation the server has now.
        generation: u64,
    },
}

/// What became of a command of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandState {
    /// It began.
    Started,
    /// It ended, well or not, after so long.
    Ended(Duration),
    /// It need not run: what it makes is there, which was put in its place in so long.
    Shared(Duration),
}

impl Event {
    /// The text in it that the server wrote, to be changed; most have none.
    pub fn text_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Log { line: text, .. }
            | Self::Command { command: text, .. }
            | Self::Said { line: text }
            | Self::Unproven { why: text }
            | Self::Unverified { why: text }
            | Self::UndoFailed { what: text }
            | Self::PutBack { what: text }
            | Self::Stays { what: text }
            | Self::Waiting { holder: text }
            | Self::Locked { holder: text } => Some(text),
            Self::Started { .. }
            | Self::StepStarted { .. }
            | Self::StepFinished { .. }
            | Self::StepFailed { .. }
            | Self::Finished { .. }
            | Self::Proving { .. }
            | Self::Judged { .. }
            | Self::Failed
            | Self::Stopped { .. }
            | Self::Undoing
            | Self::Undone
            | Self::Moved { .. } => None,
        }
    }

    /// Reads one line of the executor; none for a line that is no event.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once('\t').unwrap_or((line, ""));
        let step = |text: &str| text.parse::<usize>().ok();
        match word {
            "started" => Some(Self::Started {
                run: rest.to_owned(),
            }),
            "begin" => Some(Self::StepStarted { step: step(rest)? }),
            "log" => {
                let (number, line) = rest.split_once('\t')?;
                Some(Self::Log {
                    step: step(number)?,
                    line: line.trim_end_matches('\r').to_owned(),
                })
            }
            "command" => {
                let (number, rest) = rest.split_once('\t')?;
                let (state, command) = rest.split_once('\t')?;
                let state = match state.split_once(' ') {
                    None if state == "started" => CommandState::Started,
                    Some(("ended", took)) => CommandState::Ended(centiseconds(took)?),
                    Some(("same", took)) => CommandState::Shared(centiseconds(took)?),
                    _ => return None,
                };
                Some(Self::Command {
                    step: step(number)?,
                    command: command.to_owned(),
                    state,
                })
            }
            "end" => {
                let (number, took) = rest.split_once('\t')?;
                Some(Self::StepFinished {
                    step: step(number)?,
                    took: centiseconds(took)?,
                })
            }
            "failed-step" => {
                let (number, status) = rest.split_once('\t')?;
                Some(Self::StepFailed {
                    step: step(number)?,
                    status: status.parse().ok()?,
                })
            }
            "finished" => Some(Self::Finished {
                generation: rest.parse().ok()?,
            }),
            "proving" => Some(Self::Proving {
                verdict: rest == "verdict",
            }),
            "judged" => Some(Self::Judged {
                good: rest == "confirm",
            }),
            "unverified" => Some(Self::Unverified {
                why: rest.to_owned(),
            }),
            "unproven" => Some(Self::Unproven {
                why: rest.to_owned(),
            }),
            "said" => Some(Self::Said {
                line: rest.to_owned(),
            }),
            "failed" => Some(Self::Failed),
            "stopped" => Some(Self::Stopped { step: step(rest)? }),
            "undoing" => Some(Self::Undoing),
            "put-back" => Some(Self::PutBack {
                what: rest.to_owned(),
            }),
            "stays" => Some(Self::Stays {
                what: rest.to_owned(),
            }),
            "undone" => Some(Self::Undone),
            "undo-failed" => Some(Self::UndoFailed {
                what: rest.to_owned(),
            }),
            "waiting" => Some(Self::Waiting {
                holder: rest.to_owned(),
            }),
            "locked" => Some(Self::Locked {
                holder: rest.to_owned(),
            }),
            "moved" => Some(Self::Moved {
                generation: rest.parse().ok()?,
            }),
            _ => None,
        }
    }
}

/// A duration as the executor writes it.
fn centiseconds(text: &str) -> Option<Duration> {
    Some(Duration::from_millis(
        text.parse::<u64>().ok()?.checked_mul(10)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_events() {
        let event = |line: &str| Event::parse(line);
        assert_eq!(
            event("started\tr1"),
            Some(Event::Started { run: "r1".into() })
        );
        assert_eq!(event("begin\t3"), Some(Event::StepStarted { step: 3 }));
        assert_eq!(
            event("log\t3\ta\tb"),
            Some(Event::Log {
                step: 3,
                line: "a\tb".into()
            })
        );
        let took = Duration::from_millis(120);
        assert_eq!(
            event("end\t3\t12"),
            Some(Event::StepFinished { step: 3, took })
        );
        assert_eq!(
            event("failed-step\t3\t1"),
            Some(Event::StepFailed { step: 3, status: 1 })
        );
        assert_eq!(
            event("finished\t7"),
            Some(Event::Finished { generation: 7 })
        );
        assert_eq!(event("failed"), Some(Event::Failed));
        for (line, verdict) in [("proving\tverdict", true), ("proving\tlogin", false)] {
            assert_eq!(event(line), Some(Event::Proving { verdict }));
        }
        for (line, good) in [("judged\tconfirm", true), ("judged\tundo", false)] {
            assert_eq!(event(line), Some(Event::Judged { good }));
        }
        assert_eq!(
            event("waiting\tcertificates are renewed"),
            Some(Event::Waiting {
                holder: "certificates are renewed".into()
            })
        );
        assert_eq!(
            event("undo-failed\tkept /etc/x"),
            Some(Event::UndoFailed {
                what: "kept /etc/x".into()
            })
        );
        assert_eq!(
            event("stays\taccount x"),
            Some(Event::Stays {
                what: "account x".into()
            })
        );
        for (line, state) in [
            ("started", CommandState::Started),
            ("ended 12", CommandState::Ended(took)),
            ("same 12", CommandState::Shared(took)),
        ] {
            let command = "sh -c 'a\tb'".to_owned();
            let step = 3;
            assert_eq!(
                event(&format!("command\t3\t{line}\tsh -c 'a\tb'")),
                Some(Event::Command {
                    step,
                    command,
                    state
                })
            );
        }
        assert_eq!(event("command\t3\tended\tx"), None);
        assert_eq!(event("junk"), None);
        assert_eq!(event("begin\tx"), None);
    }
}
