//! `[[check.port]]`: a port that answers from outside, or that must not.

use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use serde::Deserialize;
use std::net::IpAddr;

/// The fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// The port.
    pub port: u16,
    /// The transport.
    #[serde(default)]
    pub protocol: Protocol,
    /// Whether it shall be reachable; false for what must not be.
    #[serde(default = "yes")]
    pub open: bool,
}

fn yes() -> bool {
    true
}

/// The transports that can be checked: silence over plain UDP says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// QUIC, over UDP: every server must answer a version that does not exist (RFC 9000 section
    /// 6).
    Quic,
}

/// How an attempt to connect ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Somebody answers.
    Open,
    /// The host says no, or that there is no way.
    Refused,
    /// Nobody said anything.
    TimedOut,
    /// It could not be tried, with the reason.
    Untried(String),
}

impl Port {
    pub(super) fn defaults(&self) -> Defaults {
        Defaults {
            title: match self.protocol {
                Protocol::Tcp => format!("port {}", self.port),
                Protocol::Quic => format!("port {} over QUIC", self.port),
            },
            hop: match (self.open, self.protocol) {
                (true, Protocol::Tcp) => Hop::Tcp,
                // Visitors that get nothing there use HTTP/2.
                (true, Protocol::Quic) => Hop::Web,
                (false, _) => Hop::Server,
            },
            needs: Vec::new(),
            unit: None,
        }
    }

    pub(super) fn expected(&self) -> String {
        if self.open { "open" } else { "closed" }.to_owned()
    }

    /// Judges what came of connecting to each address of the server.
    #[must_use]
    pub fn judge(&self, reply: &[(IpAddr, Connection)]) -> Judgement {
        let mut seen = Vec::new();
        let mut untried = false;
        let mut wrong = false;
        for (address, connection) in reply {
            let (open, word) = match connection {
                Connection::Open => (true, "open"),
                Connection::Refused => (false, "refused"),
                Connection::TimedOut => (false, "timed out"),
                Connection::Untried(reason) => {
                    untried = true;
                    seen.push(format!("{address}: not known: {reason}"));
                    continue;
                }
            };
            wrong |= open != self.open;
            seen.push(format!("{address}: {word}"));
        }
        let seen = seen.join("; ");
        match (wrong, untried || reply.is_empty()) {
            (true, _) if self.open && self.protocol == Protocol::Tcp => Judgement::Broken(seen),
            (true, _) | (false, true) => Judgement::Flawed(seen),
            (false, false) => Judgement::Sound(seen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements() {
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        let untried = || Connection::Untried("network unreachable".to_owned());
        let sound = |text: &str| Judgement::Sound(text.to_owned());
        let flawed = |text: &str| Judgement::Flawed(text.to_owned());
        let broken = |text: &str| Judgement::Broken(text.to_owned());
        for (open, reply, want) in [
            (true, vec![(v4, Connection::Open)], sound("192.0.2.1: open")),
            (
                true,
                vec![(v4, Connection::Refused)],
                broken("192.0.2.1: refused"),
            ),
            (
                true,
                vec![(v4, Connection::TimedOut)],
                broken("192.0.2.1: timed out"),
            ),
            (
                true,
                vec![(v4, Connection::Open), (v6, Connection::Refused)],
                broken("192.0.2.1: open; 2001:db8::1: refused"),
            ),
            (
                true,
                vec![(v4, untried())],
                flawed("192.0.2.1: not known: network unreachable"),
            ),
            (true, vec![], flawed("")),
            (
                false,
                vec![(v4, Connection::Refused)],
                sound("192.0.2.1: refused"),
            ),
            (
                false,
                vec![(v4, Connection::TimedOut)],
                sound("192.0.2.1: timed out"),
            ),
            (
                false,
                vec![(v4, Connection::Open)],
                flawed("192.0.2.1: open"),
            ),
            (
                false,
                vec![(v4, Connection::Refused), (v6, Connection::Open)],
                flawed("192.0.2.1: refused; 2001:db8::1: open"),
            ),
            (
                false,
                vec![(v4, untried())],
                flawed("192.0.2.1: not known: network unreachable"),
            ),
        ] {
            let port = Port {
                port: 443,
                protocol: Protocol::Tcp,
                open,
            };
            assert_eq!(port.judge(&reply), want);
        }
        // Nothing else rests on QUIC.
        let port = Port {
            port: 443,
            protocol: Protocol::Quic,
            open: true,
        };
        let silent = [(v4, Connection::TimedOut)];
        assert_eq!(port.judge(&silent), flawed("192.0.2.1: timed out"));
        let answered = [(v4, Connection::Open)];
        assert_eq!(port.judge(&answered), sound("192.0.2.1: open"));
    }
}
