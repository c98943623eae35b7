//! The built-in roles, as they stand in the folders `roles` and `templates`.

use super::RoleSource;
use crate::diagnostic::Source;

macro_rules! roles {
    ($($role:literal: [$($template:literal),* $(,)?]),* $(,)?) => {
        &[$((
            $role,
            include_str!(concat!("../../roles/", $role, "/role.toml")),
            &[$((
                $template,
                include_str!(concat!("../../templates/", $role, "/", $template)),
            )),*],
        )),*]
    };
}

/// A role's name, its manifest, and its templates by name.
type Text = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const ROLES: &[Text] = roles! {
    "acme": [
        "authority.sh",
        "certificate.conf",
        "certificates.service",
        "certificates.sh",
        "certificates.timer",
        "look.sh",
        "records.sh",
    ],
    "app": [
        "_process.conf",
        "app.service",
        "ask.conf",
        "migrate.service",
        "prepare.service",
        "timer.service",
        "timer.timer",
        "upstream.conf",
        "worker.service",
    ],
    "backup": [
        "ask.sh",
        "backup.service",
        "backup.sh",
        "backup.timer",
        "copies.sh",
        "drill.service",
        "drill.sh",
        "drill.timer",
        "dump.sh",
        "fetch.sh",
        "instance.sh",
        "logs.service",
        "logs.timer",
        "repository.sh",
        "restore.sh",
        "settings",
        "swap.sh",
    ],
    "base": ["journald.conf", "swap.service", "swap.sh", "sysctl.conf"],
    "cache": ["cache.service"],
    "database": ["hardening.conf", "mariadb.cnf", "mysql.cnf"],
    "dns": ["hardening.conf", "keys.conf", "named.conf"],
    "fail2ban": ["jail.conf", "jail.local"],
    "firewall": ["nftables.conf", "stop.conf"],
    "jobs": ["job-ended.sh"],
    "sshd": ["sshd.conf"],
    "tls": [],
    "upgrades": [
        "apt.conf",
        "daily.conf",
        "daily.service",
        "daily.timer",
        "needrestart.conf",
        "upgrades.sh",
        "window.conf",
        "window.service",
        "window.timer",
    ],
    "web": [
        "_answer.conf",
        "_fastcgi.conf",
        "_headers.conf",
        "_hidden.conf",
        "_limits.conf",
        "_location.conf",
        "_proxy.conf",
        "_text_types.conf",
        "_told_fastcgi.conf",
        "_told_http.conf",
        "hardening.conf",
        "headers.conf",
        "index.html",
        "maintenance.conf",
        "maintenance.html",
        "nginx.conf",
        "restart.conf",
        "site.conf",
        "sites.conf",
        "status.conf",
        "unavailable.html",
        "unknown-names.conf",
    ],
};

/// The built-in roles.
#[must_use]
pub fn builtin() -> Vec<RoleSource> {
    ROLES
        .iter()
        .map(|(name, manifest, templates)| RoleSource {
            name: (*name).to_owned(),
            manifest: Source::new(format!("<built-in>/roles/{name}/role.toml"), *manifest),
            templates: templates
                .iter()
                .map(|(file, text)| {
                    let shown = format!("<built-in>/templates/{name}/{file}");
                    ((*file).to_owned(), Source::new(shown, *text))
                })
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The names in a folder of the project.
    fn names(folder: &str) -> BTreeSet<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let Ok(entries) = std::fs::read_dir(&path) else {
            return BTreeSet::new();
        };
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_table_is_what_the_folders_hold() {
        let roles: BTreeSet<String> = ROLES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(roles, names("roles"));
        for (role, _, templates) in ROLES {
            let table: BTreeSet<String> = templates
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect();
            assert_eq!(
                table,
                names(&format!("templates/{role}")),
                "templates/{role}"
            );
        }
    }
}
