//! Looks at servers and makes their plans: facts, stack, probe, comparison. Three round trips.

use super::connected::Sessions;
use super::load::Workspace;
use super::masks::mask_read;
use super::per_server::PerServer;
use super::{saved, shared_secrets};
use crate::conflict::{self, Claims, Conflicts, Meeting, Occupied};
use crate::error::Error;
use crate::facts::{Facts, Maintenance};
use crate::inventory::{Backups, Inventory};
use crate::operate::units;
use crate::operate::upgrades::{self, Upgrades};
use crate::plan::{self, Basis, Plan, SavedPlan, Stack};
use crate::random;
use crate::report::{Reporter, Verbosity};
use crate::resource::{
    ExecutionPlan, Managed, Observed, Probe, Removal, ResourceId, Retained, State, ownership,
};
use crate::server::Session;

/// Which changes a plan is about.
#[derive(Debug, Clone, Default)]
pub(crate) enum Scope {
    /// All there are.
    #[default]
    Everything,
    /// Those of these roles.
    Roles(Vec<String>),
    /// Those of a saved plan.
    Saved(SavedPlan),
}

/// What is to be planned.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    /// Which changes.
    pub(crate) scope: Scope,
    /// What may go beside files, links and services.
    pub(crate) removal: Removal,
    /// Whether what the record does not know is taken for ours.
    pub(crate) adopt: bool,
}

/// A server as it is beside what it should be.
pub(crate) struct Survey {
    pub(crate) facts: Facts,
    /// The server's record once the plan is carried out.
    pub(crate) record: String,
    /// How much the server's record has now.
    pub(crate) managed: usize,
    /// Whether there is no record, though the stack is there.
    pub(crate) lost: bool,
    pub(crate) stack: Stack,
    /// One for each resource of the stack.
    pub(crate) observed: Vec<Observed<State>>,
    /// What a saved plan leaves alone, though it would change, too.
    pub(crate) left: Vec<ResourceId>,
    /// What is no longer in the inventory and is kept.
    pub(crate) retained: Retained,
    pub(crate) plan: Plan,
    pub(crate) work: ExecutionPlan,
    /// Which security upgrades are pending there.
    pub(crate) upgrades: Upgrades,
}

/// Observes the servers and makes their plans.
pub(crate) async fn survey(
    sessions: &mut Sessions,
    workspace: &Workspace,
    request: &Request,
    reporter: &Reporter,
) -> Result<PerServer<Survey>, Error> {
    mask_read(workspace, reporter);
    reporter.busy(Some("looking at the server"));
    let mut compiled = sessions.compile(workspace, reporter).await?;
    shared_secrets::share(sessions, workspace, &mut compiled).await?;
    sessions
        .as_mut()
        .zip(compiled)
        .at_once(async |_, (session, compiled)| {
            survey_one(session, compiled, workspace, request, reporter).await
        })
        .await
}

/// Observes a server and makes its plan.
async fn survey_one(
    session: &mut Session,
    (facts, mut stack): (Facts, Stack),
    workspace: &Workspace,
    request: &Request,
    reporter: &Reporter,
) -> Result<Survey, Error> {
    let scope = &request.scope;
    let mut managed: Vec<Managed> = Vec::new();
    let mut foreign: Vec<&str> = Vec::new();
    for line in &facts.managed {
        match Managed::parse(line) {
            Some(one) => managed.push(one),
            None => foreign.push(line),
        }
    }
    let removal = match scope {
        Scope::Saved(saved) => saved.removal,
        Scope::Everything | Scope::Roles(_) => request.removal,
    };
    ownership::retire(&mut stack.resources, &managed, removal);
    if let Scope::Roles(roles) = scope
        && let Some(unknown) = roles.iter().find(|role| !stack.roles.contains(role))
        && !(workspace.inputs.inventory.servers.len() > 1
            && workspace.roles.names().any(|known| known == unknown))
    {
        return Err(Error::Usage {
            message: format!("there is no role {unknown} in this stack"),
            hint: format!("its roles are {}", stack.roles.join(", ")),
        });
    }
    if let Scope::Saved(saved) = scope {
        saved::secrets(session, saved, &stack).await?;
    }
    let claims = Claims::of(&facts);
    let inventory = workspace.inputs.inventory.seen_by(&stack.server);
    let inventory = &*inventory;
    let seen = look(session, inventory, &stack, &facts, reporter).await?;
    let Seen {
        mut observed,
        occupied,
        upgrades,
    } = seen;
    ownership::forget_lost(&mut stack.resources, &mut observed);
    let roles = match scope {
        Scope::Roles(roles) => Some(roles.as_slice()),
        Scope::Everything | Scope::Saved(_) => None,
    };
    let meeting = Meeting {
        inventory,
        stack: &stack,
        observed: &observed,
        occupied: &occupied,
        facts: &facts,
        claims: &claims,
        roles,
    };
    let conflicts = meeting.conflicts();
    ownership::prune(&mut stack.resources, &mut observed);
    let basis = Basis {
        generation: facts.generation,
        now: facts.now,
        date: facts.date.clone(),
    };
    let (plan, work) = match scope {
        Scope::Everything | Scope::Roles(_) => plan::plan(&stack, &observed, basis, roles)?,
        Scope::Saved(saved) => saved.plan(&stack, &observed, basis)?,
    };
    let left = match scope {
        Scope::Everything | Scope::Roles(_) => Vec::new(),
        Scope::Saved(saved) => saved.others(&stack, &observed, &plan.basis),
    };
    reporter.busy(None);
    note_maintenance(&facts, reporter);
    note_unverified(&facts, reporter);
    let mut record = ownership::record(
        &stack.resources,
        &managed,
        &foreign,
        plan.target.as_deref(),
        &left,
    );
    if request.adopt {
        record = ownership::adopt(&record);
    }
    let lost = facts.generation == 0
        && managed.is_empty()
        && ownership::is_there(&stack.resources, &observed, &plan.changes);
    // A stack whose record was lost would be in conflict with itself.
    if !conflicts.is_empty() && !lost {
        return Err(Conflicts(conflicts).into());
    }
    let retained = Retained::of(&stack.resources, &observed, &plan.changes);
    Ok(Survey {
        facts,
        record,
        managed: managed.len(),
        lost,
        stack,
        observed,
        left,
        retained,
        plan,
        work,
        upgrades,
    })
}

