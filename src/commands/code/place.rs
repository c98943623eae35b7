//! Where the inventory says from where the code comes.

use crate::diagnostic::{Diagnostic, Source};
use std::ops::Range;
use std::sync::Arc;

/// Where the inventory says it, for mistakes that show only when the code is looked at.
pub(in crate::commands) struct Place<'a> {
    pub(in crate::commands) source: &'a Arc<Source>,
    pub(in crate::commands) span: Range<usize>,
}

impl Place<'_> {
    pub(super) fn mistake(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.source, self.span.clone(), message)
    }
}
