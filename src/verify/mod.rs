//! Asks the questions of the checks: DNS, TCP, TLS and HTTP from this machine, the rest on
//! the server. What the replies mean is decided in [`crate::check`].

mod dns;
mod tcp;
mod web;

use crate::check::certificate::{Issuer, OnServer, Presented};
use crate::check::dns::{Heard, Transport};
use crate::check::http::{Http, Response};
use crate::check::port::{Connection, Port};
use crate::check::server::{self, Nonce, Sections};
use crate::check::{
    Answer, Check, Hop, Judgement, Outcome, Question, Report, Verdict, conclude, in_chain_order,
};
use crate::shell::Script;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};
use web::Trust;

/// How many lines of a log a failure carries.
const LOG_LINES: usize = 10;

/// How long to wait between two rounds while a stack settles.
const PAUSE: Duration = Duration::from_millis(500);

/// Where the stack is.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its public IPv4 address, as in its zone.
    pub ipv4: Ipv4Addr,
    /// Its public IPv6 address, as in its zone.
    pub ipv6: Option<Ipv6Addr>,
    /// The address of a throw-away server that plays this one: everything meant for the public
    /// addresses goes there.
    pub stand_in: Option<IpAddr>,
    dns_port: u16,
}

impl Target {
    /// The server at its public addresses.
    #[must_use]
    pub fn new(ipv4: Ipv4Addr, ipv6: Option<Ipv6Addr>) -> Self {
        Self {
            ipv4,
            ipv6,
            stand_in: None,
            dns_port: 53,
        }
    }

    /// The addresses to ask.
    fn addresses(&self) -> Vec<IpAddr> {
        match self.stand_in {
            Some(address) => vec![address],
            None => [Some(self.ipv4.into()), self.ipv6.map(Into::into)]
                .into_iter()
                .flatten()
                .collect(),
        }
    }

    /// Where an address that DNS gave is reached.
    fn reached(&self, given: IpAddr) -> IpAddr {
        match self.stand_in {
            Some(address) if given == self.ipv4 || Some(given) == self.ipv6.map(IpAddr::V6) => {
                address
            }
            _ => given,
        }
    }
}

/// How long each question may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// For a port that shall be closed: after this long a silent one counts as closed.
    pub closed: Duration,
    /// For a whole reply. On the server in whole seconds, and for each question.
    pub reply: Duration,
    /// For a stack that has just been changed: ask again until it is healthy, or this much
    /// time has passed. `None` asks once.
    pub settle: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            closed: Duration::from_secs(2),
            reply: Duration::from_secs(5),
            settle: None,
        }
    }
}

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
        if report.healthy() || started.elapsed() + PAUSE >= settle {
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
            name: "IPv6".to_owned(),
            outcome: Verdict::Skip,
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

/// A reply from outside.
enum Reply {
    Dns(Vec<Heard>),
    Port(Vec<(IpAddr, Connection)>),
    Certificate(Result<Presented, String>),
    Http(Result<Response, String>),
}

/// Replies with their times in milliseconds, by the place of the check.
type Replies = BTreeMap<usize, (Reply, u64)>;

/// Asks everything once.
async fn round(
    checks: &[&Check],
    target: &Target,
    server: &mut Result<&mut dyn AskServer, String>,
    limits: &Limits,
) -> Report {
    let nonce = Nonce::new([random(), random()]);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |time| time.as_secs().cast_signed());
    let (from_server, replies) = tokio::join!(
        ask_server(checks, server, &nonce, limits),
        ask_outside(checks, target, limits, now),
    );
    conclude(checks.iter().enumerate().map(|(place, &check)| {
        (
            check,
            answer(
                checks,
                place,
                replies.get(&place),
                &from_server,
                &nonce,
                now,
            ),
        )
    }))
}

fn answer(
    checks: &[&Check],
    place: usize,
    reply: Option<&(Reply, u64)>,
    from_server: &FromServer,
    nonce: &Nonce,
    now: i64,
) -> Answer {
    let check = checks[place];
    if check.on_server() {
        return match from_server {
            FromServer::NotAsked(reason) => Answer::NotAsked(reason.clone()),
            FromServer::Failed(reason) => Answer::Judged {
                judgement: Judgement::Flawed(format!("not known: {reason}")),
                ms: 0,
            },
            FromServer::Said(sections, ms) => {
                let judgement = match &check.question {
                    Question::Unit(unit) => {
                        let (section, place) = sections.unit(checks, unit.name.as_str());
                        unit.judge(section, place)
                    }
                    Question::Database(database) => {
                        database.judge(sections.check(place), nonce.as_str())
                    }
                    _ => return Answer::NotAsked("it is not asked on the server".to_owned()),
                };
                Answer::Judged { judgement, ms: *ms }
            }
        };
    }
    let Some((reply, ms)) = reply else {
        return Answer::NotAsked("what it needs is broken".to_owned());
    };
    let on_server = match (&check.question, from_server) {
        (Question::Certificate(certificate), from_server) if certificate.path.is_some() => {
            match from_server {
                FromServer::Said(sections, _) => Some(sections.certificate(place)),
                FromServer::Failed(reason) => Some(Err(reason.clone())),
                FromServer::NotAsked(_) => None,
            }
        }
        _ => None,
    };
    Answer::Judged {
        judgement: judge(check, reply, &on_server, now),
        ms: *ms,
    }
}

