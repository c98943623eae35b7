//! The inventory as the user writes it: every key optional, every value with its place.
//!
//! These types are the one description of the file's shape. Their JSON Schema guides editors
//! and the structural pass; the doc comments here are what an editor shows.

mod app;
mod apt_source;
mod backup;
mod cache;
mod fail2ban;
mod firewall;
mod hardening;
mod jobs;
mod one_or_more;
mod page;
mod paths;
mod processes;
mod reverse;
mod role;
mod secondary;
mod signing;
mod sshd;
mod text_or;
mod tls;
mod upgrades;
mod zone;

pub(super) use app::{App, AppListen, AppProtocol, AppSource, BuildStep, Deploy, Python, Secret};
pub(super) use apt_source::AptSource;
pub(super) use backup::{Backup, Schedule};
pub(super) use cache::{Cache, Eviction};
pub(super) use fail2ban::Fail2ban;
pub(super) use firewall::{Firewall, Protocol};
pub(super) use hardening::{Hardened, OpenerPolicy};
pub(super) use jobs::Jobs;
pub(super) use page::{Expect, Health};
pub(super) use paths::{PathRule, Redirect};
pub(super) use processes::{Timer, Worker};
pub(super) use reverse::Reverse;
pub(super) use role::Role;
pub(super) use secondary::{Algorithm, Secondary};
pub(super) use signing::Signing;
pub(super) use sshd::{RootLogin, Sshd};
pub(super) use text_or::TextOr;
pub(super) use tls::{Challenge, ExternalAccount, Hook, KeyType, Tls, TlsMode};
pub(super) use upgrades::{Install, Upgrades};
pub(super) use zone::Zone;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::ops::{Deref, Range};

/// A value with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub(super) struct At<T>(toml::Spanned<T>);

impl<T> At<T> {
    /// The bytes of the text that hold the value; of a table, its header.
    pub(super) fn span(&self) -> Range<usize> {
        self.0.span()
    }
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.get_ref()
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A list whose items have places of their own.
pub(super) type List = At<Vec<At<String>>>;
/// A table of texts under names of the user.
pub(super) type Texts = BTreeMap<At<String>, At<String>>;

/// A duration or a size: a whole number of seconds or bytes, or a text with a unit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Amount {
    Number(u64),
    Text(String),
}

