//! foobar-stack sets up and proves a complete web stack on one server.

pub mod diagnostic;
pub mod inventory;
pub mod report;
pub mod sandbox;
pub mod shell;
pub mod types;
