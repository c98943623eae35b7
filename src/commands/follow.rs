//! Follows a run on the server to its end: over broken connections, past Ctrl-C, and with a
//! look at the stack from outside when the run asks for one.

use super::load::Workspace;
use super::survey::{Reach, connect};
use super::verify;
use crate::bundle::{self, Event};
use crate::check::{Check, Outcome};
use crate::error::Error;
use crate::report::Reporter;
use crate::server::{ServerError, Session};
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// How long a lost connection is tried again.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_secs(2);
/// How long services may take after a run until they answer.
pub(super) const SETTLE: Duration = Duration::from_secs(15);

/// What who follows looks at when the run asks for it.
#[derive(Clone, Copy)]
pub(super) enum Looks<'a> {
    /// At these checks, and gives the verdict.
    At(&'a [Check]),
    /// At nothing: it only says that it has come.
    Nowhere,
}

/// Who follows, and what.
pub(super) struct Follower<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) reach: &'a Reach,
    pub(super) reporter: &'a Reporter,
    /// The run.
    pub(super) run: &'a str,
    /// The titles of its steps.
    pub(super) titles: &'a [String],
    /// What to look at when the run asks.
    pub(super) checks: Looks<'a>,
}

/// What the events have told so far.
#[derive(Default)]
struct Told {
    lines: usize,
    /// The run waits for proof, and has not said that it got any.
    proving: bool,
    finished: bool,
    failed_step: Option<(usize, i32)>,
    unproven: Option<String>,
    stopped: Option<usize>,
    undone: bool,
    undo_failed: Vec<String>,
    locked: Option<String>,
    moved: Option<u64>,
}

impl Told {
    fn take(&mut self, event: &Event) {
        self.proving = *event == Event::Proving;
        match event {
            Event::Finished { .. } => self.finished = true,
            Event::StepFailed { step, status } => self.failed_step = Some((*step, *status)),
            Event::Unproven { why } => {
                self.unproven.get_or_insert_with(|| why.clone());
            }
            Event::Stopped { step } => self.stopped = Some(*step),
            Event::Undone => self.undone = true,
            Event::UndoFailed { what } => self.undo_failed.push(what.clone()),
            Event::Locked { holder } => self.locked = Some(holder.clone()),
            Event::Moved { generation } => self.moved = Some(*generation),
            _ => {}
        }
    }

    /// How the run ended.
    fn ending(self, follower: &Follower<'_>) -> Result<(), Error> {
        let title = |step: usize| follower.titles.get(step).cloned().unwrap_or_default();
        let directory = bundle::run_directory(follower.run);
        if self.finished {
            return Ok(());
        }
        if let Some(holder) = self.locked {
            return Err(Error::Locked { holder });
        }
        if let Some(generation) = self.moved {
            return Err(Error::Moved { generation });
        }
        if let Some(step) = self.stopped {
            let left = follower.titles.len().saturating_sub(step);
            return Err(Error::Stopped {
                title: title(step),
                left,
            });
        }
        let cause = match (self.failed_step, self.unproven) {
            (Some((step, status)), _) => Error::Step {
                title: title(step),
                status,
            },
            (None, Some(why)) => Error::Unproven { why },
            (None, None) => return Err(Error::RunDied { directory }),
        };
        Err(if !self.undo_failed.is_empty() {
            Error::UndoFailed {
                what: self.undo_failed,
                directory,
                source: Box::new(cause),
            }
        } else if self.undone {
            Error::RolledBack(Box::new(cause))
        } else {
            cause
        })
    }
}