/// The inventory of foobar-stack: a web stack on a server, of one site or several.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Inventory {
    /// The machine, and how to reach it.
    pub(super) server: Option<At<Server>>,
    /// The machine by a name of its own, instead of `[server]`: `[servers.NAME]`. Where there are
    /// several, `roles` says what each does.
    #[serde(default)]
    pub(super) servers: BTreeMap<At<String>, At<Server>>,
    /// The names the site answers to.
    pub(super) site: Option<At<Site>>,
    /// Several sites instead of `[site]`: `[sites.NAME]` has the domain, `[sites.NAME.app]` and
    /// so on what else is the site's own.
    #[serde(default)]
    pub(super) sites: BTreeMap<At<String>, At<NamedSite>>,
    /// The zone, answered by BIND on this server.
    pub(super) dns: Option<At<Dns>>,
    /// The certificate.
    pub(super) tls: Option<At<Tls>>,
    /// Nginx.
    #[serde(default)]
    pub(super) web: Web,
    /// The site's code.
    pub(super) app: Option<At<App>>,
    /// MySQL or MariaDB.
    #[serde(default)]
    pub(super) database: Database,
    /// Valkey or Redis for the app.
    pub(super) cache: Option<At<Cache>>,
    /// nftables.
    #[serde(default)]
    pub(super) firewall: Firewall,
    /// What somebody needs to log in by ssh.
    pub(super) sshd: Option<At<Sshd>>,
    /// fail2ban: who fails to log in by ssh is kept out for a while.
    pub(super) fail2ban: Option<At<Fail2ban>>,
    /// Backups of the server.
    pub(super) backup: Option<At<Backup>>,
    /// Packages that the server upgrades by itself.
    pub(super) upgrades: Option<At<Upgrades>>,
    /// The jobs of the server (backups, drills, certificates, upgrades): who is told when one fails.
    pub(super) jobs: Option<At<Jobs>>,
    /// Roles of your own to apply after the built-in ones, and the values they read as
    /// `settings.NAME`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Map<String, serde_json::Value>>")]
    pub(super) roles: BTreeMap<At<String>, toml::Table>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    /// Public IPv4 address. It becomes the A record of the domain. A server has this, or
    /// ipv6, or both.
    pub(super) ipv4: Option<At<String>>,
    /// Public IPv6 address. It becomes the AAAA record of the domain.
    pub(super) ipv6: Option<At<String>>,
    /// Where ssh connects to: a host name, an address or an alias of ~/.ssh/config.
    pub(super) ssh: Option<At<String>>,
    /// Login. Anyone but root needs sudo without a password. Left out, ssh decides.
    pub(super) user: Option<At<String>>,
    /// Port of sshd. Left out, ssh decides.
    pub(super) port: Option<At<NonZeroU16>>,
    /// Private key for the login, relative to this file. Left out, ssh decides.
    pub(super) identity_file: Option<At<String>>,
    /// ssh configuration to read instead of the user's and the system's, relative to this file.
    pub(super) ssh_config: Option<At<String>>,
    /// The server's host key as it stands in known_hosts: type and key.
    pub(super) host_key: Option<At<String>>,
    /// Host name of the machine. Left out, it is not touched.
    pub(super) hostname: Option<At<String>>,
    /// Time zone of the machine. Left out, it is not touched.
    pub(super) timezone: Option<At<String>>,
    /// What the stack may take over on a server that has been used before, as a refused plan
    /// names it: "/etc/nginx/nginx.conf", "port 25/tcp". Default: nothing.
    #[serde(default)]
    pub(super) adopt: Vec<At<String>>,
    /// The roles whose services may do less on the server than their packages let them: "web" is
    /// Nginx, "dns" is BIND, "database" is MySQL or MariaDB. Default: all three.
    pub(super) hardening: Option<At<Vec<At<Hardened>>>>,
    /// The most that the system's journal takes of the disk: bytes, or "500M". Left out,
    /// systemd decides: a tenth of the disk, at most 4G.
    pub(super) journal: Option<At<Amount>>,
    /// The size of a file for swap: bytes, or "1G"; 0 for none. Default: 1G where there is less than
    /// 2G of memory and no swap, none elsewhere.
    pub(super) swap: Option<At<Amount>>,
    /// Foreign apt sources by their names, and the packages that they may give.
    #[serde(default)]
    pub(super) sources: BTreeMap<At<String>, At<AptSource>>,
    /// What this server of several does: "web", "app" and "database" are on one server, "dns" is
    /// on any of them, and those beside the first one copy the zones. Default: all of it.
    pub(super) roles: Option<At<Vec<At<Role>>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Site {
    /// The domain. Its zone, its certificate and its page are made from this.
    #[schemars(required)]
    pub(super) domain: Option<At<String>>,
    /// Other names of the same site. Default: www below the domain.
    pub(super) aliases: Option<List>,
    /// Whether every other name below the domain is the site's, too: `*.example.com` in the zone
    /// and in the certificate, and the app is told by which it was asked. Default: false.
    pub(super) wildcard: Option<At<bool>>,
    /// The domain that this server has had before, if the site has moved to `domain`: its data
    /// comes along. Left out, a server that has another domain is refused.
    pub(super) previous_domain: Option<At<String>>,
    /// Mail address for the zone's SOA record. Default: hostmaster at the domain.
    pub(super) contact: Option<At<String>>,
}

/// The keys that name a site, from whichever form has them.
#[derive(Debug, Clone)]
pub(super) struct Names<'a> {
    /// The table that has them.
    pub(super) span: Range<usize>,
    pub(super) domain: Option<&'a At<String>>,
    pub(super) aliases: Option<&'a List>,
    pub(super) wildcard: Option<&'a At<bool>>,
    pub(super) previous_domain: Option<&'a At<String>>,
    pub(super) contact: Option<&'a At<String>>,
}

impl<'a> From<&'a At<Site>> for Names<'a> {
    fn from(site: &'a At<Site>) -> Self {
        Self {
            span: site.span(),
            domain: site.domain.as_ref(),
            aliases: site.aliases.as_ref(),
            wildcard: site.wildcard.as_ref(),
            previous_domain: site.previous_domain.as_ref(),
            contact: site.contact.as_ref(),
        }
    }
}

impl<'a> From<&'a At<NamedSite>> for Names<'a> {
    fn from(site: &'a At<NamedSite>) -> Self {
        Self {
            span: site.span(),
            domain: site.domain.as_ref(),
            aliases: site.aliases.as_ref(),
            wildcard: site.wildcard.as_ref(),
            previous_domain: site.previous_domain.as_ref(),
            contact: site.contact.as_ref(),
        }
    }
}

