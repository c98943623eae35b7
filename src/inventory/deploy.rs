//! The key `app.deploy`: whether a new release starts beside the one that serves.

use super::Protocol;
use super::mistakes::Mistakes;
use super::raw;

/// Whether the old release stops before the new one starts.
pub(super) fn stop_start(raw: &raw::App, protocol: Protocol, mistakes: &mut Mistakes<'_>) -> bool {
    let Some(deploy) = &raw.deploy else {
        return false;
    };
    let stops = **deploy == raw::Deploy::StopStart;
    if protocol == Protocol::Files {
        let mistake = mistakes.at(deploy.span(), "app.deploy: with \"files\" nothing runs");
        mistakes.push(mistake.help("leave it out"));
    } else if let Some(instances) = raw.instances.as_ref().filter(|n| stops && n.get() > 1) {
        let mistake = mistakes.at(
            instances.span(),
            "app.instances: an app that must be alone has one instance",
        );
        mistakes.push(mistake.context(
            deploy.span(),
            "so the old one stops before the new one starts",
        ));
    }
    stops
}
