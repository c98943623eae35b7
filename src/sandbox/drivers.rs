//! The drivers there are.

use super::driver::Driver;
use super::machine::DriverName;
use super::nspawn::Nspawn;
use super::vagrant::Vagrant;

/// The driver of that name.
pub(super) fn of(name: DriverName) -> &'static dyn Driver {
    match name {
        DriverName::Nspawn => &Nspawn,
        DriverName::Vagrant => &Vagrant,
    }
}
