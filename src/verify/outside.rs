//! The questions that are asked from this machine, and the order in which.

use super::web::{self, Trust};
use super::{Limits, Target, delegation, dns, ms, quic, tcp};
use crate::check::certificate::{Issuer, OnServer, Presented};
use crate::check::delegation::Followed;
use crate::check::dns::{Heard, Transport, addresses, question};
use crate::check::dnssec::{Dnssec, Signed};
use crate::check::http::{Http, Response};
use crate::check::nameservers::{Other, Said, is_behind};
use crate::check::port::{Connection, Port, Protocol};
use crate::check::{Check, Hop, Judgement, Question};
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// How long a zone may take to other name servers, after a change.
const TRANSFER: Duration = Duration::from_secs(15);

/// How long to wait before they are asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// A reply from outside.
pub(super) enum Reply {
    Dns(Vec<Heard>),
    NameServers(Vec<Heard>, Vec<Said>),
    Dnssec(Signed),
    Delegation(Followed),
    Port(Vec<(IpAddr, Connection)>),
    Certificate(Result<Presented, String>),
    Http(Result<Response, String>),
}

impl Reply {
    /// Whether visitors are kept out for maintenance.
    pub(super) fn is_maintenance(&self) -> bool {
        matches!(self, Self::Http(Ok(response)) if response.is_maintenance())
    }
}

/// Replies with their times in milliseconds, by the place of the check.
pub(super) type Replies = BTreeMap<usize, (Reply, u64)>;

