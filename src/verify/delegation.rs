//! Follows the delegation of a zone from the root down to those above it.

use super::{Limits, dns, tcp};
use crate::check::delegation::{Above, Delegation, Step, distinct, step};
use crate::check::dns::Transport;
use hickory_proto::op::Message;
use hickory_proto::rr::Name;
use std::net::{IpAddr, SocketAddr};
use tokio::time::timeout;

/// How many zones there may be between the root and this one.
const DEEPEST: usize = 10;

/// How many servers of one zone are asked.
const MOST: usize = 13;

/// The servers of the root (`https://www.iana.org/domains/root/servers`).
const ROOT: [&str; 15] = [
    "198.41.0.4",
    "170.247.170.2",
    "192.33.4.12",
    "199.7.91.13",
    "192.203.230.10",
    "192.5.5.241",
    "192.112.36.4",
    "198.97.190.53",
    "192.36.148.17",
    "192.58.128.30",
    "193.0.14.129",
    "199.7.83.42",
    "202.12.27.33",
    "2001:503:ba3e::2:30",
    "2001:7fd::1",
];

/// Follows it: the zone above, and what its servers say, or why the way ended before.
pub(super) async fn follow(
    delegation: &Delegation,
    port: u16,
    limits: &Limits,
) -> (Name, Result<Vec<Above>, String>) {
    let [ds, ..] = delegation.questions();
    let (parent, servers) = match down(delegation, port, limits).await {
        Ok(found) => found,
        Err((parent, reason)) => return (parent, Err(reason)),
    };
    let question = delegation.question();
    let mut said = Vec::new();
    for (name, address) in servers {
        said.push(Above {
            name,
            address,
            servers: ask(address, port, &question, limits).await,
            ds: ask(address, port, &ds, limits).await,
        });
    }
    (parent, Ok(said))
}

/// The zone above, and its servers; how far the way went, and why it ended there.
async fn down(
    delegation: &Delegation,
    port: u16,
    limits: &Limits,
) -> Result<(Name, Vec<(Name, IpAddr)>), (Name, String)> {
    let question = delegation.question();
    let roots: Vec<IpAddr> = match &delegation.roots[..] {
        [] => ROOT.iter().filter_map(|one| one.parse().ok()).collect(),
        given => given.to_vec(),
    };
    let mut at = Name::root();
    let mut servers = reachable(vec![(Name::root(), roots)]).await;
    for _ in 0..DEEPEST {
        let mut failed = Vec::new();
        let mut next = None;
        for (name, address) in &servers {
            let found = match ask(*address, port, &question, limits).await {
                Ok(message) => step(&message, &delegation.zone, &at),
                Err(reason) => Step::Failed(reason),
            };
            match found {
                Step::Failed(reason) => failed.push(format!("{name} ({address}): {reason}")),
                found => {
                    next = Some(found);
                    break;
                }
            }
        }
        match next {
            None => {
                let reasons = match failed.is_empty() {
                    true => "this machine can reach none".to_owned(),
                    false => failed.join("; "),
                };
                return Err((
                    at.clone(),
                    format!("no name server of {at} says who has it: {reasons}"),
                ));
            }
            Some(Step::Down(cut, names)) => {
                servers = reachable(resolved(names, port, limits).await).await;
                at = cut;
            }
            Some(Step::There) => {
                let reason = format!(
                    "the servers of {at} have the zone themselves, so that they do not say to whom they delegate it"
                );
                return Err((at, reason));
            }
            Some(_) => return Ok((at, servers)),
        }
    }
    Err((at, "the way down from the root has no end".to_owned()))
}

/// The addresses to which this machine has a way.
async fn reachable(servers: Vec<(Name, Vec<IpAddr>)>) -> Vec<(Name, IpAddr)> {
    let mut all = Vec::new();
    for (name, address) in distinct(&servers) {
        if tcp::no_way_to(address).await.is_none() && all.len() < MOST {
            all.push((name, address));
        }
    }
    all
}

/// The same with the addresses of those that came without: as this machine resolves them.
async fn resolved(
    mut servers: Vec<(Name, Vec<IpAddr>)>,
    port: u16,
    limits: &Limits,
) -> Vec<(Name, Vec<IpAddr>)> {
    if servers.iter().any(|(_, addresses)| !addresses.is_empty()) {
        return servers;
    }
    for (name, addresses) in &mut servers {
        let looked = tokio::net::lookup_host((name.to_ascii(), port));
        if let Ok(Ok(found)) = timeout(limits.reply, looked).await {
            addresses.extend(found.map(|found| found.ip()));
        }
    }
    servers
}

/// Asks over UDP, and over TCP what does not fit.
async fn ask(
    address: IpAddr,
    port: u16,
    question: &Message,
    limits: &Limits,
) -> Result<Message, String> {
    let server = SocketAddr::new(address, port);
    match dns::ask(server, Transport::Udp, question, limits).await {
        Ok(message) if message.metadata.truncation => {
            dns::ask(server, Transport::Tcp, question, limits).await
        }
        reply => reply,
    }
}
