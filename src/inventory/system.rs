//! What the section `[server]` says of the system of the machine, and of what it does.

use super::ServerRole;
use super::amount;
use super::raw::{self, At};
use crate::types::InvalidValue;
use std::collections::BTreeSet;

/// The roles of `server.hardening`, each once.
pub(super) fn hardening(raw: Option<&At<Vec<At<raw::Hardened>>>>) -> Vec<String> {
    let wanted =
        |one: &raw::Hardened| raw.is_none_or(|list| list.iter().any(|role| **role == *one));
    let all = raw::Hardened::ALL.into_iter().filter(wanted);
    all.map(|one| one.role().to_owned()).collect()
}

/// The key `roles` of a server.
pub(super) fn roles(raw: Option<&At<Vec<At<raw::Role>>>>) -> BTreeSet<ServerRole> {
    match raw {
        Some(list) => list.iter().map(|role| ServerRole::from(**role)).collect(),
        None => ServerRole::ALL.into(),
    }
}

/// The size of the journal in bytes. A file of it has half a MiB at least, and there are several
/// (journald.conf(5)).
pub(super) fn journal(amount: &raw::Amount) -> Result<u64, InvalidValue> {
    match amount::bytes(amount)? {
        bytes if bytes >= 16 << 20 => Ok(bytes),
        bytes => {
            let error = InvalidValue::new(format!("{bytes} bytes are too few"));
            Err(error.hint("at least \"16M\""))
        }
    }
}

/// The size of the file for swap in bytes; 0 for none.
pub(super) fn swap(amount: &raw::Amount) -> Result<u64, InvalidValue> {
    if matches!(amount, raw::Amount::Number(0)) {
        return Ok(0);
    }
    match amount::bytes(amount)? {
        bytes if bytes >= 16 << 20 => Ok(bytes),
        bytes => {
            let error = InvalidValue::new(format!("{bytes} bytes are too few"));
            Err(error.hint("at least \"16M\", or 0 for none"))
        }
    }
}
