//! What the digests of secrets in a saved plan are keyed with: made of a salt and of something
//! that only the server has. Who finds the file can try no value without the server.

use crate::shell::Script;
use crate::types::{Digest, SecretValue};

/// A key for the digests of one saved plan. It stands in no file.
#[derive(Debug, Clone)]
pub struct Seal(SecretValue);

impl Seal {
    /// The script that has the server make the key of this salt, for [`Self::read`].
    #[must_use]
    pub fn script(salt: &str) -> Script {
        let mut script = Script::new();
        script.raw(include_str!("seal.sh"));
        script.call("print_seal", [salt]);
        script
    }

    /// Reads what the server made; none if it made nothing.
    #[must_use]
    pub fn read(reply: &str) -> Option<Self> {
        let key = Digest::parse(reply.trim())?;
        Some(Self(SecretValue::new(key.as_str().as_bytes().to_vec())))
    }

    /// The digest of a secret. Equal values of two resources have different ones.
    #[must_use]
    pub fn of(&self, resource: &str, secret: &SecretValue) -> Digest {
        let between = format!("\n{}:{resource}\n", resource.len());
        let inner = Digest::of_parts([self.0.expose(), between.as_bytes(), secret.expose()]);
        // Once more with the key, so that nothing can be hung onto the value.
        Digest::of_parts([self.0.expose(), inner.as_str().as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_goes_by_key_resource_and_value() {
        let seal = |letter: &str| Seal::read(&format!("{}\n", letter.repeat(64))).unwrap();
        let value = |text: &str| SecretValue::new(text.as_bytes().to_vec());
        let one = seal("a").of("secret:/x", &value("canary"));
        assert_eq!(one, seal("a").of("secret:/x", &value("canary")));
        assert_ne!(one, seal("b").of("secret:/x", &value("canary")));
        assert_ne!(one, seal("a").of("secret:/y", &value("canary")));
        assert_ne!(one, seal("a").of("secret:/x", &value("other")));
        assert!(!format!("{:?}", seal("a")).contains("aaaa"));
        assert!(Seal::read("").is_none());
    }
}
