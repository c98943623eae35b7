//! A value that is one thing, or a list of them.

use schemars::JsonSchema;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A number, or a list of some.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub(in crate::inventory) enum OneOrMore {
    One(u16),
    More(Vec<u16>),
}

impl OneOrMore {
    /// All of them, in order.
    pub(in crate::inventory) fn all(&self) -> &[u16] {
        match self {
            Self::One(number) => std::slice::from_ref(number),
            Self::More(numbers) => numbers,
        }
    }
}

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = OneOrMore;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a list of numbers")
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<OneOrMore, E> {
                let number = u16::try_from(number);
                let number = number.map_err(|_| E::custom("the number is out of range"))?;
                Ok(OneOrMore::One(number))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMore, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMore::More)
            }
        }
        deserializer.deserialize_any(Either)
    }
}
