//! The embedded example: the documented inventory and its app, written for a sandbox.

use crate::error::Error;
use crate::inventory::Recipe;
use crate::sandbox::Sandbox;
use std::path::{Path, PathBuf};

/// The documented inventory.
pub(crate) const INVENTORY: &str = include_str!("../../inventory/foobar.toml");

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../inventory/app/", $path)))),*]
    };
}

/// The example app, by paths below `inventory/app`.
const APP: &[(&str, &str)] = files![
    "README.md",
    "app.py",
    "database.py",
    "gunicorn.conf.py",
    "migrate.py",
    "migrations/0001_entries.sql",
    "migrations/0002_visits.sql",
    "pages.py",
    "static/favicon.svg",
    "static/style.css",
    "test_app.py",
    "tokens.py",
];

/// Writes the example into the sandbox's folder, and gives the inventory's path.
pub(crate) fn write(sandbox: &Sandbox) -> Result<PathBuf, Error> {
    write_app(&sandbox.directory.join("app"))?;
    let path = sandbox.directory.join("inventory.toml");
    put(&path, &inventory(sandbox))?;
    Ok(path)
}

/// What the inventory says of the example app.
pub(crate) fn recipe() -> Recipe {
    let line = |line: &str| line.to_owned();
    Recipe {
        app: vec![
            line("packages = [\"gunicorn\", \"python3-pymysql\"]"),
            line(
                "command = \"gunicorn --config gunicorn.conf.py --bind 127.0.0.1:${PORT} app:application\"",
            ),
            line("migrate = \"python3 migrate.py\""),
            line("health = \"/healthz\""),
        ],
        web: vec![line("static = { \"/static/\" = \"static\" }")],
        secrets: [line("SESSION_KEY")].into(),
        secret_env: false,
        ..Recipe::new("the example app")
    }
}

/// Writes the example app into a folder.
pub(crate) fn write_app(folder: &Path) -> Result<(), Error> {
    for (path, text) in APP {
        put(&folder.join(path), text)?;
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<(), Error> {
    let shown = path.display();
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(Error::io(format!("make {}", parent.display())))?;
    }
    std::fs::write(path, text).map_err(Error::io(format!("write {shown}")))
}

/// The documented inventory with the sandbox as its server.
fn inventory(sandbox: &Sandbox) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let server = format!(
        "ipv4 = {}\nport = {}\nidentity_file = {}\nhost_key = {}",
        quoted(&sandbox.address.to_string()),
        sandbox.port,
        quoted(&sandbox.identity_file.display().to_string()),
        quoted(&sandbox.host_key),
    );
    let user = format!("user = {}", quoted(&sandbox.user));
    let lines = INVENTORY.lines().map(|line| match line {
        r#"ipv4 = "8.8.8.8""# => server.as_str(),
        r#"user = "root""# => user.as_str(),
        other => other,
    });
    let mut text: String = lines.flat_map(|line| [line, "\n"]).collect();
    text.insert_str(
        0,
        "# The example inventory, for the sandbox of this folder.\n#\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_what_the_folder_holds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory/app");
        let exclude = ["__pycache__".to_owned()];
        let tree = crate::commands::code::read_folder(&folder, &exclude).unwrap();
        let found: BTreeSet<&str> = tree.entries().map(|(path, _)| path).collect();
        let table: BTreeSet<&str> = APP.iter().map(|(path, _)| *path).collect();
        assert_eq!(table, found);
    }

    #[test]
    fn the_sandbox_is_the_server_of_the_inventory() {
        let sandbox = Sandbox {
            name: "demo".into(),
            suite: "sid".into(),
            driver: crate::sandbox::DriverName::Nspawn,
            address: "10.1.2.3".parse().unwrap(),
            port: 22,
            user: "root".into(),
            identity_file: "/state/demo/id_ed25519".into(),
            host_key:
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
                    .into(),
            directory: "/state/demo".into(),
            created: 0,
        };
        let source = Source::new("inventory.toml", inventory(&sandbox));
        let parsed = crate::inventory::parse(&source).unwrap();
        let server = parsed.inventory.servers.into_values().next().unwrap();
        assert_eq!(server.address().to_string(), "10.1.2.3");
        assert_eq!(
            server.identity_file.as_deref(),
            Some("/state/demo/id_ed25519")
        );
        assert_eq!(server.host_key, Some(sandbox.host_key));
    }
}
