//! What every kind of check gives: what a reply means, and the fields that a role may leave out.

use super::hop::Hop;

/// What a reply says of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// As it should be; with what was seen.
    Sound(String),
    /// Not as it should be, or not known; what lies behind it can still be asked.
    Flawed(String),
    /// Not as it should be, which is up to somebody else than the server: an authority, or those
    /// who delegate its name. No run is undone for it.
    Awaited(String),
    /// Not working, so that nothing behind it can work either.
    Broken(String),
}

/// What a kind says of the common fields that a role leaves out.
pub(super) struct Defaults {
    pub(super) title: String,
    pub(super) hop: Hop,
    pub(super) needs: Vec<Hop>,
    pub(super) unit: Option<String>,
}
