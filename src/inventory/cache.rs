//! The section `[cache]`: Valkey or Redis for the app of a site.

use super::amount;
use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::{App, AppCache, Protocol};
use crate::types::InvalidValue;

const MIB: u64 = 1 << 20;

/// The section; without it there is no cache.
pub(super) fn cache(
    section: Option<&At<raw::Cache>>,
    app: Option<&App>,
    mistakes: &mut Mistakes<'_>,
) -> AppCache {
    let mut cache = AppCache {
        enabled: false,
        memory: 64 * MIB,
        policy: raw::Eviction::AllkeysLru.as_str().to_owned(),
    };
    let Some(raw) = section else {
        return cache;
    };
    let span = raw.span();
    cache.enabled = raw.enabled.as_deref().is_none_or(|enabled| *enabled);
    let memory = mistakes.check(
        "cache.memory",
        raw.memory.as_ref(),
        |amount| match amount::bytes(amount)? {
            bytes if bytes >= 4 * MIB => Ok(bytes),
            bytes => {
                let error = InvalidValue::new(format!("{bytes} bytes are too few"));
                Err(error.hint("at least \"4M\""))
            }
        },
    );
    cache.memory = memory.unwrap_or(cache.memory);
    if let Some(policy) = &raw.policy {
        cache.policy = policy.as_str().to_owned();
    }
    let used = app.is_some_and(|app| app.enabled && app.protocol != Protocol::Files);
    if cache.enabled && app.is_some() && !used {
        let mistake = mistakes.at(span, "[cache] without an app that runs");
        mistakes.push(mistake.help("it is for the app alone: take it out, or write app.command"));
    }
    cache
}
