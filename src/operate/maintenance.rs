//! Maintenance: visitors of a site, or of all, get a page with status 503, until it is over.
//!
//! The role of Nginx brings all that is needed as files of its own; what stands here makes and
//! removes the two, `on.http` and `on.site`, that put it in force. They belong to no run: an apply neither ends
//! maintenance nor takes it for drift.

use crate::host;
use crate::plan::Stack;
use crate::resource::PROXY_SHELL;
use crate::shell::Script;
use crate::types::Fqdn;

/// The folder of the stack without which there is no maintenance: a file for each site.
const SITES: &str = "/etc/nginx/maintenance/sites";

/// Whether visitors are let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Switch {
    /// Keep them out.
    On {
        /// When they may come back, in seconds: what the page says to programs.
        retry: u64,
        /// Networks that pass beside those of the inventory.
        allow: Vec<String>,
    },
    /// Let them in again.
    Off,
}

/// Whether the stack has what maintenance needs.
#[must_use]
pub fn is_possible(stack: &Stack) -> bool {
    let mut resources = stack.resources.iter();
    resources.any(|resource| resource.id.kind == "directory" && resource.id.name == SITES)
}

pub use crate::host::LOCKED;

/// The script that switches it for the sites of these domains, or for all if there are none.
/// `unit` is that of Nginx, `who` asks for it.
#[must_use]
pub fn script(switch: &Switch, sites: &[&Fqdn], unit: &str, who: &str) -> Script {
    let mut script = host::program();
    let (retry, function, allow) = match switch {
        Switch::On { retry, allow } => (*retry, "maintenance_on", allow.as_slice()),
        Switch::Off => (0, "maintenance_off", [].as_slice()),
    };
    let sites: Vec<&str> = sites.iter().map(|site| site.as_str()).collect();
    script
        .assign("unit", unit)
        .assign("sites", &sites.join(" "))
        .assign("retry", &retry.to_string())
        .raw(PROXY_SHELL)
        .raw(include_str!("maintenance.sh"))
        .call(
            "with_lock",
            ["maintenance, switched", who, function]
                .into_iter()
                .chain(allow.iter().map(String::as_str)),
        );
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_words_of_their_own() {
        let switch = Switch::On {
            retry: 600,
            allow: vec!["203.0.113.7".to_owned(), "2001:db8::/32".to_owned()],
        };
        let (shop, blog) = ("shop.example", "blog.example");
        let sites = [shop, blog].map(|name| Fqdn::new(name).unwrap());
        let script = script(&switch, &sites.each_ref(), "nginx.service", "me");
        let text = script.as_str();
        assert!(
            text.contains("\nunit=nginx.service\nsites='shop.example blog.example'\nretry=600\n"),
            "{text}"
        );
        assert!(
            text.ends_with(
                "\nwith_lock 'maintenance, switched' me maintenance_on 203.0.113.7 2001:db8::/32\n"
            ),
            "{text}"
        );
        assert!(
            super::script(&Switch::Off, &[], "nginx.service", "me")
                .as_str()
                .ends_with("\nwith_lock 'maintenance, switched' me maintenance_off\n")
        );
    }
}
