//! The tables `[app.workers]` and `[app.timers]`: what of the app runs beside the processes that
//! answer requests.

use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::values::{instances, words};
use super::{Timer, Worker, amount};
use crate::types::InvalidValue;
use std::collections::BTreeMap;

/// The longest name: it is a part of the names of units, behind that of the app's account.
const LONGEST: usize = 32;

/// What a process has of the app unless it says otherwise.
pub(super) struct Defaults<'a> {
    /// `app.drain`, in seconds.
    pub(super) drain: u32,
    /// `app.memory_max`.
    pub(super) memory_max: &'a str,
}

/// The workers by their names.
pub(super) fn workers(
    raw: &BTreeMap<At<String>, At<raw::Worker>>,
    defaults: &Defaults<'_>,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, Worker> {
    let mut all = BTreeMap::new();
    for (name, raw) in raw {
        let key = named("app.workers", name, mistakes);
        let missing = format!("{key}: the command is missing");
        if raw.command.is_none() {
            let example = format!("[{key}]\ncommand = \"…\"");
            mistakes.missing(raw.span(), &missing, &example);
        }
        let command = command(&key, raw.command.as_ref(), mistakes);
        let wanted = raw.instances.as_ref();
        let wanted = mistakes.check(&format!("{key}.instances"), wanted, |number| {
            instances(number.get())
        });
        let drain = raw.drain.as_ref();
        let drain = mistakes.check(&format!("{key}.drain"), drain, |amount| {
            amount::seconds(amount, 1..=86400)
        });
        let memory_max = memory(&key, raw.memory_max.as_ref(), defaults, mistakes);
        let worker = Worker {
            command: command.unwrap_or_default(),
            instances: wanted.unwrap_or(1),
            drain: drain.unwrap_or(defaults.drain),
            memory_max,
        };
        all.insert(name.to_string(), worker);
    }
    all
}

/// The timers by their names.
pub(super) fn timers(
    raw: &BTreeMap<At<String>, At<raw::Timer>>,
    defaults: &Defaults<'_>,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, Timer> {
    let mut all = BTreeMap::new();
    for (name, raw) in raw {
        let key = named("app.timers", name, mistakes);
        for (what, there) in [
            ("command", raw.command.is_some()),
            ("schedule", raw.schedule.is_some()),
        ] {
            if !there {
                let message = format!("{key}: the {what} is missing");
                let example = format!("[{key}]\ncommand = \"…\"\nschedule = \"hourly\"");
                mistakes.missing(raw.span(), &message, &example);
            }
        }
        let command = command(&key, raw.command.as_ref(), mistakes);
        let schedule = raw.schedule.as_ref();
        let schedule = mistakes.check(&format!("{key}.schedule"), schedule, |text| {
            schedule_of(text)
        });
        let timeout = raw.timeout.as_ref();
        let timeout = mistakes.check(&format!("{key}.timeout"), timeout, |amount| {
            amount::seconds(amount, 1..=604_800)
        });
        let timer = Timer {
            command: command.unwrap_or_default(),
            schedule: schedule.unwrap_or_default(),
            timeout: timeout.unwrap_or(3600),
            memory_max: memory(&key, raw.memory_max.as_ref(), defaults, mistakes),
        };
        all.insert(name.to_string(), timer);
    }
    all
}

/// The key of a table with this name, which becomes a part of the names of units.
fn named(table: &str, name: &At<String>, mistakes: &mut Mistakes<'_>) -> String {
    mistakes.check(table, Some(name), |name| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let whole = name.chars().all(plain) && name.starts_with(ends) && name.ends_with(ends);
        if whole && name.len() <= LONGEST {
            return Ok(());
        }
        let error = InvalidValue::new(format!("`{name}` cannot be a part of a unit's name"));
        Err(error.hint("lower-case letters, digits and `-`, at most 32, like \"mail\""))
    });
    format!("{table}.{}", name.as_str())
}

/// A command. Nobody asks it anything, so that it has no place to listen.
fn command(
    key: &str,
    raw: Option<&At<String>>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Vec<String>> {
    mistakes.check(&format!("{key}.command"), raw, |text| {
        for word in ["${PORT}", "${SOCKET}"] {
            if text.replace("$$", "").contains(word) {
                let error = InvalidValue::new(format!("{word} is not set here"));
                return Err(error.hint("only app.command is asked for pages"));
            }
        }
        words(text)
    })
}

fn memory(
    key: &str,
    raw: Option<&At<raw::Amount>>,
    defaults: &Defaults<'_>,
    mistakes: &mut Mistakes<'_>,
) -> String {
    let memory = mistakes.check(&format!("{key}.memory_max"), raw, amount::memory);
    memory.unwrap_or_else(|| defaults.memory_max.to_owned())
}

/// A calendar event of systemd.time(7), as far as that can be said without systemd: the server
/// itself reads it before anything changes.
fn schedule_of(text: &str) -> Result<String, InvalidValue> {
    let known = |c: char| c.is_ascii_alphanumeric() || " *:.,/~-_+".contains(c);
    let hint = "as in systemd.time(7): \"hourly\", \"*-*-* 03:00\", \"Mon..Fri 08:30\"";
    if text.trim().is_empty() || !text.chars().all(known) {
        return Err(InvalidValue::new(format!("`{text}` is not a time")).hint(hint));
    }
    // What everybody knows from cron(8) is read as something else, or not at all.
    let fields = text.split_whitespace().count();
    if fields >= 5 {
        let error = InvalidValue::new(format!("`{text}` is written as for cron"));
        return Err(error.hint(hint));
    }
    Ok(text.trim().to_owned())
}
