//! Conflicts: what a resource finds on the server that is not the stack's to take over. Refusals:
//! what it finds there that must not become what is wanted.

use std::fmt;

/// Whose a thing on the server is, as far as the server's notes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// A run of foobar-stack made it.
    Made,
    /// It was there before; a proven run took it over.
    Adopted,
    /// No run of foobar-stack has had to do with it.
    Foreign,
}

impl Claim {
    /// Whether it already belongs to the stack.
    #[must_use]
    pub fn is_ours(self) -> bool {
        self != Self::Foreign
    }
}

/// A thing on the server that the stack would take over and must not without being told to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// What the stack would take: `account deploy`, `port 80/tcp`.
    pub subject: String,
    /// What is there.
    pub found: String,
    /// Why that is not taken over.
    pub because: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject,
            found,
            because,
            hint,
        } = self;
        write!(f, "{subject}: {found}; {because}\n    {hint}")
    }
}

/// Why something on the server must not become what the inventory wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is there, and what would come of it.
    pub why: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    {}", self.why, self.hint)
    }
}
