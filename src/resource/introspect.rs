//! The names of a struct's fields, asked of serde, so that no list of them is kept twice.

use serde::de::{self, Deserializer, Visitor};
use std::fmt;

/// The fields that `T` takes, in their order.
pub(super) fn fields<T: serde::de::DeserializeOwned>() -> &'static [&'static str] {
    let mut found: &'static [&'static str] = &[];
    // The error is how the asking ends; what was asked for is in `found`.
    let _ = T::deserialize(Fields(&mut found));
    found
}

struct Fields<'a>(&'a mut &'static [&'static str]);

#[derive(Debug)]
struct Asked;

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("asked")
    }
}

impl std::error::Error for Asked {}

impl de::Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        *self.0 = fields;
        Err(Asked)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fields_of_a_struct_are_known() {
        #[derive(serde::Deserialize)]
        struct Example {
            #[expect(dead_code, reason = "only its name matters")]
            path: String,
            #[expect(dead_code, reason = "only its name matters")]
            mode: Option<String>,
        }
        assert_eq!(super::fields::<Example>(), ["path", "mode"]);
    }
}
