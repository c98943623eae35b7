//! The inventory that `init` writes.

use super::recipe::Recipe;
use crate::types::Fqdn;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// `[app]` of code that nobody could recognise.
const UNKNOWN: &str = r#"packages = ["gunicorn", "python3-pymysql"]
command = "gunicorn --bind 127.0.0.1:${PORT} app:application"

# A secret is made on the server, or comes from { env = … }, { file = … } or
# { command = … }. The app finds it as a file in $CREDENTIALS_DIRECTORY.
[app.secrets]
SESSION_KEY = { generate = true }
"#;

/// Secrets that are nobody's but the app's, so that any value will do.
const OWN: [&str; 5] = [
    "SECRET_KEY",
    "SECRET_KEY_BASE",
    "SESSION_KEY",
    "SESSION_SECRET",
    "JWT_SECRET",
];

/// The smallest useful inventory of a domain and a server, with comments, for the code in the folder
/// `source`. Without a recipe what runs it is an example. It parses.
#[must_use]
pub fn starter(domain: &Fqdn, ipv4: Ipv4Addr, source: &str, recipe: Option<&Recipe>) -> String {
    let source = super::recipe::quoted(source);
    let what = recipe.map_or(String::new(), |recipe| format!(" ({})", recipe.what));
    let app = recipe.map_or_else(|| UNKNOWN.to_owned(), sections);
    format!(
        r#"# The inventory of {domain}. Everything not said here has a default.

# The server: Debian or Ubuntu, reached by ssh as root or with sudo.
[server]
ipv4 = "{ipv4}"
user = "root"

# www.{domain} is made an alias; `aliases = […]` names others.
[site]
domain = "{domain}"

# A certificate that browsers trust, as soon as the names lead to the server.
[tls]
mode = "acme"

# The code{what}, the packages it needs, and what runs it. It must listen on
# 127.0.0.1:${{PORT}}, or on the Unix socket ${{SOCKET}}.
[app]
source = {source}
{app}
# Where backups go. Without them the data is lost with the server; with
# `enabled = false` instead of a repository no plan says so.
# [backup]
# repository = "sftp:user@host:/folder"
"#
    )
}

/// What a recipe says, from the lines of `[app]` on.
fn sections(recipe: &Recipe) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    let exclusion = recipe.exclusion();
    exclusion
        .iter()
        .chain(&recipe.app)
        .for_each(|one| line(one));
    if recipe.runs() && !recipe.app.iter().any(|one| one.starts_with("health = ")) {
        line("# A page that says whether the app is healthy; better one that asks the database.");
        line("# health = \"/healthz\"");
    }
    if !recipe.secrets.is_empty() {
        if recipe.secret_env {
            line("# The code looks for its secrets in its environment.");
            line("secret_env = true");
        }
        line("");
        line("# A secret is made on the server ({ generate = true }), or comes from a variable of");
        line("# this machine, { file = … } or { command = … }.");
        line("[app.secrets]");
        for name in &recipe.secrets {
            let source = if OWN.contains(&name.as_str()) {
                "generate = true".to_owned()
            } else {
                format!("env = \"{name}\"")
            };
            line(&format!("{name} = {{ {source} }}"));
        }
    }
    if !recipe.env.is_empty() {
        line("");
        line("[app.env]");
        recipe.env.iter().for_each(|one| line(one));
    }
    line("");
    if recipe.web.is_empty() {
        line("# The page that proves the site: `/` with 200, unless you say otherwise.");
        line("# [web]");
        line("# expect = { path = \"/login\", status = 200, body = \"Sign in\" }");
    } else {
        line("[web]");
        recipe.web.iter().for_each(|one| line(one));
    }
    if !recipe.database {
        line("");
        line("# It needs none.");
        line("[database]");
        line("enabled = false");
    }
    text
}
