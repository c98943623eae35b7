//! MySQL and MariaDB: databases, their accounts, and what a server of them runs with.

mod database;
mod database_user;
mod grants;
mod recorded;
mod settings;
pub(super) mod sql;
mod variables;

pub(crate) use database::CHECK_TABLE;
pub(super) use database::Database;
pub(super) use database_user::DatabaseUser;
pub(super) use settings::ServerSettings;
