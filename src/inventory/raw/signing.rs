//! `dns.dnssec` as the user writes it.

use schemars::JsonSchema;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use std::fmt;

/// `true`, `false`, or how it is ended.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub(in crate::inventory) enum Signing {
    Switch(bool),
    Text(String),
}

impl<'de> Deserialize<'de> for Signing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Signing;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or \"insecure\"")
            }
            fn visit_bool<E>(self, on: bool) -> Result<Signing, E> {
                Ok(Signing::Switch(on))
            }
            fn visit_str<E>(self, text: &str) -> Result<Signing, E> {
                Ok(Signing::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
