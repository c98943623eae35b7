//! The shell of releases, for all kinds that have to do with them.

/// Tells a release from a folder of somebody else: before the two others.
pub(in crate::resource) const MARK: &str = include_str!("mark.sh");
/// What a probe asks.
pub(in crate::resource) const PROBE: &str = include_str!("probe.sh");
/// What steps do.
pub(in crate::resource) const STEPS: &str = include_str!("steps.sh");