/// A site among several.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedSite {
    /// The domain. Its zone, its certificate and its page are made from this.
    #[schemars(required)]
    pub(super) domain: Option<At<String>>,
    /// Other names of the same site. Default: www below the domain.
    pub(super) aliases: Option<List>,
    /// Whether every other name below the domain is the site's, too: `*.example.com` in the zone
    /// and in the certificate, and the app is told by which it was asked. Default: false.
    pub(super) wildcard: Option<At<bool>>,
    /// The domain that this site has had before, if it has moved to `domain`: its data comes
    /// along. Left out, a server that has another domain is refused.
    pub(super) previous_domain: Option<At<String>>,
    /// Mail address for the zone's SOA record. Default: hostmaster at the domain.
    pub(super) contact: Option<At<String>>,
    /// The zone, answered by BIND on this server.
    pub(super) dns: Option<At<Dns>>,
    /// The certificate.
    pub(super) tls: Option<At<Tls>>,
    /// What Nginx does for the site. Ports stand in `[web]`, for all sites.
    #[serde(default)]
    pub(super) web: Web,
    /// The site's code.
    pub(super) app: Option<At<App>>,
    /// The site's database. What is the server's stands in `[database]`, for all sites.
    #[serde(default)]
    pub(super) database: Database,
    /// Valkey or Redis for the app.
    pub(super) cache: Option<At<Cache>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dns {
    /// Whether this server answers the zone. Default: true.
    pub(super) enabled: Option<bool>,
    /// Name servers of the zone, this server first. Default: ns1 below the domain, and the
    /// secondaries.
    pub(super) nameservers: Option<List>,
    /// How long others may keep an answer: seconds, or "90s", "5m", "1h", "1d". Default: "1h".
    pub(super) ttl: Option<At<Amount>>,
    /// Whether BIND signs the zone (DNSSEC), with keys that it makes and keeps: `true`, `false`, or
    /// "insecure" for the time in which that is ended. Default: false.
    pub(super) dnssec: Option<At<Signing>>,
    /// Name servers elsewhere that copy the zone from this one. Default: none, and nobody gets
    /// the zone as a whole.
    #[serde(default)]
    pub(super) secondaries: Vec<At<Secondary>>,
    /// Further records.
    #[serde(default)]
    pub(super) records: Vec<At<Record>>,
    /// Domains that this server answers for and that no site has: their zones, with the name
    /// servers and the secondaries of this one. Default: none.
    #[serde(default)]
    pub(super) zones: Vec<At<Zone>>,
    /// Networks whose addresses have names here: their reverse zones, with the name servers and
    /// the secondaries of the zone. Default: none.
    #[serde(default)]
    pub(super) reverse: Vec<At<Reverse>>,
}

/// A record of the zone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// The name below the domain; "@" is the domain itself.
    #[schemars(required)]
    pub(super) name: Option<At<String>>,
    /// The type.
    #[serde(rename = "type")]
    #[schemars(required)]
    pub(super) kind: Option<At<RecordType>>,
    /// The data as in a zone file.
    #[schemars(required)]
    pub(super) value: Option<At<String>>,
    /// How long others may keep the answer. Default: the zone's.
    pub(super) ttl: Option<At<Amount>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum RecordType {
    A,
    Aaaa,
    Cname,
    Mx,
    Txt,
    Srv,
    Caa,
    Ns,
    Ptr,
    Tlsa,
    Sshfp,
    Https,
    Svcb,
    Naptr,
}

impl RecordType {
    /// The type as the DNS library has it.
    pub(super) fn wire(self) -> hickory_proto::rr::RecordType {
        use hickory_proto::rr::RecordType as Wire;
        match self {
            Self::A => Wire::A,
            Self::Aaaa => Wire::AAAA,
            Self::Cname => Wire::CNAME,
            Self::Mx => Wire::MX,
            Self::Txt => Wire::TXT,
            Self::Srv => Wire::SRV,
            Self::Caa => Wire::CAA,
            Self::Ns => Wire::NS,
            Self::Ptr => Wire::PTR,
            Self::Tlsa => Wire::TLSA,
            Self::Sshfp => Wire::SSHFP,
            Self::Https => Wire::HTTPS,
            Self::Svcb => Wire::SVCB,
            Self::Naptr => Wire::NAPTR,
        }
    }

