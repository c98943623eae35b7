//! `apply`: shows the plan, asks, has the server make it so, and proves it.

use super::confirm::confirm;
use super::connected::{Sessions, open};
use super::connection::ConnectOptions;
use super::follow::{Follower, OnInterrupt, Part, SETTLE};
use super::interrupt::interruptible;
use super::load::{Purpose, Workspace};
use super::recheck;
use super::survey::{Request, Scope, Survey, show, survey};
use super::verify;
use crate::bundle::{self, Proof, RunContext, RunStatus};
use crate::check::Report;
use crate::error::{Error, Exit};
use crate::plan::Plan;
use crate::random;
use crate::report::Reporter;
use crate::server::{Payload, Session};
use crate::types::Fqdn;
use std::path::Path;

/// How to apply.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// What it is about.
    pub(crate) request: Request,
    /// Whether to go on without asking.
    pub(crate) yes: bool,
    /// Whether to leave the proof out.
    pub(crate) no_verify: bool,
    /// Whether to remove even more than a third of what is managed.
    pub(crate) delete_many: bool,
    /// The generation that the inventory is of, if it is one of before.
    pub(crate) back_to: Option<u64>,
}

/// Applies the inventory.
pub(crate) async fn apply(
    inventory: &Path,
    options: &Options,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    can_agree(options, reporter)?;
    let (workspace, mut sessions) = open(inventory, Purpose::Send, connection, reporter).await?;
    let ending = converge(&mut sessions, &workspace, options, connection, reporter).await;
    sessions.report_traffic(reporter);
    ending
}

/// Refuses to begin what nobody could agree to.
pub(super) fn can_agree(options: &Options, reporter: &Reporter) -> Result<(), Error> {
    if options.yes || reporter.can_ask() {
        return Ok(());
    }
    Err(Error::Usage {
        message: "there is no terminal to ask on".to_owned(),
        hint: "look at the plan first, then apply with --yes".to_owned(),
    })
}

/// Plans, asks, runs and proves, on the only server of the inventory.
pub(crate) async fn converge(
    sessions: &mut Sessions,
    workspace: &Workspace,
    options: &Options,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let request = &options.request;
    let surveyed = interruptible(survey(sessions, workspace, request, reporter)).await?;
    let (name, first) = surveyed.only()?;
    // A part of the stack cannot prove the whole.
    let whole = match &request.scope {
        Scope::Everything => true,
        Scope::Roles(_) => false,
        Scope::Saved(saved) => {
            let server = &workspace.server(&name).ssh;
            saved.check(server, &first.stack, &first.observed, &first.plan)?;
            saved.target.is_none() && first.left.is_empty()
        }
    };
    show(&first, &workspace.inputs.inventory, reporter);
    if !first.left.is_empty() {
        let ids: Vec<String> = first.left.iter().map(ToString::to_string).collect();
        let ids = ids.join(", ");
        reporter.note(&format!("not in the saved plan, and left alone: {ids}"));
    }
    // A run that was killed at its very end made what nobody has written down yet.
    let unrecorded = whole && (first.facts.unsettled || first.lost || request.adopt);
    if first.plan.is_empty() && whole && first.facts.unsettled {
        reporter.note("an earlier run did not come to its end; this one clears up after it");
    }
    if first.plan.is_empty() && !unrecorded {
        if options.no_verify {
            return Ok(Exit::Done);
        }
        let (_, session) = sessions.only_mut()?;
        let report = verify::prove(session, workspace, &first, None, reporter);
        return interruptible(report)
            .await
            .map(|report| verify::exit(&report));
    }
    let (_, session) = sessions.only_mut()?;
    agree(session, &first, options, "Apply these changes?", reporter).await?;
    // What is hidden now cannot be proven yet: that is for the second run.
    let hidden = !first.plan.hidden.is_empty();
    let standing = |complete: bool| match (whole, complete && !options.no_verify) {
        (false, _) => RunStatus::Partial,
        (true, false) => RunStatus::Unverified,
        (true, true) => RunStatus::Proven,
    };
    let launcher = Launcher {
        workspace,
        options,
        connection,
        reporter,
    };
    let mut report = launcher.run(session, &first, standing(!hidden)).await?;
    let roles = match &request.scope {
        Scope::Everything => Some(None),
        Scope::Roles(roles) => Some(Some(roles.as_slice())),
        Scope::Saved(_) => None,
    };
    if let Some(roles) = roles
        && !unrecorded
        && let Some(left) = interruptible(recheck::after(session, &first, roles, reporter)).await?
    {
        converged(&left, reporter)?;
        return Ok(report.as_ref().map_or(Exit::Done, verify::exit));
    }
    let surveyed = interruptible(survey(sessions, workspace, request, reporter)).await?;
    let (_, mut after) = surveyed.only()?;
    if hidden && !after.plan.is_empty() {
        reporter.note("what could not be compared before:");
        reporter.plan(&after.plan);
        let (_, session) = sessions.only_mut()?;
        agree(
            session,
            &after,
            options,
            "Apply these changes, too?",
            reporter,
        )
        .await?;
        report = launcher.run(session, &after, standing(true)).await?;
        let surveyed = interruptible(survey(sessions, workspace, request, reporter)).await?;
        (_, after) = surveyed.only()?;
    }
    converged(&after.plan, reporter)?;
    // What the first of two runs could not prove, there is nothing left to do for.
    if hidden && whole && !options.no_verify && after.facts.unverified.is_some() {
        let (_, session) = sessions.only_mut()?;
        let proof = verify::prove(session, workspace, &after, Some(SETTLE), reporter);
        report = Some(interruptible(proof).await?);
    }
    // A part that has broken nothing stays, and does not make the stack healthy.
    Ok(report.as_ref().map_or(Exit::Done, verify::exit))
}

