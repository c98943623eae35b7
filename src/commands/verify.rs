//! `verify`: proves the stack from outside and from within.

use super::connected::ConnectedServers;
use super::connection::ConnectOptions;
use super::load::Workspace;
use super::masks::mask_readable;
use super::survey::{Survey, note_maintenance};
use crate::bundle;
use crate::check::delegation::{Delegation, Named};
use crate::check::{Check, Question, Report};
use crate::cli::Verify;
use crate::error::{Error, Exit};
use crate::facts::Facts;
use crate::inventory::{Dnssec, Server, Site};
use crate::report::Reporter;
use crate::server::Session;
use crate::shell::Script;
use crate::types::{Fqdn, ServerName};
use crate::verify::{self, AskServer, Asking, Limits, Target};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long services may take after a run until they answer.
pub(super) const SETTLE: Duration = Duration::from_secs(15);

/// The server's root shell, as the checks ask it.
struct Asker<'a>(&'a mut Session);

impl AskServer for Asker<'_> {
    fn run<'a>(&'a mut self, script: &'a Script) -> Asking<'a> {
        Box::pin(async move {
            match self.0.run("checking on the server", script).await {
                Ok(reply) => Ok(String::from_utf8_lossy(&reply.stdout).into_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

/// Verifies the inventory's stack.
pub(crate) async fn verify(
    inventory: &Path,
    options: &Verify,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, mut servers) = ConnectedServers::open(inventory, connection, reporter).await?;
    let mut worst = Exit::Done;
    for (name, server) in servers.iter_mut() {
        reporter.about(name);
        note_maintenance(&server.facts, reporter);
        let (session, stack) = (&mut server.session, &server.stack);
        let mut checks = stack.checks.clone();
        if options.public {
            let sites = &workspace.inputs.inventory.sites;
            checks.extend(sites.iter().flat_map(|(name, site)| {
                let name = (sites.len() > 1).then(|| name.clone());
                let questions = delegations(site, &options.root_server).into_iter();
                questions.map(move |question| Check::of("dns", name.clone(), question))
            }));
        }
        let report = ask(&checks, &workspace, name, Ok(session), None, reporter).await;
        approve(session, &workspace, name, &server.facts, &report, reporter).await?;
        reporter.traffic(&session.traffic());
        if worst == Exit::Done {
            worst = exit(&report);
        }
    }
    Ok(worst)
}

/// What the world is asked of the zones of a site, if it has any.
fn delegations(site: &Site, roots: &[IpAddr]) -> Vec<Question> {
    let dns = &site.dns;
    let named = |name: &Fqdn| {
        let records = dns.records.iter().filter(|record| record.name == *name);
        let addresses = records.filter(|record| matches!(record.kind.as_str(), "A" | "AAAA"));
        Named {
            name: name.clone(),
            addresses: addresses.filter_map(|one| one.value.parse().ok()).collect(),
        }
    };
    let question = |zone: &Fqdn, signed: bool| {
        Question::Delegation(Delegation {
            zone: zone.clone(),
            servers: dns.nameservers.iter().map(named).collect(),
            signed,
            roots: roots.to_vec(),
        })
    };
    if !dns.enabled || dns.shared {
        return Vec::new();
    }
    let own = question(&dns.zone, dns.dnssec == Dnssec::On);
    let further = dns.zones.iter();
    let further = further.map(|one| question(&one.zone, one.dnssec == Dnssec::On));
    std::iter::once(own).chain(further).collect()
}

/// Runs the checks of a server that was just looked at, and reports them; a run that was not
/// proven is, when they pass.
pub(super) async fn prove(
    session: &mut Session,
    workspace: &Workspace,
    survey: &Survey,
    settle: Option<Duration>,
    reporter: &Reporter,
) -> Result<Report, Error> {
    let checks = &survey.stack.checks;
    let name = &survey.stack.server;
    let report = ask(checks, workspace, name, Ok(session), settle, reporter).await;
    approve(session, workspace, name, &survey.facts, &report, reporter).await?;
    Ok(report)
}

/// Writes down that the last run is proven, if it was of this inventory and the checks pass.
async fn approve(
    session: &mut Session,
    workspace: &Workspace,
    name: &ServerName,
    facts: &Facts,
    report: &Report,
    reporter: &Reporter,
) -> Result<(), Error> {
    let Some((run, digest)) = &facts.unverified else {
        return Ok(());
    };
    let generation = facts.generation;
    let inventory = workspace.generation(name).digest();
    if report.first_unproven().is_some() {
        return Ok(());
    }
    if *digest != inventory.to_string() {
        reporter.note(&format!(
            "generation {generation} stays unverified: it was made from another inventory than this one, \
             which has nothing to change here; the next run that changes something is proven itself"
        ));
        return Ok(());
    }
    let reply = session
        .run("writing down the proof", &bundle::approve(run))
        .await?;
    reporter.note(&if reply.success() {
        format!("generation {generation} is proven now")
    } else {
        format!("generation {generation} stays unverified: another run is under way, or was since")
    });
    Ok(())
}

/// Runs the checks once without reporting them.
pub(super) async fn look(
    checks: &[Check],
    server: &Server,
    session: &mut Session,
    reporter: &Reporter,
) -> Report {
    reporter.busy(Some("checking what is healthy before"));
    let report = run(checks, server, Ok(session), None).await;
    reporter.busy(None);
    report
}

/// Runs the checks of a server that was healthy `before` another one was changed, and reports them
/// when it no longer is.
pub(super) async fn again(
    checks: &[Check],
    workspace: &Workspace,
    name: &ServerName,
    (session, before): (Result<&mut Session, String>, &Report),
    reporter: &Reporter,
) -> Report {
    reporter.busy(Some("checking the other servers"));
    let began = Instant::now();
    let report = run(checks, workspace.server(name), session, Some(SETTLE)).await;
    reporter.busy(None);
    if report.first_regression(before).is_some() {
        mask_readable(workspace, reporter).await;
        reporter.about(name);
        reporter.verified(&report, began.elapsed());
    }
    report
}

/// Runs the checks and reports them.
pub(super) async fn ask(
    checks: &[Check],
    workspace: &Workspace,
    name: &ServerName,
    session: Result<&mut Session, String>,
    settle: Option<Duration>,
    reporter: &Reporter,
) -> Report {
    reporter.busy(Some("checking from outside and on the server"));
    let began = Instant::now();
    let report = run(checks, workspace.server(name), session, settle).await;
    reporter.busy(None);
    if !report.healthy() {
        // Then it shows logs.
        mask_readable(workspace, reporter).await;
    }
    reporter.verified(&report, began.elapsed());
    report
}

async fn run(
    checks: &[Check],
    server: &Server,
    session: Result<&mut Session, String>,
    settle: Option<Duration>,
) -> Report {
    let target = Target::new(server.ipv4, server.ipv6);
    let mut limits = Limits {
        settle,
        ..Limits::default()
    };
    if settle.is_some() {
        // Right after a run a small server is busy; that is no reason to undo it.
        limits.reply *= 3;
    }
    let mut asker = session.map(Asker);
    let ask = match &mut asker {
        Ok(asker) => Ok(asker as &mut dyn AskServer),
        Err(reason) => Err(reason.clone()),
    };
    verify::run(checks, &target, ask, &limits).await
}

/// What a report means for the exit status.
pub(super) fn exit(report: &Report) -> Exit {
    if report.healthy() {
        Exit::Done
    } else {
        Exit::Unhealthy
    }
}
