//! foobar-stack sets up and proves a complete web stack on one server.

pub mod sandbox;
