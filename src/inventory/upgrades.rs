//! The section `[upgrades]`: whether the server upgrades its packages by itself, and when.

use super::backup::time;
use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::{Install, Unattended, Upgrades, Window};
use crate::types::InvalidValue;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The section; without it what the server has is left alone.
pub(super) fn upgrades(
    section: Option<&At<raw::Upgrades>>,
    mistakes: &mut Mistakes<'_>,
) -> Upgrades {
    let Some(raw) = section else {
        return Upgrades::Undecided;
    };
    let at = mistakes.check("upgrades.at", raw.at.as_ref(), |text| time(text));
    let window = mistakes.check("upgrades.window", raw.window.as_ref(), |text| window(text));
    if raw.enabled.as_deref() == Some(&false) {
        return Upgrades::Declined;
    }
    Upgrades::Unattended(Unattended {
        install: match raw.install.as_deref() {
            None | Some(raw::Install::Security) => Install::Security,
            Some(raw::Install::All) => Install::All,
            Some(raw::Install::Configured) => Install::Configured,
        },
        at,
        window: window.unwrap_or(Window {
            days: "Sun".to_owned(),
            time: "04:30".to_owned(),
        }),
        reboot: raw.reboot.as_deref().copied().unwrap_or(false),
    })
}

/// `Sat,Sun 04:30`, or `04:30` for each day.
fn window(text: &str) -> Result<Window, InvalidValue> {
    let (days, at) = text.split_once(' ').unwrap_or(("", text));
    let known = |day: &str| DAYS.contains(&day);
    if !days.is_empty() && !days.split(',').all(known) || text.starts_with(' ') {
        let wrong = format!("`{text}` is no time of a week");
        return Err(InvalidValue::new(wrong).hint("like \"Sun 04:30\" or \"Sat,Sun 04:30\""));
    }
    Ok(Window {
        days: days.to_owned(),
        time: time(at)?,
    })
}
