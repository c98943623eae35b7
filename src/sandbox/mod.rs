//! Throw-away servers: makes them, finds them again, and takes everything back.
//!
//! ```text
//! up ──▶ state: a name, a directory, a lock ──▶ driver: a machine ──▶ ssh answers ──▶ Sandbox
//! ```
//!
//! A [`Sandbox`] is described by one JSON file in a directory of its own; what runs it is a driver
//! (one file each, behind one interface, see [`DriverName`]). This room prints nothing:
//! what takes time is told to a [`Progress`] callback. Only the drivers' shell programs run as
//! root, and only the driver knows what they changed on the host, and takes it back.

mod archive;
mod base;
mod driver;
mod drivers;
mod error;
mod host;
mod login;
mod machine;
mod network;
mod nspawn;
mod ssh;
mod state;
mod vagrant;

use serde::Serialize;
use std::net::IpAddr;

pub use error::SandboxError;
pub use login::exec;
pub use machine::{DriverName, Progress, Request, Sandbox};
pub use ssh::ssh_arguments;

use driver::Driver;
use state::{Entry, HeldStore, Store};

/// What a sandbox is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// An `up` is at work on it.
    Starting,
    /// It is up.
    Running,
    /// It is complete, and off.
    Stopped,
    /// Its `up` was cut short; `down` removes it.
    Broken,
}

/// One sandbox, as [`list`] finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// What it is; `None` if its `up` did not come that far.
    pub sandbox: Option<Sandbox>,
}

impl Status {
    /// Whether it can be logged in to.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == State::Running
    }
}

/// Sees to it that this machine can run sandboxes of this driver: missing programs are installed.
///
/// # Errors
/// When it cannot, or must not.
pub async fn require(driver: DriverName, progress: Progress<'_>) -> Result<(), SandboxError> {
    drivers::of(driver).require(progress).await
}

/// Makes a sandbox and waits until its ssh server answers.
///
/// It outlives this process. If anything fails, nothing of it is left; if this process is killed
/// midway, what is there shows as [`State::Broken`] and [`down`] removes it.
pub async fn up(request: &Request, progress: Progress<'_>) -> Result<Sandbox, SandboxError> {
    let store = Store::open()?;
    let suite = request.suite.as_str();
    if !state::is_name(suite) {
        return Err(SandboxError::BadSuite {
            suite: suite.to_owned(),
        });
    }
    if let Some(name) = &request.name
        && !state::is_name(name)
    {
        return Err(SandboxError::BadName { name: name.clone() });
    }
    let driver = drivers::of(request.driver);
    driver.require(progress).await?;

    let held = store.hold().await?;
    let names = store.names()?;
    let name = match &request.name {
        Some(name) => name.clone(),
        None => state::free_name(suite, &names),
    };
    let (directory, making) = held.create(&name)?;
    let sandbox = match describe(driver, &held, request, name).await {
        Ok(sandbox) => sandbox,
        Err(error) => {
            let _ = std::fs::remove_dir_all(&directory);
            leave_unused(driver, request.driver, held).await?;
            return Err(error);
        }
    };
    drop(held);

    let made = async {
        driver.create(&sandbox, progress).await?;
        state::mark_ready(&sandbox.directory)
    };
    match made.await {
        Ok(()) => {
            drop(making);
            Ok(sandbox)
        }
        Err(error) => {
            // The first error is the one to tell.
            let _ = remove(&store, &sandbox.name).await;
            Err(error)
        }
    }
}

async fn describe(
    driver: &dyn Driver,
    held: &HeldStore,
    request: &Request,
    name: String,
) -> Result<Sandbox, SandboxError> {
    let store = held.store();
    let used = of_driver(store, request.driver)?;
    let used: Vec<IpAddr> = used.iter().map(|sandbox| sandbox.address).collect();
    let directory = store.directory(&name);
    let place = driver::Place {
        name,
        suite: request.suite.clone(),
        directory,
        used,
    };
    let sandbox = driver.describe(held, place).await?;
    ssh::write_files(&sandbox)?;
    state::write(&sandbox)?;
    Ok(sandbox)
}

