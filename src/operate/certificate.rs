//! A certificate from an authority is declared invalid, and another one is ordered.
//!
//! The program of the role acme does both, on the server.

use crate::host;
use crate::plan::Stack;
use crate::shell::Script;
use crate::types::Fqdn;

/// What orders certificates.
const PROGRAM: &str = "/usr/local/lib/foobar-stack/certificates";

/// Why a certificate is not to be trusted any more, as authorities take it (RFC 5280, section
/// 5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No reason is given.
    Unspecified,
    /// Somebody else may have its key.
    KeyCompromise,
    /// Another one has taken its place.
    Superseded,
    /// The names are the user's no more.
    CessationOfOperation,
}

impl Reason {
    /// As certbot takes it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keycompromise",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationofoperation",
        }
    }
}

/// Whether the server of the stack orders the certificate of this domain.
#[must_use]
pub fn is_possible(stack: &Stack, domain: &Fqdn) -> bool {
    let mut resources = stack.resources.iter();
    resources.any(|resource| {
        resource.id.kind == "acme_certificate" && resource.id.name == domain.as_str()
    })
}

/// The script that has it revoked. `who` asks for it.
#[must_use]
pub fn script(domain: &Fqdn, reason: Reason, who: &str) -> Script {
    let mut script = host::program();
    let words = [
        "a certificate is revoked",
        who,
        PROGRAM,
        "revoke",
        domain.as_str(),
        reason.as_str(),
    ];
    script.call("with_lock", words);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_done_under_the_lock() {
        let domain = Fqdn::new("foobar.com").unwrap();
        let script = script(&domain, Reason::KeyCompromise, "me");
        let last = script.as_str().lines().last().unwrap_or_default();
        assert_eq!(
            last,
            "with_lock 'a certificate is revoked' me /usr/local/lib/foobar-stack/certificates \
             revoke foobar.com keycompromise"
        );
    }
}
