//! The `foobar-stack` program.

fn main() {}
