//! `[[check.cache]]`: a cache that answers on its socket.

use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use super::section::Section;
use crate::types::AbsolutePath;
use serde::Deserialize;

/// The fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// The client program.
    pub client: Client,
    /// Where it listens.
    pub socket: AbsolutePath,
}

/// The client programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Client {
    /// Of Valkey.
    Valkey,
    /// Of Redis.
    Redis,
}

impl Client {
    fn program(self) -> &'static str {
        match self {
            Self::Valkey => "valkey-cli",
            Self::Redis => "redis-cli",
        }
    }
}

impl Cache {
    pub(super) fn defaults(&self) -> Defaults {
        Defaults {
            title: format!("the cache at {}", self.socket),
            hop: Hop::Database,
            needs: Vec::new(),
            unit: None,
        }
    }

    pub(super) fn expected(&self) -> String {
        "it answers PING with PONG".to_owned()
    }

    /// The words that ask it.
    pub(super) fn words(&self) -> [&str; 4] {
        [self.client.program(), "-s", self.socket.as_str(), "PING"]
    }

    /// Judges what the client said.
    #[must_use]
    pub fn judge(&self, section: Option<&Section>) -> Judgement {
        match section {
            None => Judgement::Flawed("the server did not say".to_owned()),
            Some(Section { status: 0, output }) if output.trim() == "PONG" => {
                Judgement::Sound("it answers".to_owned())
            }
            // The client ends with 0 whatever the server says.
            Some(Section { status: 0, output }) => {
                let said = output.lines().next().unwrap_or_default();
                Judgement::Broken(format!("it answers {said}"))
            }
            Some(failed) => {
                let program = self.client.program();
                Judgement::Broken(format!("{program} {}", failed.failure()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements() {
        let check = Cache {
            client: Client::Redis,
            socket: AbsolutePath::new("/run/x/cache.sock").unwrap(),
        };
        let broken = |text: &str| Judgement::Broken(text.to_owned());
        for (status, output, want) in [
            (0, "PONG", Judgement::Sound("it answers".to_owned())),
            (
                0,
                "LOADING Redis is loading",
                broken("it answers LOADING Redis is loading"),
            ),
            (
                1,
                "Could not connect to Redis",
                broken("redis-cli ended with status 1: Could not connect to Redis"),
            ),
            (124, "", broken("redis-cli did not end in time")),
        ] {
            let output = output.to_owned();
            assert_eq!(check.judge(Some(&Section { status, output })), want);
        }
        assert!(matches!(check.judge(None), Judgement::Flawed(_)));
    }
}
