//! The inventory as everything behind the parser sees it: checked, complete, in one form.

mod apt_source;
mod backup;
mod build;
mod fail2ban;
mod firewall;
mod jobs;
mod page;
mod paths;
mod processes;
mod server_role;
mod sshd;
mod tls;
mod upgrades;

pub use apt_source::AptSource;
pub use backup::{Backup, Backups, Keep, Schedule};
pub use build::{BuildStep, Part, Python, Shares};
pub use fail2ban::Fail2ban;
pub use firewall::{Firewall, FirewallRule};
pub use jobs::Jobs;
pub use page::{Expect, Health};
pub use paths::{Cache, Handler, Location, Login, PathRule, Rate, Redirect};
pub use processes::{Timer, Worker};
pub use server_role::ServerRole;
pub use sshd::{Sshd, SshdSetting};
pub use tls::{Challenge, ExternalAccount, Hook, KeyType, Tls, TlsMode};
pub use upgrades::{Install, Unattended, Upgrades, Window};

use crate::types::{AccountName, Digest, Fqdn, RecordName, SecretSource, ServerName, SiteName};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// An inventory without a mistake in its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What the user wants.
    pub inventory: Inventory,
    /// The files that the way to each server needs.
    pub keys: Vec<FileReference>,
    /// What each site refers to beside the inventory.
    pub references: BTreeMap<SiteName, References>,
}

/// What a site refers to beside the inventory: whoever reads a file says it, with the place,
/// when it is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Files and folders of the client, in the order of the text.
    pub files: Vec<FileReference>,
    /// Files and folders of the app's code.
    pub inside: Vec<FileReference>,
    /// What of the app's code something is made from: files, or folders with all below them.
    pub made_from: Vec<FileReference>,
    /// Where the inventory says from where the code comes.
    pub source: Range<usize>,
}

/// A file or folder of the client that the inventory speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReference {
    /// The path, relative to the inventory or absolute.
    pub path: String,
    /// Where it is written.
    pub span: Range<usize>,
    /// The key: `tls.certificate`.
    pub key: String,
    /// True if it is a folder.
    pub directory: bool,
}

/// A checked inventory. Every default is filled in, and whichever form it was written in, this is
/// the long one.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    /// The machines, and how to reach them: at least one.
    pub servers: BTreeMap<ServerName, Server>,
    /// The sites: at least one. Each is on every server that has a role in it.
    pub sites: BTreeMap<SiteName, Site>,
    /// The ports of Nginx, which all sites of a server share.
    pub ports: Ports,
    /// The database server, which all sites of a server share.
    pub database_server: DatabaseServer,
    /// nftables.
    pub firewall: Firewall,
    /// What somebody needs to log in by ssh.
    pub sshd: Sshd,
    /// Who is kept out for a while after failed logins.
    pub fail2ban: Fail2ban,
    /// Where backups go, if there are any.
    pub backups: Backups,
    /// Whether the server upgrades its packages by itself.
    pub upgrades: Upgrades,
    /// Who is told when a job of the server fails.
    pub jobs: Jobs,
    /// Settings of the user's own roles, and which of them to apply.
    pub roles: BTreeMap<String, toml::Table>,
}

impl Inventory {
    /// The sources of the secrets that are the server's own, by name.
    #[must_use]
    pub fn secrets(&self) -> BTreeMap<String, SecretSource> {
        let mut secrets = self.backups.made().map(Backup::secrets).unwrap_or_default();
        if let Some(source) = &self.jobs.webhook {
            secrets.insert(Jobs::WEBHOOK.to_owned(), source.clone());
        }
        secrets
    }

    /// The domains of the sites, in the order of their names.
    pub fn domains(&self) -> impl Iterator<Item = &Fqdn> {
        self.sites.values().map(|site| &site.names.domain)
    }
}

/// The machine, and how to reach it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Server {
    /// Public IPv4 address; there if there is no IPv6 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Public IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
    /// ssh destination: host name, address or alias.
    pub ssh: String,
    /// Login, if the inventory says one.
    pub user: Option<String>,
    /// Port of sshd, if the inventory says one.
    pub port: Option<u16>,
    /// Private key on the client, if the inventory says one; relative to the inventory.
    pub identity_file: Option<String>,
    /// ssh configuration to read instead of the user's and the system's; relative to the inventory.
    pub ssh_config: Option<String>,
    /// Host key: type and key.
    pub host_key: Option<String>,
    /// Host name to set.
    pub hostname: Option<String>,
    /// Time zone to set.
    pub timezone: Option<String>,
    /// What the stack may take over there, as a refused plan names it.
    pub adopt: Vec<String>,
    /// Roles whose services may do less than their packages let them.
    pub hardening: Vec<String>,
    /// The most that the journal takes of the disk, in bytes, if the inventory says it.
    pub journal: Option<u64>,
    /// The size of a file for swap in bytes, if the inventory says it; 0 for none.
    pub swap: Option<u64>,
    /// Foreign apt sources, in the order of their names.
    pub sources: Vec<AptSource>,
    /// What it does: all there is, where there is one server.
    pub roles: BTreeSet<ServerRole>,
}

