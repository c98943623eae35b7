//! The section `[fail2ban]` as the user writes it.

use super::{Amount, At, List};
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU16;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Fail2ban {
    /// Whether it runs. Default: true, where there is this section.
    pub(in crate::inventory) enabled: Option<At<bool>>,
    /// Addresses and networks that are never banned, beside those that foobar-stack has worked from
    /// and those of `firewall.ssh_from`. Default: none.
    pub(in crate::inventory) ignore: Option<List>,
    /// After how many failures an address is banned. Left out, fail2ban decides: 5.
    pub(in crate::inventory) max_retry: Option<At<NonZeroU16>>,
    /// In which time they must happen: seconds, or "10m". Left out, fail2ban decides: "10m".
    pub(in crate::inventory) find_time: Option<At<Amount>>,
    /// How long a ban is: seconds, or "1h". Left out, fail2ban decides: "10m".
    pub(in crate::inventory) ban_time: Option<At<Amount>>,
}
