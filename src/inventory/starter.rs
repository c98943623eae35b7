//! The inventory that `init` writes.

use crate::types::Fqdn;
use std::net::Ipv4Addr;

/// The smallest useful inventory of a domain and a server, with comments. It parses.
#[must_use]
pub fn starter(domain: &Fqdn, ipv4: Ipv4Addr) -> String {
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

# The code in the folder `app`, the packages it needs, and what runs it. It must
# listen on 127.0.0.1:${{PORT}}.
[app]
source = "app"
packages = ["gunicorn", "python3-pymysql"]
command = "gunicorn --bind 127.0.0.1:${{PORT}} app:application"

# A secret is made on the server, or comes from {{ env = … }}, {{ file = … }} or
# {{ command = … }}. The app finds it as a file in $CREDENTIALS_DIRECTORY.
[app.secrets]
SESSION_KEY = {{ generate = true }}

# Where backups go. Without them the data is lost with the server; with
# `enabled = false` instead of a repository no plan says so.
# [backup]
# repository = "sftp:user@host:/folder"
"#
    )
}