/// A site: its names, and everything that is its own. A template sees the names among the other
/// fields: `site.domain`, `site.app.user`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Site {
    /// The names it answers to.
    #[serde(flatten)]
    pub names: Names,
    /// The zone.
    pub dns: Dns,
    /// The certificate.
    pub tls: Tls,
    /// Nginx.
    pub web: Web,
    /// The site's code.
    pub app: App,
    /// MySQL or MariaDB.
    pub database: Database,
    /// The cache of its app.
    pub cache: AppCache,
}

impl Site {
    /// The sources of all its secrets, by name: those of the app, which are called like variables
    /// of the environment, and those of others.
    #[must_use]
    pub fn secrets(&self) -> BTreeMap<String, SecretSource> {
        let mut secrets = self.app.secrets.clone();
        for key in &self.dns.transfer_keys {
            secrets.insert(format!("dns.key.{}", key.name), key.source.clone());
        }
        if let Some(account) = &self.tls.external_account {
            secrets.insert(ExternalAccount::SECRET.to_owned(), account.key.clone());
        }
        let hook = self.tls.hook.iter().flat_map(|hook| &hook.secrets);
        secrets.extend(hook.map(|(name, source)| (format!("tls.hook.{name}"), source.clone())));
        for (path, rule) in &self.web.paths {
            let users = rule.users.iter();
            secrets.extend(users.map(|(user, hash)| (Web::user_secret(path, user), hash.clone())));
        }
        secrets
    }
}

/// The names a site answers to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Names {
    /// The domain.
    pub domain: Fqdn,
    /// Other names of the same site.
    pub aliases: Vec<Fqdn>,
    /// Whether every other name below the domain is the site's, too.
    pub wildcard: bool,
    /// The domain that the site has had before.
    pub previous_domain: Option<Fqdn>,
    /// Mail address of the zone's contact.
    pub contact: String,
}

/// The zone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dns {
    /// Whether this server answers the zone.
    pub enabled: bool,
    /// The zone: the domain, an alias of which the domain is a part, or the zone of another site.
    pub zone: Fqdn,
    /// True if the records stand in the zone of another site, of which the domain is a part.
    pub shared: bool,
    /// Name servers of the zone.
    pub nameservers: Vec<Fqdn>,
    /// Name servers elsewhere that copy the zone from this one.
    pub secondaries: Vec<Secondary>,
    /// The other name servers of the zone, and secondaries that are none.
    pub elsewhere: Vec<NameServer>,
    /// The keys of the secondaries, each once.
    pub transfer_keys: Vec<TransferKey>,
    /// Where this server copies the zone from, if it is not the one that has it.
    pub copied: Option<Copied>,
    /// Whether the zone is signed.
    pub dnssec: Dnssec,
    /// Default time to live, in seconds.
    pub ttl: u32,
    /// Every record of the zone except the SOA, made ones first, in a fixed order; with `shared`
    /// those of this site.
    pub records: Vec<DnsRecord>,
    /// What the wildcards among them answer.
    pub wildcards: Vec<RecordSet>,
    /// Further zones of this server: of domains that no site has, and of networks.
    pub zones: Vec<FurtherZone>,
    /// What must be answered of these, and of aliases that stand in another zone than their site.
    pub answers: Vec<RecordSet>,
}

/// A zone beside that of a site, with the same name servers: of a domain that no site has, or of
/// a network, which says the names of its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FurtherZone {
    /// Its name; that of a network is below `in-addr.arpa` or `ip6.arpa`.
    pub zone: Fqdn,
    /// Default time to live, in seconds.
    pub ttl: u32,
    /// Whether it is signed.
    pub dnssec: Dnssec,
    /// Every record except the SOA, name servers first.
    pub records: Vec<DnsRecord>,
}

/// Whether a zone is signed (DNSSEC, RFC 9364).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dnssec {
    /// It is not.
    Off,
    /// BIND signs it.
    On,
    /// It was, and its keys are taken back in the order in which nobody is left without an answer.
    Insecure,
}

