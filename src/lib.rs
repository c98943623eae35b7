//! foobar-stack sets up and proves a complete web stack on one server.

pub mod check;
pub mod diagnostic;
pub mod inventory;
pub mod sandbox;
pub mod shell;
pub mod types;
pub mod verify;
