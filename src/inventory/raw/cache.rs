//! The section `[cache]` as the user writes it.

use super::{Amount, At};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Cache {
    /// Whether there is one. Default: true, where there is this section.
    pub(in crate::inventory) enabled: Option<At<bool>>,
    /// Memory for what it keeps: bytes, or "64M". Default: "64M".
    pub(in crate::inventory) memory: Option<At<Amount>>,
    /// What goes when that is used up: the keys that were used least recently or least often, any,
    /// those that expire first; all keys, or those that expire alone; or nothing, and writes fail.
    /// Default: "allkeys-lru".
    pub(in crate::inventory) policy: Option<At<Eviction>>,
}

/// The values of `maxmemory-policy` of Redis and Valkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::inventory) enum Eviction {
    /// Of all keys the least recently used.
    AllkeysLru,
    /// Of all keys the least often used.
    AllkeysLfu,
    /// Any keys.
    AllkeysRandom,
    /// Of those that expire the least recently used.
    VolatileLru,
    /// Of those that expire the least often used.
    VolatileLfu,
    /// Any that expire.
    VolatileRandom,
    /// Those that expire first.
    VolatileTtl,
    /// Nothing: writes fail.
    Noeviction,
}

impl Eviction {
    /// The word.
    pub(in crate::inventory) fn as_str(self) -> &'static str {
        match self {
            Self::AllkeysLru => "allkeys-lru",
            Self::AllkeysLfu => "allkeys-lfu",
            Self::AllkeysRandom => "allkeys-random",
            Self::VolatileLru => "volatile-lru",
            Self::VolatileLfu => "volatile-lfu",
            Self::VolatileRandom => "volatile-random",
            Self::VolatileTtl => "volatile-ttl",
            Self::Noeviction => "noeviction",
        }
    }
}
