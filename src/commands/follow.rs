//! Follows a run on the server to its end: over broken connections, past Ctrl-C, and with a
//! look at the stack from outside when the run asks for one.

use super::connection::{ConnectOptions, connect};
use super::load::Workspace;
use super::others::{self, OtherServer};
use super::verify::{self, SETTLE};
use crate::bundle::{self, Event};
use crate::check::{Check, Report};
use crate::error::Error;
use crate::report::Reporter;
use crate::server::{Reply, ServerError, Session};
use crate::shell::Script;
use crate::types::ServerName;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// How long a lost connection is tried again.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_secs(2);

/// What a client does when the run waits for proof.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    /// It makes these checks, and says whether they pass.
    Prove {
        checks: &'a [Check],
        /// What they said before the run, if that may have been anything but yes: then only what
        /// passed before must pass.
        before: Option<&'a Report>,
    },
    /// It says that it could log in, which is all that the run asks for.
    LogIn,
    /// It only watches.
    Watch,
}

/// What Ctrl-C means. A signal to end (SIGTERM) always leaves the run to itself.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum OnInterrupt {
    /// The first one stops the run, the second one leaves it to itself.
    Stop,
    /// The run continues without us.
    Detach,
}

/// Who follows, and what.
pub(super) struct Follower<'a> {
    pub(super) workspace: &'a Workspace,
    /// The server that the run is on.
    pub(super) server: &'a ServerName,
    pub(super) connection: &'a ConnectOptions,
    pub(super) reporter: &'a Reporter,
    /// The run.
    pub(super) run: &'a str,
    /// The titles of its steps.
    pub(super) titles: &'a [String],
    /// What to do when the run waits for proof.
    pub(super) part: Part<'a>,
    /// The other servers of a rollout: what passed there must still pass.
    pub(super) others: &'a [OtherServer],
    /// What Ctrl-C means.
    pub(super) on_interrupt: OnInterrupt,
}

/// What the events have said so far.
#[derive(Default)]
struct RunState {
    lines: usize,
    /// What the run waits for, until it says that it has it.
    proving: Option<Needs>,
    /// What the checks said.
    report: Option<Report>,
    finished: bool,
    unverified: Option<String>,
    failed_step: Option<(usize, i32)>,
    unproven: Option<String>,
    stopped: Option<usize>,
    undone: bool,
    undo_failed: Vec<String>,
    locked: Option<String>,
    moved: Option<u64>,
}

/// What a run that waits for proof needs of a client.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Needs {
    /// To hear whether the checks pass.
    Verdict,
    /// That somebody could log in, if anything.
    Login,
}

