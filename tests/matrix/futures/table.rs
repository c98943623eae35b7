//! The futures and the servers, by what they are about.

mod app;
mod network;
mod server;
mod services;

use super::Broken;

/// All of them.
pub(super) const ALL: [&[Broken]; 4] = [services::ALL, network::ALL, app::ALL, server::ALL];
