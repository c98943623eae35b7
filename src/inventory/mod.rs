//! The inventory: what the user wants, checked and with every default filled in.
//!
//! Pure: text in, [`Inventory`] or diagnostics out. Templates see it through its
//! `Serialize` form, so a field's name here is its name in a template.

mod amount;
mod app;
mod apt_sources;
mod backup;
mod build;
mod cache;
mod deploy;
mod environment;
mod fail2ban;
mod forms;
mod further;
mod headers;
mod import;
mod jobs;
mod listen;
mod locations;
mod mistakes;
mod model;
mod name_servers;
mod neighbours;
mod network;
mod page;
mod paths;
mod placement;
mod prepare;
mod processes;
mod raw;
mod recipe;
mod record;
mod record_rules;
mod rehearsal;
mod relocate;
mod resolve;
mod reverse;
mod secondary;
mod sensitive;
mod signing;
mod site;
mod source;
mod sshd;
mod starter;
mod stray;
mod structure;
mod syntax;
mod system;
mod tls;
mod upgrades;
mod user_record;
mod values;
mod web;
mod zone;
mod zone_entry;

pub use import::reverse::{import_reverse, is_reverse};
pub use import::{ImportOptions, Imported, import};
pub use model::{
    App, AppCache, AppSource, AptSource, Backup, Backups, BuildStep, Cache, Challenge, Copied,
    Database, DatabaseListen, DatabaseServer, Dns, DnsRecord, Dnssec, Engine, Expect,
    ExternalAccount, Fail2ban, FileReference, Firewall, FirewallRule, FurtherZone, Handler, Health,
    Hook, Install, Inventory, Jobs, Keep, KeyType, Listen, Location, Login, NameServer, Names,
    Parsed, Part, PathRule, Ports, Protocol, Python, Rate, RecordSet, Redirect, References,
    Schedule, Secondary, Server, ServerRole, Shares, Site, Sshd, SshdSetting, Timer, Tls, TlsMode,
    TransferKey, Unattended, Upgrades, Web, Window, Worker,
};
pub use network::network;
pub use raw::schema;
pub use recipe::{CodeFolder, Recipe, recognise};
pub use relocate::{Place, relocated};
pub use resolve::parse;
pub use starter::starter;
