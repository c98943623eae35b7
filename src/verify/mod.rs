//! Asks the questions of the checks: DNS, TCP, TLS and HTTP from this machine, the rest on
//! the server. What the replies mean is decided in [`crate::check`].

mod delegation;
mod dns;
mod limits;
mod outside;
mod quic;
mod target;
mod tcp;
#[cfg(test)]
mod tests;
mod web;

pub use limits::Limits;
use limits::{ms, seconds};
pub use target::Target;

use crate::check::server::{self, Nonce, Sections};
use crate::check::{
    Answer, Check, Hop, Judgement, Outcome, Question, Report, Verdict, conclude, in_chain_order,
};
use crate::random;
use crate::shell::Script;
use outside::Replies;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

/// How many lines of a log a failure carries.
const LOG_LINES: usize = 10;

/// How long to wait between two rounds while a stack settles.
const PAUSE: Duration = Duration::from_millis(500);

/// A boxed future that lives as long as what it borrows.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// Somebody who can run a script on the server, as root.
pub trait AskServer: Send {
    /// Runs a script of POSIX sh and gives its standard output, or the reason why there is
    /// none.
    fn run<'a>(&'a mut self, script: &'a Script) -> Asking<'a>;
}

/// Proves the stack: asks every question, at once where they do not rest on one another.
///
/// `server` is whom to ask on the server, or the reason why nobody can: then those checks are
/// skipped with it.
pub async fn run(
    checks: &[Check],
    target: &Target,
    mut server: Result<&mut dyn AskServer, String>,
    limits: &Limits,
) -> Report {
    let started = Instant::now();
    let checks = in_chain_order(checks);
    let mut target = target.clone();
    let no_way = match (target.stand_in, target.ipv6) {
        (None, Some(address)) => tcp::no_way_to(address.into()).await,
        _ => None,
    };
    if no_way.is_some() {
        target.ipv6 = None;
    }

    let mut report = loop {
        let report = round(&checks, &target, &mut server, limits).await;
        let settle = limits.settle.unwrap_or_default();
        if report.first_unproven().is_none() || started.elapsed() + PAUSE >= settle {
            break report;
        }
        tokio::time::sleep(PAUSE).await;
    };
    if let (Some(place), Ok(server)) = (report.first_broken, &mut server)
        && let Some(outcome) = report.outcomes.get_mut(place)
        && let Some(unit) = &outcome.unit
    {
        outcome.log = log(&mut **server, unit, limits).await;
    }
    if let Some(reason) = no_way {
        report.outcomes.push(Outcome {
            hop: Hop::Tcp,
            site: None,
            name: "IPv6".to_owned(),
            outcome: Verdict::Skip,
            awaited: false,
            ms: 0,
            expected: "the same as over IPv4".to_owned(),
            actual: None,
            because: Some(format!("this machine has no IPv6: {reason}")),
            unit: None,
            log: Vec::new(),
        });
    }
    report
}

/// What came of asking on the server.
enum FromServer {
    /// What it said, and how long that took in milliseconds.
    Said(Sections, u64),
    /// It was asked, but did not say; with the reason.
    Failed(String),
    /// It was not asked, with the reason.
    NotAsked(String),
}

/// Asks everything once.
async fn round(
    checks: &[&Check],
    target: &Target,
    server: &mut Result<&mut dyn AskServer, String>,
    limits: &Limits,
) -> Report {
    let nonce = Nonce::new(random::bits());
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |time| time.as_secs().cast_signed());
    let (from_server, replies) = tokio::join!(
        ask_server(checks, server, &nonce, limits),
        outside::ask(checks, target, limits, now),
    );
    conclude(checks.iter().enumerate().map(|(place, &check)| {
        let answer = if check.on_server() {
            from_inside(checks, place, &from_server, &nonce)
        } else {
            from_outside(check, place, &replies, &from_server, now)
        };
        (check, answer)
    }))
}