    /// The mnemonic as in a zone file.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Txt => "TXT",
            Self::Srv => "SRV",
            Self::Caa => "CAA",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
            Self::Tlsa => "TLSA",
            Self::Sshfp => "SSHFP",
            Self::Https => "HTTPS",
            Self::Svcb => "SVCB",
            Self::Naptr => "NAPTR",
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Web {
    /// Port of HTTP. Default: 80.
    pub(super) http_port: Option<At<NonZeroU16>>,
    /// Port of HTTPS. Default: 443.
    pub(super) https_port: Option<At<NonZeroU16>>,
    /// Whether HTTP/3 is offered, too, on the port of HTTPS over UDP. Default: false.
    pub(super) http3: Option<At<bool>>,
    /// The largest request body that is let through: bytes, or "10m". Default: "10m".
    pub(super) max_body: Option<At<Amount>>,
    /// The largest line of a request's header, and the largest header of the app's response: bytes,
    /// or "16k". Default: "16k".
    pub(super) max_header: Option<At<Amount>>,
    /// How long a request may take in the app: seconds, or "60s". Default: "60s".
    pub(super) timeout: Option<At<Amount>>,
    /// For how long browsers shall insist on HTTPS; "0s" sends no such header. Default: "365d".
    pub(super) hsts: Option<At<Amount>>,
    /// URL prefix to folder of the app's release: answered without asking the app.
    #[serde(rename = "static", default)]
    pub(super) static_files: Texts,
    /// What visitors must get from the app: the path of a page that answers with 200, or a table
    /// that says more. Default: "/".
    pub(super) expect: Option<At<TextOr<Expect>>>,
    /// Which features of browsers the pages and what they embed may use, as the response header
    /// Permissions-Policy says it; "" sends no such header. Default: "camera=(self),
    /// geolocation=(self), microphone=(self)".
    pub(super) permissions_policy: Option<At<String>>,
    /// Which other pages a page can be reached from as a window, as the response header
    /// Cross-Origin-Opener-Policy says it; "unsafe-none" sends no such header.
    /// Default: "same-origin-allow-popups".
    pub(super) opener_policy: Option<At<OpenerPolicy>>,
    /// Further response headers of every page.
    #[serde(default)]
    pub(super) headers: Texts,
    /// Addresses and networks that pass while maintenance is on. Default: none.
    pub(super) maintenance_allow: Option<List>,
    /// Paths that are elsewhere now, and where visitors are sent on to (301).
    #[serde(default)]
    pub(super) redirects: Texts,
    /// The most requests of one client that are in the app at the same time, but for WebSockets
    /// and event streams; more get 429. 0 for no limit. Default: 100.
    #[schemars(range(min = 0, max = 60_000))]
    pub(super) connections: Option<At<u32>>,
    /// Whether text is compressed with Brotli, too, for browsers that take it; it takes a module of
    /// the distribution. Default: false.
    pub(super) brotli: Option<At<bool>>,
    /// Proxies before this server, like those of a CDN: what they say of the address of a client
    /// is believed. Default: none.
    pub(super) trusted_proxies: Option<List>,
    /// What holds for single paths.
    #[serde(default)]
    pub(super) paths: BTreeMap<At<String>, At<PathRule>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Database {
    /// Whether there is a database. Default: whether there is an app.
    pub(super) enabled: Option<At<bool>>,
    /// Which server. Default: "auto".
    pub(super) engine: Option<At<Engine>>,
    /// Database and account of the app. Default: the app's user.
    pub(super) name: Option<At<String>>,
    /// Whether a database and an account of these names that are there already are taken as they
    /// are. Default: false.
    pub(super) adopt: Option<At<bool>>,
    /// Whether those are then made like new ones: the character set, and a login by the socket
    /// alone. Default: false.
    pub(super) convert: Option<At<bool>>,
    /// Where the server listens: "socket", or "loopback", on port 3306 of the loopback, too.
    /// Default: "socket"; a database that others use over TCP is refused until this is said.
    pub(super) listen: Option<At<DatabaseListen>>,
    /// Memory for InnoDB's buffer pool: bytes, or "256M". Default: an eighth of the memory.
    pub(super) buffer_pool: Option<At<Amount>>,
    /// Most connections at once. Default: 100.
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) max_connections: Option<At<u32>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Engine {
    /// MySQL where the distribution has it, else MariaDB.
    Auto,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum DatabaseListen {
    /// On its Unix socket alone.
    Socket,
    /// On port 3306 of the loopback, too.
    Loopback,
}

/// The JSON Schema (draft 7, which TOML editors read) of the inventory, without references.
#[must_use]
pub fn schema() -> serde_json::Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Inventory>()
        .to_value();
    drop_null(&mut schema);
    schema
}

/// TOML has no null: a key is left out. What schemars says of null would only mislead.
fn drop_null(schema: &mut serde_json::Value) {
    use serde_json::Value;
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(values)) = object.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice["type"] != "null");
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    object.shift_remove("anyOf");
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                    // What came up may hold a choice with null itself.
                    return drop_null(schema);
                }
            }
            object.values_mut().for_each(drop_null);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null),
        _ => {}
    }
}