/// Refuses an end at which something is left to do.
fn converged(left: &Plan, reporter: &Reporter) -> Result<(), Error> {
    if left.is_empty() {
        return Ok(());
    }
    reporter.plan(left);
    Err(Error::NotConverged {
        changes: left.changes.len(),
    })
}

/// Makes sure that these changes are meant, and still the right ones after the answer.
async fn agree(
    session: &mut Session,
    survey: &Survey,
    options: &Options,
    question: &str,
    reporter: &Reporter,
) -> Result<(), Error> {
    guard(survey, options)?;
    if options.yes || survey.plan.is_empty() {
        return Ok(());
    }
    confirm(question, reporter).await?;
    // The answer may have taken a while.
    interruptible(recheck::server(session, survey, reporter)).await
}

/// Refuses a plan that removes more than a third of what is managed, unless that is meant: more
/// likely something is missing in the inventory.
fn guard(survey: &Survey, options: &Options) -> Result<(), Error> {
    let deletes = survey.plan.summary().delete;
    if options.delete_many || deletes * 3 <= survey.managed || survey.managed == 0 {
        return Ok(());
    }
    Err(Error::ManyDeletions {
        deletes,
        managed: survey.managed,
    })
}

/// Has the server run a plan.
struct Launcher<'a> {
    workspace: &'a Workspace,
    options: &'a Options,
    connection: &'a ConnectOptions,
    reporter: &'a Reporter,
}

impl Launcher<'_> {
    /// Ships the plan's program, and follows it to its end; gives what the checks said, if they
    /// were made.
    async fn run(
        &self,
        session: &mut Session,
        survey: &Survey,
        standing: RunStatus,
    ) -> Result<Option<Report>, Error> {
        let Survey {
            plan,
            work,
            stack,
            facts,
            record,
            ..
        } = survey;
        let run = run_id(facts.now);
        let checks = &stack.checks[..];
        // Proven by its checks; or, of a part, by those that passed before it: what failed then is
        // not its doing. The first of two runs starts what hides the rest, and the second one is
        // proven.
        let mut before = None;
        if standing == RunStatus::Partial && !self.options.no_verify {
            self.reporter.note("a part of the inventory is applied: what passes its checks now must still pass them then");
            let server = self.workspace.server(&stack.server);
            let look = verify::look(checks, server, session, self.reporter);
            before = Some(interruptible(async { Ok(look.await) }).await?);
        }
        let before = before.as_ref();
        let (proof, part) = match (standing, before) {
            (RunStatus::Proven, _) => (Proof::Checks(checks), Part::Prove { checks, before }),
            (_, Some(_)) => (Proof::NoRegression, Part::Prove { checks, before }),
            (_, None) => (Proof::Unchecked, Part::LogIn),
        };
        let context = RunContext {
            run: &run,
            who: &who(self.workspace),
            proof,
            record,
            generation: &self
                .workspace
                .generation(&stack.server)
                .for_roles(&stack.roles),
            standing,
            back_to: self.options.back_to,
        };
        let bundle = bundle::compile(&context, plan, work, stack);
        let mut archive = Payload::new();
        bundle::archive(&bundle, &mut archive).map_err(Error::io("pack the bundle"))?;
        self.reporter.steps(&bundle.titles);
        let launch = bundle::launch(&run);
        let shipping = async {
            Ok(session
                .ship("starting the run", &launch, &mut archive)
                .await?)
        };
        let started = match interruptible(shipping).await {
            Err(Error::Interrupted) => return Err(Error::InterruptedStart),
            other => other?,
        };
        if !started.success() {
            return Err(Error::Launch {
                said: started.stderr,
            });
        }
        let titles: Vec<String> = bundle
            .titles
            .iter()
            .map(|step| step.title.clone())
            .collect();
        let follower = Follower {
            workspace: self.workspace,
            server: &stack.server,
            connection: self.connection,
            reporter: self.reporter,
            run: &run,
            titles: &titles,
            part,
            on_interrupt: OnInterrupt::Stop,
        };
        follower.follow(session).await
    }
}

/// A name for the run that sorts by time.
fn run_id(now: i64) -> String {
    let time = jiff::Timestamp::from_second(now).unwrap_or_default();
    let random = random::hex();
    format!("{}-{}", time.strftime("%Y%m%d-%H%M%S"), &random[..6])
}

/// Who applies, for whoever finds the lock taken.
pub(super) fn who(workspace: &Workspace) -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| {
            let root = rustix::process::geteuid().is_root();
            if root { "root" } else { "somebody" }.to_owned()
        });
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let domains: Vec<&str> = workspace
        .inputs
        .inventory
        .domains()
        .map(Fqdn::as_str)
        .collect();
    let domains = domains.join(", ");
    let plain = |text: &str| text.trim().replace(char::is_control, "");
    format!("{}@{} ({domains})", plain(&user), plain(&host))
}
