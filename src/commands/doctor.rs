//! `doctor`: can this server be managed from here, and what is missing?

use super::connected::{Sessions, read_facts};
use super::connection::ConnectOptions;
use super::load::{Purpose, load};
use super::survey::{Seen, look};
use crate::cli::Doctor;
use crate::conflict::{Claims, Meeting, Rule};
use crate::error::{Error, Exit};
use crate::host;
use crate::operate::backup;
use crate::operate::upgrades::Upgrades;
use crate::report::{Finding, FindingState, Reporter, Table};
use crate::resource::Observed;
use crate::server::{Payload, Session};
use std::path::Path;

/// What the server must be able to do, asked in one script.
const SCRIPT: &str = include_str!("doctor.sh");

fn finding(state: FindingState, subject: &str, text: String, hint: Option<&str>) -> Finding {
    Finding {
        state,
        subject: subject.to_owned(),
        text,
        hint: hint.map(str::to_owned),
    }
}

/// Looks around and says what it found. The first thing that stands in the way ends it.
pub(super) async fn doctor(
    inventory: &Path,
    options: &Doctor,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    use FindingState::{Bad, Doubtful, Good};
    let workspace = load(inventory, Purpose::Check).await?;
    let mut findings = vec![finding(
        Good,
        "inventory",
        format!("{} is valid", inventory.display()),
        None,
    )];
    let (name, mut session) = match Sessions::connect(&workspace, connection, reporter).await {
        Ok(sessions) => sessions.only()?,
        Err(error) => {
            reporter.findings(&findings);
            return Err(error);
        }
    };
    let server = workspace.server(&name);
    let sudo = if session.traffic().sudo > 0 {
        "root by sudo"
    } else {
        "root"
    };
    findings.push(finding(
        Good,
        "ssh",
        format!("{} lets us in, as {sudo}", server.ssh),
        None,
    ));
    let packages = workspace.roles.asked_packages();
    let facts = match read_facts(&mut session, &packages, reporter).await {
        Ok(facts) => facts,
        Err(error) => {
            reporter.findings(&findings);
            return Err(error);
        }
    };
    let memory = facts.memory / (1 << 20);
    let system = format!(
        "{}, systemd {}, {} processors, {memory} MiB of memory",
        facts.os.pretty_name, facts.systemd, facts.cpus
    );
    findings.push(finding(Good, "system", system, None));
    if memory < 900 {
        let text = format!("{memory} MiB of memory is little for a database and an app");
        findings.push(finding(
            Doubtful,
            "memory",
            text,
            Some("1 GiB or more is comfortable"),
        ));
    }
    if facts.dpkg_interrupted.is_empty() {
        findings.push(finding(
            Good,
            "packages",
            "dpkg has nothing half-way".to_owned(),
            None,
        ));
    } else {
        let text = format!("dpkg left half-way: {}", facts.dpkg_interrupted.join(", "));
        findings.push(finding(
            Bad,
            "packages",
            text,
            Some("run `dpkg --configure -a` on the server"),
        ));
    }
    let mut script = host::script();
    script.raw(SCRIPT);
    let reply = session.run("looking for what is missing", &script).await?;
    let text = String::from_utf8_lossy(&reply.stdout).into_owned();
    for line in text.lines() {
        if let [state, subject, words, hint] = line.split('\x1f').collect::<Vec<_>>()[..] {
            let state = match state {
                "good" => Good,
                "doubtful" => Doubtful,
                _ => Bad,
            };
            let hint = (!hint.is_empty()).then_some(hint);
            findings.push(finding(state, subject, words.to_owned(), hint));
        }
    }
    let stack = match workspace.stack(&name, &facts) {
        Ok(stack) => stack,
        Err(diagnostics) => {
            reporter.findings(&findings);
            return Err(diagnostics.into());
        }
    };
    let claims = Claims::of(&facts);
    if let Some(file) = &options.recovery_key {
        findings.push(recovery_key(&mut session, file).await?);
    }
    let wanted = &workspace.inputs.inventory;
    let seen = look(&mut session, wanted, &stack, &facts, reporter).await?;
    let Seen {
        observed,
        occupied,
        upgrades,
    } = seen;
    findings.push(pending(&upgrades));
    let mut unknown = 0;
    for (resource, observed) in stack.resources.iter().zip(&observed) {
        if let Observed::Unknown { reason } = observed {
            unknown += 1;
            findings.push(finding(
                Bad,
                "probe",
                format!("{}: {reason}", resource.id),
                None,
            ));
        }
    }
    if unknown == 0 {
        let text = format!("all {} resources can be observed", observed.len());
        findings.push(finding(Good, "probe", text, None));
    }
    let meeting = Meeting {
        inventory: wanted,
        stack: &stack,
        observed: &observed,
        occupied: &occupied,
        facts: &facts,
        claims: &claims,
        roles: None,
    };
    let conflicts = meeting.conflicts();
    if conflicts.is_empty() {
        let text = "the stack takes over nothing of anybody".to_owned();
        findings.push(finding(Good, "conflicts", text, None));
    }
    for one in conflicts {
        let text = format!("{}: {}; {}", one.subject, one.found, one.because);
        findings.push(finding(Bad, "conflict", text, Some(&one.hint)));
    }
    if options.adopt {
        reporter.table(&takeovers(&meeting));
    }
    reporter.findings(&findings);
    reporter.traffic(&session.traffic());
    let bad = findings.iter().any(|finding| finding.state == Bad);
    Ok(if bad { Exit::Failed } else { Exit::Done })
}

/// Which security upgrades are pending.
fn pending(upgrades: &Upgrades) -> Finding {
    let subject = "upgrades";
    let hint = "install them by `apt-get update` and `apt-get upgrade` on the server, or have it do so: [upgrades]";
    let text = upgrades.to_string();
    if upgrades.are_settled() {
        finding(FindingState::Good, subject, text, None)
    } else {
        finding(FindingState::Doubtful, subject, text, Some(hint))
    }
}

/// Whether the key in the file opens the repository.
async fn recovery_key(session: &mut Session, file: &Path) -> Result<Finding, Error> {
    let shown = file.display();
    let key = std::fs::read(file).map_err(Error::io(format!("read {shown}")))?;
    let mut payload = Payload::from(key.as_slice());
    let script = backup::try_key();
    let reply = session
        .ship("trying the key", &script, &mut payload)
        .await?;
    let subject = "recovery key";
    Ok(if reply.success() {
        let text = format!("{shown} opens the repository");
        finding(FindingState::Good, subject, text, None)
    } else {
        let text = format!("{shown}: {}", reply.stderr.trim());
        let hint = "`foobar-stack backup key FILE` makes one, in a file that is not there yet";
        finding(FindingState::Bad, subject, text, Some(hint))
    })
}

/// Everything that the stack takes over, what needs a decision first.
fn takeovers(meeting: &Meeting<'_>) -> Table {
    let mut all = meeting.takeovers();
    all.sort_by_key(|one| match one.rule {
        Rule::Refused => 0,
        Rule::Adopted => 1,
        Rule::Taken => 2,
        Rule::Ours | Rule::Free => 3,
    });
    let rows = all.into_iter();
    Table {
        kind: "takeover",
        columns: vec!["rule", "what", "found"],
        rows: rows
            .map(|one| vec![one.rule.word().to_owned(), one.what, one.found])
            .collect(),
    }
}