/// Says whose visitors are kept out for maintenance.
pub(super) fn note_maintenance(facts: &Facts, reporter: &Reporter) {
    let whose = match &facts.maintenance {
        Maintenance::Off => return,
        Maintenance::EverySite => String::new(),
        Maintenance::Sites(domains) => format!(" for {}", domains.join(", ")),
    };
    reporter.note(&format!(
        "maintenance is on{whose}: visitors get 503 until `foobar-stack maintenance off`"
    ));
}

/// Says that what visitors have left on a server is nowhere else, until the inventory says that
/// this is known.
fn note_backups(inventory: &Inventory, reporter: &Reporter) {
    let mut sites = inventory.sites.values();
    let has_data = sites.any(|site| site.database.enabled || !site.app.persistent.is_empty());
    if inventory.backups == Backups::Undecided && has_data {
        reporter.note(
            "there are no backups: the data is lost with the server. \
             Add [backup] with a repository, or with enabled = false",
        );
    }
}

/// Says it when nobody knows whether the last run did well.
pub(super) fn note_unverified(facts: &Facts, reporter: &Reporter) {
    if facts.unverified.is_some() {
        reporter.note(&format!(
            "generation {} is unverified: no client has seen its checks pass; `foobar-stack verify` makes them",
            facts.generation
        ));
    }
}

/// What is seen of a server in one round trip.
pub(crate) struct Seen {
    /// One for each resource of the stack.
    pub(crate) observed: Vec<Observed<State>>,
    /// What else lives there.
    pub(crate) occupied: Occupied,
    /// Which security upgrades are pending.
    pub(crate) upgrades: Upgrades,
}

/// Observes the resources of the stack, and what else is on the server, in one round trip.
pub(crate) async fn look(
    session: &mut Session,
    inventory: &Inventory,
    stack: &Stack,
    facts: &Facts,
    reporter: &Reporter,
) -> Result<Seen, Error> {
    let probe = Probe::new(random::hex());
    let mut script = probe.script(&stack.resources);
    conflict::question(inventory, stack, &Claims::of(facts)).ask(&mut script);
    let script = upgrades::meanwhile(&script);
    let reply = session.run("observing the resources", &script).await?;
    reporter.trace(Verbosity::Commands, reply.stderr.trim_end());
    let text = String::from_utf8_lossy(&reply.stdout);
    let observed = probe.read(&stack.resources, &text);
    let occupied = conflict::read(&text).map_err(|why| Error::NotSeen { why })?;
    let units = units(stack, &facts.date);
    let upgrades = Upgrades::read(&text, &units, facts.package_lists_age);
    Ok(Seen {
        observed,
        occupied,
        upgrades,
    })
}

/// How many names of what stays are shown.
const SHOWN: usize = 12;

/// Shows the plan, and says what is no longer in the inventory and is kept all the same.
pub(crate) fn show(survey: &Survey, inventory: &Inventory, reporter: &Reporter) {
    let seen = inventory.seen_by(&survey.stack.server);
    note_backups(&seen, reporter);
    reporter.plan(&survey.plan);
    reporter.upgrades(&survey.upgrades);
    if survey.lost {
        reporter.note(
            "the server has this stack, and no record of it in /var/lib/foobar-stack: what is there \
             now counts as there before foobar-stack, and will never be removed; if earlier runs \
             made it, `foobar-stack apply --adopt` says so",
        );
    }
    for (names, what) in [
        (
            &survey.retained.data,
            "--destroy-data removes what a run has made",
        ),
        (
            &survey.retained.packages,
            "--remove-packages removes what nothing else needs",
        ),
    ] {
        if !names.is_empty() {
            let mut some = names
                .iter()
                .take(SHOWN)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            if let more @ 1.. = names.len().saturating_sub(SHOWN) {
                some.push_str(&format!(" and {more} more"));
            }
            reporter.note(&format!(
                "no longer in the inventory, and kept: {some}; {what}"
            ));
        }
    }
}
