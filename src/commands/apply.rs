//! `apply`: shows the plan, asks, has the server make it so, and proves it.

use super::load::{Secrets, Workspace, load};
use super::survey::{Reach, Survey, connect, random, survey, traffic};
use super::verify;
use crate::bundle::{self, Event};
use crate::error::{Error, Exit};
use crate::report::Reporter;
use crate::server::Session;
use std::path::Path;
use std::time::Duration;

/// How to apply.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// The roles it is limited to.
    pub(crate) target: Option<Vec<String>>,
    /// Whether to go on without asking.
    pub(crate) yes: bool,
    /// Whether to leave the proof out.
    pub(crate) no_verify: bool,
}

/// Applies the inventory.
pub(crate) async fn apply(
    inventory: &Path,
    wish: &Wish,
    reach: &Reach,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    if !wish.yes && !reporter.can_ask() {
        return Err(Error::Usage {
            message: "there is no terminal to ask on".to_owned(),
            hint: "look at the plan first, then apply with --yes".to_owned(),
        });
    }
    let workspace = load(inventory, Secrets::Read).await?;
    let mut session = connect(&workspace, reach, reporter).await?;
    let ending = converge(&mut session, &workspace, wish, reporter).await;
    reporter.traffic(&traffic(&session));
    ending
}

/// Plans, asks, runs and proves over one session.
pub(crate) async fn converge(
    session: &mut Session,
    workspace: &Workspace,
    wish: &Wish,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let target = wish.target.as_deref();
    let first = survey(session, workspace, target, reporter).await?;
    reporter.plan(&first.plan);
    if first.plan.is_empty() {
        return prove(session, workspace, &first, wish, None, reporter).await;
    }
    if !wish.yes
        && !reporter
            .confirm("Apply these changes?")
            .await
            .map_err(Error::io("read the answer"))?
    {
        return Err(Error::Declined);
    }
    let hidden = !first.plan.hidden.is_empty();
    run(session, workspace, first, reporter).await?;
    let mut after = survey(session, workspace, target, reporter).await?;
    if hidden && !after.plan.is_empty() {
        reporter.note("the database runs now; what could not be compared before:");
        reporter.plan(&after.plan);
        run(session, workspace, after, reporter).await?;
        after = survey(session, workspace, target, reporter).await?;
    }
    if !after.plan.is_empty() {
        reporter.plan(&after.plan);
        return Err(Error::NotConverged {
            changes: after.plan.changes.len(),
        });
    }
    prove(session, workspace, &after, wish, Some(SETTLE), reporter).await
}

/// How long services may take after a run until they answer.
const SETTLE: Duration = Duration::from_secs(20);

async fn prove(
    session: &mut Session,
    workspace: &Workspace,
    survey: &Survey,
    wish: &Wish,
    settle: Option<Duration>,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    // A part of the stack cannot prove the whole.
    if wish.no_verify || wish.target.is_some() {
        return Ok(Exit::Done);
    }
    let checks = &survey.stack.checks;
    verify::verify_stack(checks, workspace, Ok(session), settle, reporter).await
}

/// Ships the plan's program, and follows it to its end.
async fn run(
    session: &mut Session,
    workspace: &Workspace,
    survey: Survey,
    reporter: &Reporter,
) -> Result<(), Error> {
    let Survey {
        plan,
        work,
        stack,
        facts,
    } = survey;
    let run = run_id(facts.now);
    let bundle = bundle::compile(&run, &who(workspace), &plan, work, &stack);
    let archive = bundle::archive(&bundle).map_err(Error::io("pack the bundle"))?;
    reporter.steps(&bundle.titles);
    let started = session
        .ship("starting the run", &bundle::launch(&run), &archive)
        .await?;
    if !started.success() {
        return Err(Error::Launch {
            said: started.stderr,
        });
    }

    let mut last = None;
    let mut on_line = |line: &str| {
        if let Some(event) = Event::parse(line) {
            reporter.event(&event);
            if event.is_last() || matches!(event, Event::StepFailed { .. }) {
                // Of a failed step and the end of its run the step is what tells more.
                if !matches!(
                    (&last, &event),
                    (Some(Event::StepFailed { .. }), Event::Failed)
                ) {
                    last = Some(event);
                }
            }
        }
    };
    let script = bundle::follow(&run, 1);
    {
        let follow = session.follow("following the run", &script, &mut on_line);
        tokio::pin!(follow);
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                reply = &mut follow => break reply.map(drop)?,
                _ = tick.tick() => reporter.tick(),
                _ = tokio::signal::ctrl_c() => return Err(Error::LeftBehind { unit: bundle::unit(&run) }),
            }
        }
    }
    match last {
        Some(Event::Finished { .. }) => Ok(()),
        Some(Event::Locked { holder }) => Err(Error::Locked { holder }),
        Some(Event::Moved { generation }) => Err(Error::Moved { generation }),
        Some(Event::StepFailed { step, status }) => Err(Error::Step {
            title: bundle
                .titles
                .get(step)
                .map(|step| step.title.clone())
                .unwrap_or_default(),
            status,
        }),
        _ => Err(Error::RunDied {
            directory: bundle::run_directory(&run),
        }),
    }
}

/// A name for the run that sorts by time.
fn run_id(now: i64) -> String {
    let time = jiff::Timestamp::from_second(now).unwrap_or_default();
    let random = random();
    format!("{}-{}", time.strftime("%Y%m%d-%H%M%S"), &random[..6])
}

/// Who applies, for whoever finds the lock taken.
fn who(workspace: &Workspace) -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "somebody".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let domain = &workspace.inputs.inventory.site.domain;
    let plain = |text: &str| text.trim().replace(char::is_control, "");
    format!("{}@{} ({domain})", plain(&user), plain(&host))
}