/// A name server that copies a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Secondary {
    /// Its name.
    pub name: Fqdn,
    /// Where it is told of changes.
    pub address: IpAddr,
    /// The name of the key that it signs its requests with; none if its address is enough.
    pub key: Option<String>,
}

/// The server of the inventory that a zone is copied from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// What it is called as a name server.
    pub name: Fqdn,
    /// Where it is.
    pub addresses: Vec<IpAddr>,
    /// The name of the key that requests are signed with.
    pub key: String,
}

/// A name server on another machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NameServer {
    /// Its name.
    pub name: Fqdn,
    /// Its address, if the inventory knows it.
    pub address: Option<IpAddr>,
}

/// A key that requests for a zone are signed with (TSIG, RFC 8945).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransferKey {
    /// What both sides call it.
    pub name: String,
    /// Its algorithm, like `hmac-sha256`.
    pub algorithm: String,
    /// Where it comes from, as the secret `dns.key.NAME` of the site.
    pub source: SecretSource,
}

/// All records of one name and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordSet {
    /// Full name of the owner.
    pub name: RecordName,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The data of each, as in a zone file.
    pub values: Vec<String>,
}

impl RecordSet {
    /// The wildcards among the records, those of one name and type together.
    pub(super) fn wildcards(records: &[DnsRecord]) -> Vec<Self> {
        let wildcard = |record: &&DnsRecord| record.name.wildcard_of().is_some();
        Self::of(records.iter().filter(wildcard))
    }

    /// These records, those of one name and type together.
    pub(super) fn of<'a>(records: impl Iterator<Item = &'a DnsRecord>) -> Vec<Self> {
        let mut sets: Vec<Self> = Vec::new();
        for record in records {
            let same = |set: &&mut Self| set.name == record.name && set.kind == record.kind;
            match sets.iter_mut().find(same) {
                Some(set) => set.values.push(record.value.clone()),
                None => sets.push(Self {
                    name: record.name.clone(),
                    kind: record.kind.clone(),
                    values: vec![record.value.clone()],
                }),
            }
        }
        sets
    }
}

/// One record of the zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DnsRecord {
    /// Full name of the owner.
    pub name: RecordName,
    /// The type, like `A` or `HTTPS`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The data as in a zone file, with full names ending in a dot.
    pub value: String,
    /// Time to live in seconds.
    pub ttl: u32,
}

/// The ports of Nginx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ports {
    /// Port of HTTP.
    pub http_port: u16,
    /// Port of HTTPS: of TCP, and of UDP with HTTP/3.
    pub https_port: u16,
    /// Whether HTTP/3 (RFC 9114) is offered; never where no site has HTTPS.
    pub http3: bool,
}

/// What Nginx does for a site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Web {
    /// The ports, the same for all sites.
    #[serde(flatten)]
    pub ports: Ports,
    /// Largest request body, in bytes.
    pub max_body: u64,
    /// Largest line of a request's header, and largest header of a response, in bytes.
    pub max_header: u64,
    /// How long a request may take in the app, in seconds.
    pub timeout: u32,
    /// HSTS `max-age` in seconds; 0 sends no header.
    pub hsts: u32,
    /// URL prefix, with `/` at both ends, to a folder of the release.
    #[serde(rename = "static")]
    pub static_files: BTreeMap<String, String>,
    /// What visitors must get.
    pub expect: Expect,
    /// The header Permissions-Policy; empty for none.
    pub permissions_policy: String,
    /// The header Cross-Origin-Opener-Policy; empty for none.
    pub opener_policy: String,
    /// Further response headers.
    pub headers: BTreeMap<String, String>,
    /// Networks that pass while maintenance is on.
    pub maintenance_allow: Vec<String>,
    /// The most requests of one client in the app at the same time; 0 for no limit.
    pub connections: u32,
    /// Whether text is compressed with Brotli (RFC 7932), too.
    pub brotli: bool,
    /// Networks of proxies that are believed.
    pub trusted_proxies: Vec<String>,
    /// What holds for single paths.
    pub paths: BTreeMap<String, PathRule>,
}

/// Where the app's code comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AppSource {
    /// A folder beside the inventory.
    Folder {
        /// The folder.
        folder: String,
    },
    /// A git repository.
    Git {
        /// Its address, or a folder.
        repository: String,
        /// A branch, a tag or a commit.
        revision: String,
        /// The folder in it that holds the app; none for all of it.
        path: Option<String>,
    },
    /// An archive.
    Archive {
        /// Its address, or a file.
        archive: String,
        /// Its digest.
        sha256: Digest,
        /// The folder in it that holds the app; none for all of it.
        path: Option<String>,
    },
}

