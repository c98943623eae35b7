//! How a zone is signed: `dnssec`, wherever it stands.

use super::Dnssec;
use super::mistakes::Mistakes;
use super::raw::{self, At};
use crate::types::InvalidValue;

/// Whether a zone is signed.
pub(super) fn dnssec(
    key: &str,
    written: Option<&At<raw::Signing>>,
    mistakes: &mut Mistakes<'_>,
) -> Dnssec {
    let read = |written: &raw::Signing| match written {
        raw::Signing::Switch(true) => Ok(Dnssec::On),
        raw::Signing::Switch(false) => Ok(Dnssec::Off),
        raw::Signing::Text(text) if text == "insecure" => Ok(Dnssec::Insecure),
        raw::Signing::Text(text) => {
            let wrong = InvalidValue::new(format!("`{text}` is no way to sign a zone"));
            Err(wrong.hint("true, false, or \"insecure\" while it is ended"))
        }
    };
    let found = mistakes.check(key, written, read);
    found.unwrap_or(Dnssec::Off)
}