fn judge(check: &Check, reply: &Reply, on_server: &OnServer<'_>, now: i64) -> Judgement {
    match (&check.question, reply) {
        (Question::Dns(dns), Reply::Dns(heard)) => dns.judge(heard),
        (Question::Port(port), Reply::Port(reply)) => port.judge(reply),
        (Question::Certificate(certificate), Reply::Certificate(reply)) => {
            certificate.judge(reply, on_server, now)
        }
        (Question::Http(http), Reply::Http(reply)) => http.judge(reply),
        _ => Judgement::Flawed("the reply belongs to another question".to_owned()),
    }
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

/// Asks all that is seen from outside: first names, ports and certificates, then the pages,
/// which rest on the addresses and certificates of the first.
async fn ask_outside(checks: &[&Check], target: &Target, limits: &Limits, now: i64) -> Replies {
    let first = checks.iter().enumerate().filter_map(|(place, check)| {
        let (question, target, limits) = (check.question.clone(), target.clone(), limits.clone());
        let asked = matches!(
            question,
            Question::Dns(_) | Question::Port(_) | Question::Certificate(_)
        );
        asked.then_some(async move {
            let started = Instant::now();
            let reply = match question {
                Question::Dns(dns) => Reply::Dns(hear(&dns.question(), &target, &limits).await),
                Question::Port(port) => Reply::Port(knock(&port, &target, &limits).await),
                Question::Certificate(certificate) => {
                    let address = target.reached(target.ipv4.into());
                    Reply::Certificate(web::presented(&certificate, address, &limits).await)
                }
                _ => return None,
            };
            Some((place, (reply, ms(started))))
        })
    });
    let mut replies: Replies = together(first).await.into_iter().flatten().collect();

    let broken: BTreeSet<Hop> = replies
        .iter()
        .filter(|(place, (reply, _))| {
            matches!(
                judge(checks[**place], reply, &None, now),
                Judgement::Broken(_)
            )
        })
        .map(|(&place, _)| checks[place].hop)
        .collect();
    let pages = checks.iter().enumerate().filter_map(|(place, check)| {
        let Question::Http(http) = &check.question else {
            return None;
        };
        if check.needs.iter().any(|hop| broken.contains(hop)) {
            return None;
        }
        let trust = trust(http, checks, &replies);
        let ours = checks.iter().any(|check| match &check.question {
            Question::Dns(dns) => http.url.host.is_within(&dns.name),
            _ => false,
        });
        let (http, target, limits) = (http.clone(), target.clone(), limits.clone());
        Some(async move {
            let started = Instant::now();
            let reply = get(&http, &trust, ours, &target, &limits).await;
            (place, (Reply::Http(reply), ms(started)))
        })
    });
    replies.extend(together(pages).await);
    replies
}

/// Asks every address of the server over both transports.
async fn hear(
    question: &hickory_proto::op::Message,
    target: &Target,
    limits: &Limits,
) -> Vec<Heard> {
    let mut questions = Vec::new();
    for address in target.addresses() {
        for transport in [Transport::Udp, Transport::Tcp] {
            let (question, limits) = (question.clone(), limits.clone());
            let server = SocketAddr::new(address, target.dns_port);
            questions.push(async move {
                let reply = dns::ask(server, transport, &question, &limits).await;
                Heard {
                    address,
                    transport,
                    reply,
                }
            });
        }
    }
    together(questions).await
}

/// Tries a port at every address of the server.
async fn knock(port: &Port, target: &Target, limits: &Limits) -> Vec<(IpAddr, Connection)> {
    let limit = if port.open {
        limits.connect
    } else {
        limits.closed
    };
    let number = port.port;
    together(target.addresses().into_iter().map(|address| async move {
        (
            address,
            tcp::connect(SocketAddr::new(address, number), limit).await,
        )
    }))
    .await
}

/// Whom to believe about a page: the certificate that was checked for its name, if one was.
fn trust(http: &Http, checks: &[&Check], replies: &Replies) -> Trust {
    let checked = checks
        .iter()
        .enumerate()
        .find_map(|(place, check)| match &check.question {
            Question::Certificate(certificate)
                if certificate.serves(&http.url.host, http.url.port) =>
            {
                Some((certificate, replies.get(&place)))
            }
            _ => None,
        });
    match checked {
        Some((certificate, Some((Reply::Certificate(Ok(presented)), _))))
            if certificate.issuer != Issuer::Trusted =>
        {
            Trust::Same(presented.der.clone())
        }
        _ => Trust::Machine,
    }
}

/// Gets a page at the address that DNS gives for its name, or that of the server if the zone
/// is not ours.
async fn get(
    http: &Http,
    trust: &Trust,
    ours: bool,
    target: &Target,
    limits: &Limits,
) -> Result<Response, String> {
    let mut address = IpAddr::from(target.ipv4);
    if ours {
        let question =
            crate::check::dns::question(&http.url.host, hickory_proto::rr::RecordType::A);
        let server = SocketAddr::new(target.reached(address), target.dns_port);
        let message = dns::ask(server, Transport::Udp, &question, limits)
            .await
            .map_err(|reason| format!("DNS gave no address: {reason}"))?;
        address = crate::check::dns::addresses(&message, &http.url.host)
            .first()
            .copied()
            .ok_or_else(|| format!("DNS gave no address of {}", http.url.host))?;
    }
    web::get(&http.url, target.reached(address), trust, limits).await
}

/// Runs futures at the same time and gives their results in order. One that panicked is left
/// out, which makes its check one that was not asked.
async fn together<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.extend(task.await.ok());
    }
    results
}

fn ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

/// Random bits: std seeds every `RandomState` anew, from the system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
