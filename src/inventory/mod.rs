//! The inventory: what the user wants, checked and with every default filled in.
//!
//! Pure: text in, [`Inventory`] or diagnostics out. Templates see it through its
//! `Serialize` form, so a field's name here is its name in a template.

mod amount;
mod app;
mod environment;
mod listen;
mod mistakes;
mod model;
mod network;
mod prepare;
mod raw;
mod record;
mod resolve;
mod sensitive;
mod site;
mod source;
mod starter;
mod structure;
mod syntax;
mod values;
mod web;
mod zone;

pub use model::{
    App, AppSource, Database, DatabaseListen, Dns, DnsRecord, Engine, FileReference, Firewall,
    FirewallRule, Health, Inventory, Listen, Parsed, Protocol, Python, RecordSet, Server, Site,
    Tls, TlsMode, Web,
};
pub use network::network;
pub use raw::schema;
pub use resolve::parse;
pub use starter::starter;