impl Follower<'_> {
    /// Shows the events until the run has ended, each once, and says how it ended.
    pub(super) async fn follow(&self, session: &mut Session) -> Result<(), Error> {
        let mut told = Told::default();
        let mut interrupts = Interrupts::new()?;
        loop {
            match self.listen(session, &mut told, &mut interrupts).await {
                Err(Error::Server(ServerError::Lost { .. })) => {
                    self.reporter.note(
                        "the connection is lost; the run goes on on the server; connecting again",
                    );
                    *session = self.reconnect(&mut interrupts).await?;
                }
                other => break other?,
            }
        }
        told.ending(self)
    }

    /// Shows events for as long as the connection holds.
    async fn listen(
        &self,
        session: &mut Session,
        told: &mut Told,
        interrupts: &mut Interrupts,
    ) -> Result<(), Error> {
        let (proving, mut asked) = mpsc::unbounded_channel();
        if told.proving {
            // It was asked over the connection that is lost.
            let _ = proving.send(());
        }
        let script = bundle::follow(self.run, told.lines + 1);
        let mut on_line = |line: &str| {
            told.lines += 1;
            if let Some(event) = Event::parse(line) {
                told.take(&event);
                self.reporter.event(&event);
                if event == Event::Proving {
                    let _ = proving.send(());
                }
            }
        };
        let follow = session.follow("following the run", &script, &mut on_line);
        tokio::pin!(follow);
        let mut proof = std::pin::pin!(None);
        let mut stop = std::pin::pin!(None);
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                reply = &mut follow => return Ok(reply.map(drop)?),
                Some(()) = asked.recv() => proof.set(Some(self.prove())),
                () = pending(proof.as_mut()) => proof.set(None),
                () = pending(stop.as_mut()) => stop.set(None),
                _ = tick.tick() => self.reporter.tick(),
                () = interrupts.next() => {
                    if interrupts.count > 1 {
                        return Err(Error::LeftBehind { unit: bundle::unit(self.run) });
                    }
                    self.reporter.note("stopping after this step; once more leaves the run to itself");
                    stop.set(Some(self.stop()));
                }
            }
        }
    }

    /// Looks at the stack over a new connection, and tells the run what it saw. When that
    /// connection cannot be made there is no verdict, which the run understands.
    async fn prove(&self) {
        let told = async {
            let mut session = connect(self.workspace, self.reach, self.reporter).await?;
            let here = bundle::reach(self.run);
            session.run("saying that we are here", &here).await?;
            let Looks::At(checks) = self.checks else {
                return Ok(());
            };
            let flaw = if checks.is_empty() {
                None
            } else {
                let server = Ok(&mut session);
                let report =
                    verify::ask(checks, self.workspace, server, Some(SETTLE), self.reporter).await;
                let name = |outcome: &Outcome| format!("{}: {}", outcome.hop, outcome.name);
                report.first_broken().map(name)
            };
            let script = bundle::say_verdict(self.run, flaw.as_deref());
            session.run("telling the verdict", &script).await?;
            Ok::<(), Error>(())
        };
        if let Err(error) = told.await {
            self.reporter.error(&error, error.hint().as_deref());
        }
    }

    async fn stop(&self) {
        let told = async {
            let mut session = connect(self.workspace, self.reach, self.reporter).await?;
            session
                .run("asking the run to stop", &bundle::stop(self.run))
                .await?;
            Ok::<(), Error>(())
        };
        if let Err(error) = told.await {
            self.reporter.error(&error, error.hint().as_deref());
        }
    }

    async fn reconnect(&self, interrupts: &mut Interrupts) -> Result<Session, Error> {
        let began = Instant::now();
        loop {
            match connect(self.workspace, self.reach, self.reporter).await {
                Ok(session) => return Ok(session),
                Err(error) if began.elapsed() > PATIENCE => {
                    self.reporter.error(&error, None);
                    return Err(Error::LeftBehind {
                        unit: bundle::unit(self.run),
                    });
                }
                Err(_) => {
                    tokio::select! {
                        () = tokio::time::sleep(PAUSE) => {}
                        () = interrupts.next() => {
                            return Err(Error::LeftBehind { unit: bundle::unit(self.run) });
                        }
                    }
                }
            }
        }
    }
}

/// Ctrl-C, each one counted, whatever is under way meanwhile.
struct Interrupts {
    signals: Signal,
    count: u32,
}

impl Interrupts {
    fn new() -> Result<Self, Error> {
        let signals = signal(SignalKind::interrupt()).map_err(Error::io("hear Ctrl-C"))?;
        Ok(Self { signals, count: 0 })
    }

    async fn next(&mut self) {
        if self.signals.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        self.count += 1;
    }
}

/// Waits for what may not be under way at all.
async fn pending<F: Future<Output = ()>>(mut slot: Pin<&mut Option<F>>) {
    match slot.as_mut().as_pin_mut() {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
