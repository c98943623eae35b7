//! The section `[fail2ban]`: who is kept out for a while after failed logins.

use super::mistakes::Mistakes;
use super::network::listed;
use super::raw::{self, At};
use super::{Fail2ban, amount};

/// A year.
const LONGEST: u32 = 365 * 86_400;

/// The section; without it there is none.
pub(super) fn fail2ban(
    section: Option<&At<raw::Fail2ban>>,
    mistakes: &mut Mistakes<'_>,
) -> Fail2ban {
    let Some(raw) = section else {
        return Fail2ban::default();
    };
    Fail2ban {
        enabled: raw.enabled.as_deref().is_none_or(|enabled| *enabled),
        ignore: listed("fail2ban.ignore", raw.ignore.as_ref(), mistakes),
        max_retry: raw.max_retry.as_ref().map(|failures| failures.get()),
        find_time: mistakes.check("fail2ban.find_time", raw.find_time.as_ref(), |time| {
            amount::seconds(time, 1..=LONGEST)
        }),
        ban_time: mistakes.check("fail2ban.ban_time", raw.ban_time.as_ref(), |time| {
            amount::seconds(time, 1..=LONGEST)
        }),
    }
}