/// Asks all that is seen from outside: first names, ports and certificates, then the pages,
/// which rest on the addresses and certificates of the first.
pub(super) async fn ask(checks: &[&Check], target: &Target, limits: &Limits, now: i64) -> Replies {
    let first = checks.iter().enumerate().filter_map(|(place, check)| {
        let (question, target, limits) = (check.question.clone(), target.clone(), limits.clone());
        let asked = matches!(
            question,
            Question::Dns(_)
                | Question::NameServers(_)
                | Question::Dnssec(_)
                | Question::Delegation(_)
                | Question::Port(_)
                | Question::Certificate(_)
        );
        asked.then_some(async move {
            let started = Instant::now();
            let reply = match question {
                Question::Dns(dns) => Reply::Dns(hear(&dns.question(), &target, &limits).await),
                Question::NameServers(servers) => {
                    let question = servers.question();
                    let (own, others) =
                        compare(&servers.others, servers.copied, &question, &target, &limits).await;
                    Reply::NameServers(own, others)
                }
                Question::Dnssec(dnssec) => {
                    Reply::Dnssec(signatures(&dnssec, &target, &limits).await)
                }
                Question::Delegation(zone) => {
                    let [_, keys, entries] = zone.questions();
                    let keys = hear(&keys, &target, &limits).await;
                    let entries = hear(&entries, &target, &limits).await;
                    let port = target.dns_port;
                    let (parent, said) = delegation::follow(&zone, port, &limits).await;
                    Reply::Delegation(Followed {
                        parent,
                        said,
                        keys,
                        entries,
                    })
                }
                Question::Port(port) => Reply::Port(knock(&port, &target, &limits).await),
                Question::Certificate(certificate) => {
                    let address = target.reached(target.first());
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
            Question::Dns(dns) => http.url.host.is_within(&dns.name.example()),
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
async fn hear(question: &Message, target: &Target, limits: &Limits) -> Vec<Heard> {
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

/// Asks this server and the others for the zone. After a change those that copy it are told of it
/// within seconds, and are waited for.
async fn compare(
    others: &[Other],
    copied: bool,
    question: &Message,
    target: &Target,
    limits: &Limits,
) -> (Vec<Heard>, Vec<Said>) {
    let started = Instant::now();
    let wait = limits.settle.unwrap_or_default().min(TRANSFER);
    loop {
        let own = hear(question, target, limits).await;
        let said = say_all(others, question, target, limits).await;
        if !is_behind(&own, &said, copied) || started.elapsed() + PAUSE >= wait {
            return (own, said);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks this server for its keys, and all for the zone, with signatures.
async fn signatures(dnssec: &Dnssec, target: &Target, limits: &Limits) -> Signed {
    let [keys, entries, zone] = dnssec.questions();
    let (own, others) = compare(&dnssec.others, false, &zone, target, limits).await;
    Signed {
        keys: hear(&keys, target, limits).await,
        entries: hear(&entries, target, limits).await,
        own,
        others,
    }
}

/// Asks all of these at once.
async fn say_all(
    others: &[Other],
    question: &Message,
    target: &Target,
    limits: &Limits,
) -> Vec<Said> {
    let asked = others.iter().map(|other| {
        let (other, question, limits) = (other.clone(), question.clone(), limits.clone());
        let port = target.dns_port;
        async move { say(other, port, &question, &limits).await }
    });
    together(asked).await.into_iter().flatten().collect()
}

/// Asks a name server at its address, or at all that its name leads to.
async fn say(other: Other, port: u16, question: &Message, limits: &Limits) -> Vec<Said> {
    let Other { name, address } = other;
    let found = match address {
        Some(address) => Ok(vec![address]),
        None => {
            let looked = tokio::net::lookup_host((name.as_str(), port));
            match tokio::time::timeout(limits.reply, looked).await {
                Ok(Ok(found)) => Ok(found.map(|found| found.ip()).collect()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("its name does not resolve in time".to_owned()),
            }
        }
    };
    let addresses: BTreeSet<IpAddr> = match found {
        Ok(addresses) => addresses.into_iter().collect(),
        Err(reason) => {
            return vec![Said {
                name,
                address: None,
                reply: Err(reason),
            }];
        }
    };
    let mut said = Vec::new();
    for address in addresses {
        // What this machine cannot reach says nothing of the others.
        if address.is_ipv6() && tcp::no_way_to(address).await.is_some() {
            continue;
        }
        let server = SocketAddr::new(address, port);
        let reply = dns::ask(server, Transport::Udp, question, limits).await;
        said.push(Said {
            name: name.clone(),
            address: Some(address),
            reply,
        });
    }
    said
}

/// Tries a port at every address of the server.
async fn knock(port: &Port, target: &Target, limits: &Limits) -> Vec<(IpAddr, Connection)> {
    let limit = if port.open {
        limits.connect
    } else {
        limits.closed
    };
    let (number, protocol) = (port.port, port.protocol);
    together(target.addresses().into_iter().map(|address| async move {
        let at = SocketAddr::new(address, number);
        let connection = match protocol {
            Protocol::Tcp => tcp::connect(at, limit).await,
            Protocol::Quic => quic::connect(at, limit).await,
        };
        (address, connection)
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
    let mut address = target.first();
    if ours {
        let kind = if address.is_ipv4() {
            RecordType::A
        } else {
            RecordType::AAAA
        };
        let question = question(&http.url.host, kind);
        let server = SocketAddr::new(target.reached(address), target.dns_port);
        let message = dns::ask(server, Transport::Udp, &question, limits)
            .await
            .map_err(|reason| format!("DNS gave no address: {reason}"))?;
        address = addresses(&message, &http.url.host, kind)
            .first()
            .copied()
            .ok_or_else(|| format!("DNS gave no address of {}", http.url.host))?;
    }
    web::get(&http.url, target.reached(address), trust, limits).await
}

/// What a reply says of the stack; `on_server` is for certificates.
pub(super) fn judge(check: &Check, reply: &Reply, on_server: &OnServer<'_>, now: i64) -> Judgement {
    match (&check.question, reply) {
        (Question::Dns(dns), Reply::Dns(heard)) => dns.judge(heard),
        (Question::NameServers(servers), Reply::NameServers(own, others)) => {
            servers.judge(own, others)
        }
        (Question::Dnssec(dnssec), Reply::Dnssec(signed)) => dnssec.judge(signed, now),
        (Question::Delegation(zone), Reply::Delegation(followed)) => zone.judge(followed),
        (Question::Port(port), Reply::Port(reply)) => port.judge(reply),
        (Question::Certificate(certificate), Reply::Certificate(reply)) => {
            certificate.judge(reply, on_server, now)
        }
        (Question::Http(http), Reply::Http(reply)) => http.judge(reply),
        _ => Judgement::Flawed("the reply belongs to another question".to_owned()),
    }
}

/// Runs futures at the same time and gives their results in order. One that panicked is left
/// out, which makes its check one without a reply.
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