impl AppSource {
    /// True if asking for it means to ask another machine.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Folder { .. } => false,
            Self::Git { repository, .. } => !is_local(repository),
            Self::Archive { archive, .. } => archive.contains("://"),
        }
    }
}

/// How Nginx speaks with the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// It answers requests by itself.
    Http,
    /// It runs the scripts that Nginx names.
    Fastcgi,
    /// There is no process: Nginx has the files.
    Files,
}

/// Where the app listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Listen {
    /// On ports of the loopback.
    Port,
    /// On Unix sockets.
    Socket,
}

/// The site's code.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct App {
    /// Whether there is one.
    pub enabled: bool,
    /// Where the code comes from; there with an app.
    pub source: Option<AppSource>,
    /// Patterns of what stays at home.
    pub exclude: Vec<String>,
    /// Packages of the distribution.
    pub packages: Vec<String>,
    /// The commands that make a release ready.
    pub build: Vec<BuildStep>,
    /// The virtual environment, if there is one.
    pub python: Option<Python>,
    /// What these two come to: what is run on the server, in order.
    pub parts: Vec<Part>,
    /// Folders of a release that outlive it.
    pub persistent: Vec<String>,
    /// Paths in a release, and the files of the client that stand there.
    pub shared: BTreeMap<String, String>,
    /// How Nginx speaks with it.
    pub protocol: Protocol,
    /// The folder of the release that visitors see, without it all; not with `Http`.
    pub root: Option<String>,
    /// The words of the command; `${NAME}` is filled in by systemd.
    pub command: Vec<String>,
    /// Where it listens.
    pub listen: Listen,
    /// First of the ports on the loopback; not with [`Listen::Socket`].
    pub port: u16,
    /// How many instances serve at once.
    pub instances: u16,
    /// Account it runs as.
    pub user: AccountName,
    /// Whether an account that is there already is taken as it is.
    pub adopt: bool,
    /// The words of the migration command.
    pub migrate: Option<Vec<String>>,
    /// The page that says whether it is healthy.
    pub health: Option<Health>,
    /// How long a new release may take until it is healthy, in seconds.
    pub start_timeout: u32,
    /// How long a new release must stay healthy before it serves, in seconds.
    pub settle: u32,
    /// Whether the release before stops before a new one starts.
    pub stop_start: bool,
    /// How long what is under way in the release before may take to end, in seconds.
    pub drain: u32,
    /// How often it says that it is alive, in seconds, if it does.
    pub watchdog: Option<u32>,
    /// Memory limit as systemd writes it.
    pub memory_max: String,
    /// The processes beside those that answer requests, by their names.
    pub workers: BTreeMap<String, Worker>,
    /// The commands that are run again and again, by their names.
    pub timers: BTreeMap<String, Timer>,
    /// Environment.
    pub env: BTreeMap<String, String>,
    /// Names and sources of the secrets.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Whether they are in the environment, too.
    pub secret_env: bool,
}

/// Which database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// MySQL where the distribution has it, else MariaDB.
    Auto,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}

/// Where the database server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseListen {
    /// On its Unix socket alone.
    Socket,
    /// On port 3306 of the loopback, too.
    Loopback,
}

/// The database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DatabaseServer {
    /// Which one.
    pub engine: Engine,
    /// Where it listens, if the inventory says it; else on its socket alone.
    pub listen: Option<DatabaseListen>,
    /// InnoDB's buffer pool in bytes, if the inventory says it.
    pub buffer_pool: Option<u64>,
    /// Most connections at once.
    pub max_connections: u32,
}

/// A site's database.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Database {
    /// Whether there is one.
    pub enabled: bool,
    /// Its server, the same for all sites.
    #[serde(flatten)]
    pub server: DatabaseServer,
    /// Name of the app's database.
    pub name: AccountName,
    /// Whether a database and an account that are there already are taken as they are.
    pub adopt: bool,
    /// Whether those are then made like new ones.
    pub convert: bool,
}

/// Valkey or Redis for the app of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppCache {
    /// Whether there is one.
    pub enabled: bool,
    /// Memory for what it keeps, in bytes.
    pub memory: u64,
    /// What goes when that is used up, as `maxmemory-policy` says it.
    pub policy: String,
}

/// True for a folder: no scheme, and no `host:path`.
pub(super) fn is_local(repository: &str) -> bool {
    let head = repository.split('/').next().unwrap_or_default();
    !head.contains(':')
}
