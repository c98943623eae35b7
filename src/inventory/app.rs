//! The sections `[app]` and `[database]`.

use super::build::{self, build};
use super::deploy::stop_start;
use super::environment::{env, secrets};
use super::listen::listen;
use super::mistakes::Mistakes;
use super::page;
use super::prepare::{self, inner, shared};
use super::processes;
use super::raw::{self, At};
use super::source::source;
use super::values::{instances, words};
use super::{
    App, Database, DatabaseListen, DatabaseServer, Engine, FileReference, Protocol, amount,
};
use crate::types::{AccountName, Fqdn, InvalidValue};
use std::ops::RangeInclusive;

/// What stays at home unless the inventory says otherwise.
pub(super) const EXCLUDE: &[&str] = &[".git", "__pycache__", "*.pyc", "node_modules", ".env"];

/// Accounts of the system that the app must not be, nor get by default.
const SYSTEM_ACCOUNTS: &[&str] = &[
    "root",
    "daemon",
    "bin",
    "sys",
    "sync",
    "games",
    "man",
    "lp",
    "mail",
    "news",
    "uucp",
    "proxy",
    "www-data",
    "backup",
    "list",
    "irc",
    "nobody",
    "sshd",
    "bind",
    "mysql",
    "messagebus",
    "ftp",
];

/// Databases of the server itself.
pub(super) const SYSTEM_DATABASES: &[&str] =
    &["mysql", "sys", "information_schema", "performance_schema"];

/// The section `[app]`. `None` if it is wanted but what it needs is missing or wrong.
pub(super) fn app(
    section: Option<&At<raw::App>>,
    domain: Option<&Fqdn>,
    default_port: u16,
    files: &mut Vec<FileReference>,
    inside: &mut Vec<FileReference>,
    made_from: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<App> {
    let help = "say what to run:\n[app]\nsource = \"app\"\ncommand = \"…\"\n\
                or that there is none: [app] enabled = false";
    let Some(raw) = section else {
        mistakes.missing(mistakes.end(), "the section [app] is missing", help);
        return None;
    };
    let enabled = raw.enabled.unwrap_or(true);
    let protocol = match raw.protocol.as_deref() {
        None | Some(raw::AppProtocol::Http) => Protocol::Http,
        Some(raw::AppProtocol::Fastcgi) => Protocol::Fastcgi,
        Some(raw::AppProtocol::Files) => Protocol::Files,
    };
    let runs = protocol != Protocol::Files;
    let there = [
        ("source", raw.source.is_some()),
        ("command", raw.command.is_some() || !runs),
    ];
    for (key, there) in there {
        if enabled && !there {
            mistakes.missing(raw.span(), &format!("app.{key} is missing"), help);
        }
    }
    let from = raw.source.as_ref();
    let source = from.and_then(|from| source(from, files, mistakes));
    let command = mistakes.check("app.command", raw.command.as_ref(), |text| words(text));
    let migrate = mistakes.check("app.migrate", raw.migrate.as_ref(), |text| words(text));
    let health = raw.health.as_ref();
    let health = health.and_then(|raw| page::health(raw, mistakes));
    let memory = mistakes.check("app.memory_max", raw.memory_max.as_ref(), amount::memory);
    let user = mistakes.check("app.user", raw.user.as_ref(), |text| app_user(text));
    let packages = raw.packages.iter();
    let packages: Vec<String> = packages
        .filter_map(|item| mistakes.check("app.packages", Some(item), |text| package(text)))
        .collect();
    let exclude = match &raw.exclude {
        Some(list) => list
            .iter()
            .filter_map(|item| mistakes.check("app.exclude", Some(item), |text| pattern(text)))
            .collect(),
        None => EXCLUDE.iter().map(ToString::to_string).collect(),
    };
    let instances = mistakes
        .check("app.instances", raw.instances.as_ref(), |number| {
            instances(number.get())
        })
        .unwrap_or(1);
    let mut seconds =
        |key: &str, amount: Option<&At<raw::Amount>>, range: RangeInclusive<u32>, default| {
            let read = |amount: &raw::Amount| amount::seconds(amount, range.clone());
            let found = mistakes.check(&format!("app.{key}"), amount, read);
            found.unwrap_or(default)
        };
    let start_timeout = seconds("start_timeout", raw.start_timeout.as_ref(), 1..=3600, 60);
    let settle = seconds("settle", raw.settle.as_ref(), 0..=600, 2);
    let drain = seconds("drain", raw.drain.as_ref(), 2..=86400, 30);
    let watchdog = raw.watchdog.as_ref();
    let watchdog = mistakes.check("app.watchdog", watchdog, |amount| {
        amount::seconds(amount, 1..=3600)
    });
    let memory_max = memory.unwrap_or_else(|| "512M".to_owned());
    let defaults = processes::Defaults {
        drain,
        memory_max: &memory_max,
    };
    let workers = processes::workers(&raw.workers, &defaults, mistakes);
    let timers = processes::timers(&raw.timers, &defaults, mistakes);
    let root = root(raw, protocol, inside, mistakes);
    let python = raw.python.as_ref();
    let python = python.map(|table| prepare::python(table, inside, mistakes));
    let (persistent, shared) = shared(raw, files, mistakes);
    let build = build(raw, &persistent, &shared, made_from, mistakes);
    let listen = listen(raw, protocol, mistakes);
    let env = env(&raw.env, listen, mistakes);
    let secrets = secrets("app.secrets", &raw.secrets, files, mistakes);
    let user = user.or_else(|| default_account(domain?))?;
    let parts = build::parts(&user, python.as_ref(), &build, &env, &packages);
    Some(App {
        enabled,
        source,
        exclude,
        packages,
        build,
        parts,
        protocol,
        root,
        python,
        persistent,
        shared,
        command: command.unwrap_or_default(),
        listen,
        port: raw.port.as_ref().map_or(default_port, |port| port.get()),
        user,
        adopt: raw.adopt.unwrap_or(false),
        migrate,
        health,
        instances,
        start_timeout,
        settle,
        stop_start: stop_start(raw, protocol, mistakes),
        drain,
        watchdog,
        memory_max,
        workers,
        timers,
        env,
        secret_env: raw.secret_env.unwrap_or(false) && !secrets.is_empty(),
        secrets,
    })
}

/// The folder that visitors see. Only Nginx looks for it.
fn root(
    raw: &raw::App,
    protocol: Protocol,
    inside: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<String> {
    let root = raw.root.as_ref()?;
    if protocol == Protocol::Http && !mistakes.incomplete {
        let mistake = mistakes.at(root.span(), "app.root is not for protocol = \"http\"");
        mistakes.push(mistake.help("the app answers by itself; files of it go into web.static"));
    }
    if let Some(command) = raw.command.as_ref().filter(|_| protocol == Protocol::Files) {
        let mistake = mistakes.at(command.span(), "app.command: with \"files\" nothing runs");
        mistakes.push(mistake.context(root.span(), "Nginx has these files"));
    }
    let path = mistakes.check("app.root", Some(root), |text| inner(text))?;
    // What app.build makes is not there yet.
    if raw.build.is_empty() {
        inside.push(FileReference {
            path: path.clone(),
            span: root.span(),
            key: "app.root".to_owned(),
            directory: true,
        });
    }
    Some(path)
}

/// The first label of the domain as an account name that belongs to nobody yet.
pub(super) fn default_account(domain: &Fqdn) -> Option<AccountName> {
    let label = domain.first_label();
    let begins = label.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let mut name = format!("{}{label}", if begins { "" } else { "app-" });
    name.truncate(32);
    if SYSTEM_ACCOUNTS.contains(&name.as_str()) || SYSTEM_DATABASES.contains(&name.as_str()) {
        name.push_str("-app");
    }
    AccountName::new(&name).ok()
}

fn app_user(text: &str) -> Result<AccountName, InvalidValue> {
    let name = AccountName::new(text)?;
    if SYSTEM_ACCOUNTS.contains(&text) {
        let error = InvalidValue::new(format!("`{text}` is an account of the system"));
        return Err(error.hint("give the app an account of its own"));
    }
    Ok(name)
}

/// A package name of Debian policy section 5.6.1.
fn package(text: &str) -> Result<String, InvalidValue> {
    let head = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    if !head || text.len() < 2 || !text.chars().all(known) {
        return Err(InvalidValue::new(format!("`{text}` is not a package name"))
            .hint("lower-case letters, digits and `+-.`, like \"python3-pymysql\""));
    }
    Ok(text.to_owned())
}

fn pattern(text: &str) -> Result<String, InvalidValue> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(InvalidValue::new(
            "the pattern is empty or has a control character",
        ));
    }
    Ok(text.to_owned())
}