/// Ends a sandbox and removes everything of it; with the last one goes what all of them shared.
///
/// One that is half made, or that is off, is removed as well.
pub async fn down(name: &str, progress: Progress<'_>) -> Result<(), SandboxError> {
    let store = Store::open()?;
    if store.entry(name).is_none() {
        let known = store.names()?;
        return Err(SandboxError::Unknown {
            name: name.to_owned(),
            known,
        });
    }
    progress(&format!("removing the sandbox {name}"));
    remove(&store, name).await
}

async fn remove(store: &Store, name: &str) -> Result<(), SandboxError> {
    let sandbox = store.entry(name).and_then(description);
    let name_of_driver = sandbox
        .as_ref()
        .map(|sandbox| sandbox.driver)
        .unwrap_or_default();
    let driver = drivers::of(name_of_driver);
    if let Some(sandbox) = &sandbox {
        driver.power_off(sandbox).await?;
    }
    let held = store.hold().await?;
    driver.remove(&store.directory(name)).await?;
    leave_unused(driver, name_of_driver, held).await
}

/// Takes back what nobody shares any more: the driver's, and the store itself.
async fn leave_unused(
    driver: &dyn Driver,
    name: DriverName,
    held: HeldStore,
) -> Result<(), SandboxError> {
    if of_driver(held.store(), name)?.is_empty() {
        driver.leave(&held).await?;
    }
    if held.store().names()?.is_empty() {
        held.forget()?;
    }
    Ok(())
}

/// The sandboxes that a driver runs, or is about to.
fn of_driver(store: &Store, driver: DriverName) -> Result<Vec<Sandbox>, SandboxError> {
    let names = store.names()?;
    let known = names
        .iter()
        .filter_map(|name| description(store.entry(name)?));
    Ok(known.filter(|sandbox| sandbox.driver == driver).collect())
}

/// All sandboxes, sorted by name.
#[expect(clippy::unused_async, reason = "a later driver has to ask a program")]
pub async fn list() -> Result<Vec<Status>, SandboxError> {
    let store = Store::open()?;
    let mut all = Vec::new();
    for name in store.names()? {
        let Some(entry) = store.entry(&name) else {
            continue;
        };
        let state = match &entry {
            Entry::Making(_) => State::Starting,
            Entry::HalfMade(_) => State::Broken,
            Entry::Complete(sandbox) if is_running(sandbox) => State::Running,
            Entry::Complete(_) => State::Stopped,
        };
        all.push(Status {
            name,
            state,
            sandbox: description(entry),
        });
    }
    Ok(all)
}

/// The sandbox of that name; without a name, the only one there is.
#[expect(clippy::unused_async, reason = "a later driver has to ask a program")]
pub async fn find(name: Option<&str>) -> Result<Sandbox, SandboxError> {
    let store = Store::open()?;
    let mut known = store.names()?;
    let name = match (name, known.len()) {
        (Some(name), _) => name.to_owned(),
        (None, 0) => return Err(SandboxError::None),
        (None, 1) => known.remove(0),
        (None, _) => return Err(SandboxError::Several { names: known }),
    };
    match store.entry(&name) {
        Some(Entry::Complete(sandbox)) => Ok(sandbox),
        Some(Entry::Making(_) | Entry::HalfMade(_)) => Err(SandboxError::HalfMade { name }),
        None => Err(SandboxError::Unknown { name, known }),
    }
}

/// Whether a sandbox is up.
#[must_use]
pub fn is_running(sandbox: &Sandbox) -> bool {
    drivers::of(sandbox.driver).is_running(sandbox)
}

/// Cuts a sandbox's power: every process ends at once, the disk stays as it is at that moment.
pub async fn power_off(sandbox: &Sandbox) -> Result<(), SandboxError> {
    drivers::of(sandbox.driver).power_off(sandbox).await
}

/// Boots a sandbox that is off from the disk it has, and waits until ssh answers.
///
/// One that is up is left alone.
pub async fn boot(sandbox: &Sandbox, progress: Progress<'_>) -> Result<(), SandboxError> {
    if is_running(sandbox) {
        return Ok(());
    }
    drivers::of(sandbox.driver).boot(sandbox, progress).await
}

fn description(entry: Entry) -> Option<Sandbox> {
    match entry {
        Entry::Complete(sandbox) => Some(sandbox),
        Entry::Making(sandbox) | Entry::HalfMade(sandbox) => sandbox,
    }
}