impl RunState {
    fn take(&mut self, event: &Event) {
        self.proving = match event {
            Event::Proving { verdict: true } => Some(Needs::Verdict),
            Event::Proving { verdict: false } => Some(Needs::Login),
            _ => None,
        };
        match event {
            Event::Unverified { why } => self.unverified = Some(why.clone()),
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

    /// How the run ended, and what the checks said.
    fn ending(self, follower: &Follower<'_>) -> Result<Option<Report>, Error> {
        let title = |step: usize| follower.titles.get(step).cloned().unwrap_or_default();
        let directory = bundle::run_directory(follower.run);
        if self.finished {
            // What another client has said of it does not make what this one has seen good.
            let flaw = self
                .report
                .as_ref()
                .and_then(|report| follower.flaw(report));
            return match (self.unverified, flaw) {
                (_, Some(why)) => Err(Error::Unproven { why }),
                (Some(why), None) => Err(Error::Unverified { why }),
                (None, None) => Ok(self.report),
            };
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
    pub(super) async fn follow(&self, session: &mut Session) -> Result<Option<Report>, Error> {
        let mut state = RunState::default();
        let mut interrupts = Interrupts::new()?;
        loop {
            match self.listen(session, &mut state, &mut interrupts).await {
                Err(Error::Server(ServerError::Lost { .. })) => {
                    self.reporter.note(
                        "the connection is lost; the run continues on the server; reconnecting",
                    );
                    *session = self.reconnect(&mut interrupts).await?;
                }
                other => break other?,
            }
        }
        state.ending(self)
    }

    /// Shows events for as long as the connection holds.
    async fn listen(
        &self,
        session: &mut Session,
        state: &mut RunState,
        interrupts: &mut Interrupts,
    ) -> Result<(), Error> {
        let (proving, mut asked) = mpsc::unbounded_channel();
        if let Some(needs) = state.proving {
            // It was asked over the connection that is lost.
            let _ = proving.send(needs);
        }
        let script = bundle::follow(self.run, state.lines + 1);
        let mut report = state.report.take();
        let mut on_line = |line: &str| {
            state.lines += 1;
            if let Some(event) = Event::parse(line) {
                state.take(&event);
                self.reporter.event(&event);
                if let Some(needs) = state.proving {
                    let _ = proving.send(needs);
                }
            }
        };
        let follow = session.follow("following the run", &script, &mut on_line);
        let ended = self
            .attend(follow, &mut asked, &mut report, interrupts)
            .await;
        state.report = report;
        ended
    }

    /// Does what is to be done while events come, until no more come.
    async fn attend(
        &self,
        follow: impl Future<Output = Result<Reply, ServerError>>,
        asked: &mut mpsc::UnboundedReceiver<Needs>,
        report: &mut Option<Report>,
        interrupts: &mut Interrupts,
    ) -> Result<(), Error> {
        tokio::pin!(follow);
        let mut proof = std::pin::pin!(None);
        let mut stop = std::pin::pin!(None);
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                reply = &mut follow => return Ok(reply.map(drop)?),
                Some(needs) = asked.recv() => proof.set(Some(self.prove(needs))),
                seen = pending(proof.as_mut()) => {
                    proof.set(None);
                    *report = seen;
                }
                () = pending(stop.as_mut()) => stop.set(None),
                _ = tick.tick() => self.reporter.tick(),
                interrupt = interrupts.next() => {
                    if interrupt == Interrupt::Leave || self.on_interrupt == OnInterrupt::Detach {
                        return Err(Error::LeftBehind { unit: bundle::unit(self.run) });
                    }
                    self.reporter.note("stopping after this step; once more leaves the run to itself");
                    stop.set(Some(self.stop()));
                }
            }
        }
    }

    /// Gives the run what it needs, over a new connection: again and again until it has arrived.
    /// When the run ends meanwhile, whoever waits for this does so no longer.
    async fn prove(&self, needs: Needs) -> Option<Report> {
        if matches!(self.part, Part::Watch) {
            return None;
        }
        loop {
            match self.try_to_prove(needs).await {
                Ok(report) => return report,
                Err(error) => {
                    self.reporter.error(&error, error.hint().as_deref());
                    self.reporter
                        .note("the run still waits for its proof; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn try_to_prove(&self, needs: Needs) -> Result<Option<Report>, Error> {
        let mut session = self.connect().await?;
        let here = bundle::reach(self.run);
        self.deliver(&mut session, "saying that we are here", &here)
            .await?;
        let (Needs::Verdict, Part::Prove { checks, .. }) = (needs, self.part) else {
            return Ok(None);
        };
        let (here, reporter) = (Ok(&mut session), self.reporter);
        let settle = Some(SETTLE);
        let report = verify::ask(checks, self.workspace, self.server, here, settle, reporter).await;
        let mut flaw = self.flaw(&report);
        if flaw.is_none() {
            let (workspace, connection) = (self.workspace, self.connection);
            flaw = others::flaw(self.others, workspace, connection, self.reporter).await;
            self.reporter.about(self.server);
        }
        let verdict = bundle::say_verdict(self.run, flaw.as_deref());
        self.deliver(&mut session, "telling the verdict", &verdict)
            .await?;
        Ok(Some(report))
    }

    /// Why what the checks said does not prove the run, if it does not.
    fn flaw(&self, report: &Report) -> Option<String> {
        let Part::Prove { before, .. } = self.part else {
            return None;
        };
        let broken = match before {
            None => report.first_unproven(),
            Some(before) => report.first_regression(before),
        };
        broken.map(|outcome| format!("{}: {}", outcome.hop, outcome.name))
    }

    /// Runs a script that leaves word for the run, until it could: a full disk may become free.
    async fn deliver(
        &self,
        session: &mut Session,
        doing: &'static str,
        script: &Script,
    ) -> Result<(), Error> {
        let mut said = false;
        loop {
            let reply = session.run(doing, script).await?;
            if reply.success() {
                return Ok(());
            }
            if !said {
                said = true;
                self.reporter.note(&format!(
                    "{doing} failed, trying again: {}",
                    reply.stderr.trim()
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn stop(&self) {
        let stopped = async {
            let mut session = self.connect().await?;
            session
                .run("asking the run to stop", &bundle::stop(self.run))
                .await?;
            Ok::<(), Error>(())
        };
        if let Err(error) = stopped.await {
            self.reporter.error(&error, error.hint().as_deref());
        }
    }

    async fn connect(&self) -> Result<Session, Error> {
        connect(self.server, self.workspace, self.connection, self.reporter).await
    }

    async fn reconnect(&self, interrupts: &mut Interrupts) -> Result<Session, Error> {
        let began = Instant::now();
        loop {
            match self.connect().await {
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
                        _ = interrupts.next() => {
                            return Err(Error::LeftBehind { unit: bundle::unit(self.run) });
                        }
                    }
                }
            }
        }
    }
}

/// What a signal asks of a client that follows a run.
#[derive(Clone, Copy, PartialEq)]
enum Interrupt {
    /// The first Ctrl-C.
    Stop,
    /// Another Ctrl-C, or a signal to end.
    Leave,
}

/// The signals that ask a client to end, whatever is under way meanwhile. They are heard for as
/// long as the run is followed, since a handler once installed replaces what they do by default.
struct Interrupts {
    ctrl_c: Signal,
    terminate: Signal,
    stop_asked: bool,
}

impl Interrupts {
    fn new() -> Result<Self, Error> {
        let hear = |kind| signal(kind).map_err(Error::io("hear signals"));
        Ok(Self {
            ctrl_c: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            stop_asked: false,
        })
    }

    async fn next(&mut self) -> Interrupt {
        tokio::select! {
            Some(()) = self.ctrl_c.recv() => {
                if std::mem::replace(&mut self.stop_asked, true) {
                    Interrupt::Leave
                } else {
                    Interrupt::Stop
                }
            }
            Some(()) = self.terminate.recv() => Interrupt::Leave,
            else => std::future::pending().await,
        }
    }
}

/// Waits for what may not be under way at all.
async fn pending<F: Future>(mut slot: Pin<&mut Option<F>>) -> F::Output {
    match slot.as_mut().as_pin_mut() {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
