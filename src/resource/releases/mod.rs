//! The app's code on the server: its releases, which of them serves, and the two slots it runs in.

mod code;
mod deployment;
mod manifest;
mod old_release;
mod part;
mod release;
mod requirements;
pub(super) mod shell;

pub use code::release_code;
pub(super) use deployment::Deployment;
pub use deployment::{KeptRelease, Slot, kept_releases};
pub(crate) use deployment::{PAGE_SHELL, PROXY_SHELL};
pub(super) use old_release::OldRelease;
pub(super) use release::Release;
