//! Changes one server as its plan says, proves it, and sees to it that nothing is left to do.

use super::confirm::confirm;
use super::connected::Sessions;
use super::connection::ConnectOptions;
use super::follow::{Follower, OnInterrupt, Part};
use super::interrupt::interruptible;
use super::load::Workspace;
use super::others::OtherServer;
use super::recheck;
use super::survey::{Request, Scope, Survey, survey};
use super::verify::{self, SETTLE};
use crate::bundle::{self, Proof, RunContext, RunStatus};
use crate::check::Report;
use crate::error::Error;
use crate::plan::Plan;
use crate::random;
use crate::report::Reporter;
use crate::server::{Payload, Session};
use crate::types::{Fqdn, ServerName};

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
pub(super) async fn agree(
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
pub(super) fn guard(survey: &Survey, options: &Options) -> Result<(), Error> {
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
pub(super) struct Launcher<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) options: &'a Options,
    pub(super) connection: &'a ConnectOptions,
    pub(super) reporter: &'a Reporter,
}

impl Launcher<'_> {
    /// Whether the plan is of the whole stack: a part of it cannot prove the whole.
    pub(super) fn is_whole(&self, first: &Survey) -> bool {
        match &self.options.request.scope {
            Scope::Everything => true,
            Scope::Roles(_) => false,
            Scope::Saved(saved) => saved.target.is_none() && first.left.is_empty(),
        }
    }

    /// Whether there is something to write down, though there may be nothing to change: a run that
    /// was killed at its very end made what nobody has written down yet.
    fn is_unrecorded(&self, first: &Survey) -> bool {
        let wanted = first.facts.unsettled || first.lost || self.options.request.adopt;
        self.is_whole(first) && wanted
    }

    /// Whether there is nothing to do.
    pub(super) fn is_done(&self, first: &Survey) -> bool {
        first.plan.is_empty() && !self.is_unrecorded(first)
    }

    /// Changes one server to what somebody has agreed to, proves it, and sees to it that nothing is
    /// left to do. Gives what the checks said, if they were made.
    pub(super) async fn change(
        &self,
        sessions: &mut Sessions,
        first: Survey,
        others: &[OtherServer],
    ) -> Result<Option<Report>, Error> {
        let Self {
            workspace,
            options,
            reporter,
            ..
        } = *self;
        let request = &options.request;
        let name = first.stack.server.clone();
        let (whole, unrecorded) = (self.is_whole(&first), self.is_unrecorded(&first));
        // What is hidden now cannot be proven yet: that is for the second run.
        let hidden = !first.plan.hidden.is_empty();
        let standing = |complete: bool| match (whole, complete && !options.no_verify) {
            (false, _) => RunStatus::Partial,
            (true, false) => RunStatus::Unverified,
            (true, true) => RunStatus::Proven,
        };
        let session = sessions.of_server(&name)?;
        let mut report = self.run(session, &first, standing(!hidden), others).await?;
        let roles = match &request.scope {
            Scope::Everything => Some(None),
            Scope::Roles(roles) => Some(Some(roles.as_slice())),
            Scope::Saved(_) => None,
        };
        if let Some(roles) = roles
            && !unrecorded
            && let Some(left) =
                interruptible(recheck::after(session, &first, roles, reporter)).await?
        {
            converged(&left, reporter)?;
            return Ok(report);
        }
        let mut after = self.look_again(sessions, &name).await?;
        if hidden && !after.plan.is_empty() {
            reporter.note("what could not be compared before:");
            reporter.plan(&after.plan);
            let session = sessions.of_server(&name)?;
            let question = "Apply these changes, too?";
            agree(session, &after, options, question, reporter).await?;
            report = self.run(session, &after, standing(true), others).await?;
            after = self.look_again(sessions, &name).await?;
        }
        converged(&after.plan, reporter)?;
        // What the first of two runs could not prove, there is nothing left to do for.
        if hidden && whole && !options.no_verify && after.facts.unverified.is_some() {
            let session = sessions.of_server(&name)?;
            let proof = verify::prove(session, workspace, &after, Some(SETTLE), reporter);
            report = Some(interruptible(proof).await?);
        }
        Ok(report)
    }

    /// The server as it is now.
    async fn look_again(
        &self,
        sessions: &mut Sessions,
        name: &ServerName,
    ) -> Result<Survey, Error> {
        let request = &self.options.request;
        let surveyed = survey(sessions, self.workspace, request, self.reporter);
        let survey = interruptible(surveyed).await?.take(name)?;
        self.reporter.about(name);
        Ok(survey)
    }

    /// Ships the plan's program, and follows it to its end; gives what the checks said, if they
    /// were made.
    async fn run(
        &self,
        session: &mut Session,
        survey: &Survey,
        standing: RunStatus,
        others: &[OtherServer],
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
            others,
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
