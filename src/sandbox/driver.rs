//! What every driver can do. A driver is one file; it is entered in `drivers.rs`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use super::state::HeldStore;
use super::{Progress, Sandbox, SandboxError};

/// Something under way that may fail.
pub(super) type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, SandboxError>> + Send + 'a>>;

/// What is settled about a sandbox before its driver is asked.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its name.
    pub(super) name: String,
    /// The release it shall run.
    pub(super) suite: String,
    /// Its directory; it exists.
    pub(super) directory: PathBuf,
    /// The addresses that this driver's other sandboxes have.
    pub(super) used: Vec<IpAddr>,
}

/// A way to run a throw-away server.
pub(super) trait Driver: Sync {
    /// Sees to it that the host has what is needed.
    fn require<'a>(&'a self, progress: Progress<'a>) -> Pending<'a, ()>;

    /// Settles address and keys, and readies what sandboxes share on the host. Quick.
    fn describe<'a>(&'a self, held: &'a HeldStore, place: Place) -> Pending<'a, Sandbox>;

    /// Makes the disk, boots it, and waits until ssh answers.
    fn create<'a>(&'a self, sandbox: &'a Sandbox, progress: Progress<'a>) -> Pending<'a, ()>;

    /// Boots the disk there is, and waits until ssh answers.
    fn boot<'a>(&'a self, sandbox: &'a Sandbox, progress: Progress<'a>) -> Pending<'a, ()>;

    /// Ends it as a power cut would. Nothing to do is no error.
    fn power_off<'a>(&'a self, sandbox: &'a Sandbox) -> Pending<'a, ()>;

    /// Removes the directory of one that is off, or was never finished.
    fn remove<'a>(&'a self, directory: &'a Path) -> Pending<'a, ()>;

    /// Takes back what this driver's sandboxes shared on the host; the last one has gone.
    fn leave<'a>(&'a self, held: &'a HeldStore) -> Pending<'a, ()>;

    /// Whether it is up.
    fn is_running(&self, sandbox: &Sandbox) -> bool;
}