/// What became of a question that was asked on the server.
fn from_inside(checks: &[&Check], place: usize, from: &FromServer, nonce: &Nonce) -> Answer {
    let (sections, ms) = match from {
        FromServer::Said(sections, ms) => (sections, *ms),
        FromServer::Failed(reason) => {
            let judgement = Judgement::Flawed(format!("not known: {reason}"));
            return Answer::Judged { judgement, ms: 0 };
        }
        FromServer::NotAsked(reason) => return Answer::NotAsked(reason.clone()),
    };
    let judgement = match &checks[place].question {
        Question::Unit(unit) => {
            let (section, place) = sections.unit(checks, unit.name.as_str());
            unit.judge(section, place)
        }
        Question::Deployment(deployment) => deployment.judge(sections.check(place)),
        Question::Backup(backup) => backup.judge(sections.check(place)),
        Question::Cache(cache) => cache.judge(sections.check(place)),
        Question::Database(database) => database.judge(sections.check(place), nonce.as_str()),
        _ => return Answer::NotAsked("it is not asked on the server".to_owned()),
    };
    Answer::Judged { judgement, ms }
}

/// What became of a question that was asked from here.
fn from_outside(
    check: &Check,
    place: usize,
    replies: &Replies,
    from: &FromServer,
    now: i64,
) -> Answer {
    let Some((reply, ms)) = replies.get(&place) else {
        // Left out because something it needs is broken, which `conclude` finds, too; and if
        // not, it must not look as if nothing were wrong.
        let judgement = Judgement::Flawed("not known: it was not asked".to_owned());
        return Answer::Judged { judgement, ms: 0 };
    };
    if reply.is_maintenance() {
        return Answer::NotAsked("maintenance is on: visitors get 503".to_owned());
    }
    let on_server = match (&check.question, from) {
        (Question::Certificate(certificate), _) if certificate.path.is_none() => None,
        (Question::Certificate(_), FromServer::Said(sections, _)) => {
            Some(sections.certificate(place))
        }
        (Question::Certificate(_), FromServer::Failed(reason)) => Some(Err(reason.clone())),
        _ => None,
    };
    let judgement = outside::judge(check, reply, &on_server, now);
    Answer::Judged { judgement, ms: *ms }
}

/// Asks all that only the server knows, in one script.
async fn ask_server(
    checks: &[&Check],
    server: &mut Result<&mut dyn AskServer, String>,
    nonce: &Nonce,
    limits: &Limits,
) -> FromServer {
    let server = match server {
        Ok(server) => server,
        Err(reason) => return FromServer::NotAsked(reason.clone()),
    };
    let script = server::script(checks, nonce, limits.reply.as_secs().max(1));
    if script.is_empty() {
        return FromServer::Said(Sections::default(), 0);
    }
    let started = Instant::now();
    // One second more for each question is what its `timeout` waits before it kills.
    let each = limits.reply + Duration::from_secs(1);
    let limit = limits.connect + each * server::questions(checks);
    match tokio::time::timeout(limit, server.run(&script)).await {
        Ok(Ok(stdout)) => FromServer::Said(Sections::read(&stdout, nonce), ms(started)),
        Ok(Err(reason)) => FromServer::Failed(reason),
        Err(_) => FromServer::Failed(format!("the server did not answer in {}", seconds(limit))),
    }
}

/// The last lines of a unit's log, or one that says why there are none.
async fn log(server: &mut dyn AskServer, unit: &str, limits: &Limits) -> Vec<String> {
    let script = server::log_script(unit, LOG_LINES);
    match tokio::time::timeout(limits.connect + limits.reply, server.run(&script)).await {
        Ok(Ok(stdout)) => {
            let lines: Vec<&str> = stdout.lines().collect();
            let from = lines.len().saturating_sub(LOG_LINES);
            lines[from..].iter().map(|&line| line.to_owned()).collect()
        }
        Ok(Err(reason)) => vec![format!("the log of {unit} could not be read: {reason}")],
        Err(_) => vec![format!("the log of {unit} could not be read in time")],
    }
}