/// What the section `[database]` says of the server.
pub(super) fn database_server(raw: &raw::Database, mistakes: &mut Mistakes<'_>) -> DatabaseServer {
    let pool = raw.buffer_pool.as_ref();
    let pool = mistakes.check("database.buffer_pool", pool, amount::bytes);
    DatabaseServer {
        engine: match raw.engine.as_deref() {
            None | Some(raw::Engine::Auto) => Engine::Auto,
            Some(raw::Engine::Mysql) => Engine::Mysql,
            Some(raw::Engine::Mariadb) => Engine::Mariadb,
        },
        listen: raw.listen.as_deref().map(|listen| match listen {
            raw::DatabaseListen::Socket => DatabaseListen::Socket,
            raw::DatabaseListen::Loopback => DatabaseListen::Loopback,
        }),
        buffer_pool: pool,
        max_connections: raw.max_connections.as_deref().copied().unwrap_or(100),
    }
}

/// What the section `[database]` says of the site's own one. `None` after a mistake elsewhere
/// that leaves it without a name.
pub(super) fn database(
    raw: &raw::Database,
    server: DatabaseServer,
    app: Option<&App>,
    domain: Option<&Fqdn>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Database> {
    let name = mistakes.check("database.name", raw.name.as_ref(), |text| {
        database_name(text)
    });
    let default = || {
        app.map(|app| app.user.clone())
            .or_else(|| default_account(domain?))
    };
    Some(Database {
        enabled: raw
            .enabled
            .as_deref()
            .copied()
            .unwrap_or(app.is_some_and(|app| app.enabled && app.protocol != Protocol::Files)),
        server,
        name: name.or_else(default)?,
        adopt: raw.adopt.as_deref().is_some_and(|adopt| *adopt),
        convert: raw.convert.as_deref().is_some_and(|convert| *convert),
    })
}

fn database_name(text: &str) -> Result<AccountName, InvalidValue> {
    let name = AccountName::new(text)?;
    if SYSTEM_DATABASES.contains(&text) || text == "root" {
        return Err(InvalidValue::new(format!(
            "`{text}` belongs to the database server itself"
        )));
    }
    Ok(name)
}
