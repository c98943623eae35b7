//! How somebody may log in by ssh, where the inventory says it.

use serde::Serialize;

/// What the stack says to sshd; all that is left out is not touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sshd {
    /// Lines of sshd_config(5): keyword and value.
    pub settings: Vec<SshdSetting>,
    /// Whether only a key lets anybody in.
    pub keys_alone: bool,
    /// Whether root may not log in.
    pub root_refused: bool,
}

/// A keyword of sshd_config(5) and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SshdSetting {
    /// The keyword.
    pub keyword: &'static str,
    /// The value.
    pub value: &'static str,
}
