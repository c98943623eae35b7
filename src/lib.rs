//! foobar-stack sets up and proves a complete web stack on one server.

pub mod diagnostic;
pub mod shell;
pub mod types;

pub mod inventory;

pub mod facts;

pub mod resource;

pub mod check;

pub mod plan;

pub mod role;

pub mod bundle;

pub mod server;

pub mod verify;

pub mod sandbox;

pub mod error;

pub mod report;

pub mod cli;

pub mod commands;
