//! From text to [`Inventory`]: the passes, one after the other.

use super::forms::{RawSite, servers, sites};
use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::stray::{self, Stray};
use super::zone_entry::{Servers, name_servers};
use super::{
    App, Backups, DatabaseServer, Dns, FileReference, Inventory, Listen, Names, Parsed, Ports,
    References, Server, ServerRole, Site, TlsMode,
};
use super::{
    app, backup, cache, further, jobs, neighbours, network, paths, placement, secondary, sensitive,
    site, sshd, structure, syntax, tls, upgrades, user_record, web, zone,
};
use crate::diagnostic::{Diagnostics, Source};
use crate::types::{Fqdn, InvalidValue, SiteName};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names of the roles inside the program; settings under them would be read by nobody.
const BUILT_IN_ROLES: &[&str] = &[
    "base", "firewall", "dns", "database", "cache", "app", "web", "tls", "acme", "backup", "jobs",
    "upgrades", "sshd", "fail2ban",
];

/// Parses and checks an inventory.
///
/// # Errors
/// All mistakes, in the order of the text. Those of the syntax come alone; unknown keys,
/// wrong types and wrong values come together.
pub fn parse(source: &Arc<Source>) -> Result<Parsed, Diagnostics> {
    let text = source.text.as_str();
    let (mut table, errors) = toml::de::DeTable::parse_recoverable(text);
    let mut mistakes = Mistakes::new(source, sensitive::find(table.get_ref()));
    if !errors.is_empty() {
        syntax::report(&errors, table.get_ref(), &mut mistakes);
        return Err(mistakes.finish());
    }
    structure::check(table.get_mut(), &raw::schema(), &mut mistakes);
    let resolved = match raw::Inventory::deserialize(toml::de::Deserializer::from(table)) {
        Ok(raw) => resolve(&raw, &mut mistakes),
        // The structural pass has seen to it that this does not happen; if it does, the
        // parser's words are better than nothing.
        Err(error) => {
            let span = syntax::on_char_boundaries(text, error.span().unwrap_or(0..0));
            mistakes.push(mistakes.at(span, error.message()));
            None
        }
    };
    match resolved {
        Some(parsed) if mistakes.is_empty() => Ok(parsed),
        _ => Err(mistakes.finish()),
    }
}

/// The semantic pass. Every section is looked at, whatever was wrong in another.
fn resolve(raw: &raw::Inventory, mistakes: &mut Mistakes<'_>) -> Option<Parsed> {
    let mut keys = Vec::new();
    let servers = servers(raw, &mut keys, mistakes);
    let (no_dns, no_tls) = (raw::Dns::default(), raw::Tls::default());
    let raw_sites = sites(raw, &no_dns, &no_tls, mistakes);
    let visited = ServerRole::Web.holder(&servers);
    let answering = name_servers(&servers);
    let ports = web::ports(&raw.web);
    let database_server = app::database_server(&raw.database, mistakes);
    let shared = Shared {
        raw,
        servers: Servers::among(&servers, &answering),
        login: placement::written(raw, visited.map(|(name, _)| name)),
        ports,
        database_server,
    };
    let (sites, references) = shared.sites(&raw_sites, mistakes);
    let firewall = network::firewall(&raw.firewall, mistakes);
    let (sshd, fail2ban) = sshd::access(raw, mistakes);
    let known = (sites.len() == raw_sites.len()).then_some(&sites);
    let backups = backup::backups(raw.backup.as_ref(), known, &mut keys, mistakes);
    let upgrades = upgrades::upgrades(raw.upgrades.as_ref(), mistakes);
    let jobs = jobs::jobs(raw.jobs.as_ref(), &mut keys, mistakes);
    let roles = roles(&raw.roles, mistakes);
    shared.listeners(&raw_sites, &sites, mistakes);
    let backs_up = matches!(backups, Some(Backups::Made(_)));
    placement::check(raw, &servers, (&raw_sites, &sites), backs_up, mistakes);
    let placed: Vec<neighbours::Placed<'_>> = raw_sites
        .iter()
        .filter_map(|raw| Some((&raw.name, sites.get(&raw.name)?, raw.place.clone())))
        .collect();
    neighbours::clashes(&placed, mistakes);
    if servers.is_empty() || sites.is_empty() || sites.len() < raw_sites.len() {
        return None;
    }
    Some(Parsed {
        inventory: Inventory {
            servers,
            sites,
            ports,
            database_server,
            firewall,
            sshd,
            fail2ban,
            backups: backups?,
            upgrades,
            jobs,
            roles,
        },
        keys,
        references,
    })
}

/// What the sites share.
struct Shared<'a> {
    raw: &'a raw::Inventory,
    servers: Servers<'a>,
    /// The server that visitors come to, as it is written.
    login: Option<&'a raw::Server>,
    ports: Ports,
    database_server: DatabaseServer,
}

impl Shared<'_> {
    /// The sites without a mistake that leaves them incomplete, and what they refer to.
    fn sites(
        &self,
        raw_sites: &[RawSite<'_>],
        mistakes: &mut Mistakes<'_>,
    ) -> (BTreeMap<SiteName, Site>, BTreeMap<SiteName, References>) {
        let mut names = BTreeMap::new();
        for raw in raw_sites {
            mistakes.within(raw.table.clone());
            names.insert(&raw.name, site::resolve(raw.names.as_ref(), mistakes));
        }
        let zones = zones(raw_sites, &names, self.servers, mistakes);
        let (mut sites, mut references) = (BTreeMap::new(), BTreeMap::new());
        for (place, raw) in raw_sites.iter().enumerate() {
            mistakes.within(raw.table.clone());
            let own = names.remove(&raw.name).flatten();
            let dns = zones.get(&raw.name).cloned();
            let (site, more) = self.site(raw, place, own.zip(dns), mistakes);
            sites.extend(site.map(|site| (raw.name.clone(), site)));
            references.insert(raw.name.clone(), more);
        }
        mistakes.within(None);
        (sites, references)
    }

    fn site(
        &self,
        raw: &RawSite<'_>,
        place: usize,
        named: Option<(Names, Dns)>,
        mistakes: &mut Mistakes<'_>,
    ) -> (Option<Site>, References) {
        let (mut files, mut inside, mut made_from) = (Vec::new(), Vec::new(), Vec::new());
        // Data keeps the names that it got from the domain of before.
        let domain = named
            .as_ref()
            .map(|(names, _)| names.previous_domain.as_ref().unwrap_or(&names.domain));
        let tls = tls::tls(
            raw.tls,
            named.as_ref().map(|(names, _)| names),
            raw.names.as_ref(),
            raw.dns.enabled.unwrap_or(true),
            &mut files,
            mistakes,
        );
        let port = neighbours::default_port(place);
        let app = app::app(
            raw.app,
            domain,
            port,
            &mut files,
            &mut inside,
            &mut made_from,
            mistakes,
        );
        let web = web::web(
            raw.web,
            self.ports,
            raw.app.map(|app| &**app),
            &mut files,
            &mut inside,
            mistakes,
        );
        if let Some(app) = &app {
            paths::contradictions(raw.web, &web, app, mistakes);
        }
        let server = self.database_server;
        let database = app::database(raw.database, server, app.as_ref(), domain, mistakes);
        let cache = cache::cache(raw.cache, app.as_ref(), mistakes);
        let source = raw.app.and_then(|app| app.source.as_ref()).map(At::span);
        if let Some((server, app)) = self.servers.site.zip(app.as_ref()) {
            self.own_account(raw, server, app, mistakes);
        }
        let named = named.map(|(names, mut dns)| {
            if !dns.shared {
                secondary::resolve(raw.dns, &mut dns, self.servers, &mut files, mistakes);
            }
            (names, dns)
        });
        files.sort_by_key(|file: &FileReference| file.span.start);
        let complete = || {
            let (names, dns) = named?;
            Some(Site {
                names,
                dns,
                tls,
                web,
                app: app?,
                database: database?,
                cache,
            })
        };
        let references = References {
            files,
            inside,
            made_from,
            source: source.unwrap_or_default(),
        };
        (complete(), references)
    }

    /// The app's account has no shell and no password: nobody could log in with it any more.
    fn own_account(
        &self,
        raw: &RawSite<'_>,
        server: &Server,
        app: &App,
        mistakes: &mut Mistakes<'_>,
    ) {
        if !app.enabled || server.user.as_deref() != Some(app.user.as_str()) {
            return;
        }
        let login = self.login.and_then(|server| server.user.as_ref());
        let login = login.map(At::span).unwrap_or_default();
        let written = raw.app.and_then(|app| app.user.as_ref());
        let message = format!(
            "app.user and server.user are the same account: {}",
            app.user
        );
        let help = "give the app an account of its own: nobody can log in with it";
        let mistake = mistakes.at(written.map_or(login.clone(), At::span), message);
        mistakes.push(match written {
            Some(_) => mistake.help(help).context(login, "the login"),
            None => mistake.help(format!("{help}; app.user = \"{}-app\"", app.user)),
        });
    }

    /// Finds ports that two want.
    fn listeners(
        &self,
        raw_sites: &[RawSite<'_>],
        sites: &BTreeMap<SiteName, Site>,
        mistakes: &mut Mistakes<'_>,
    ) {
        let apps = raw_sites.iter().filter_map(|raw| {
            let app = &sites.get(&raw.name)?.app;
            let listens = app.enabled && app.listen == Listen::Port;
            listens.then(|| network::AppPorts {
                key: match &raw.table {
                    Some(table) => format!("{table}.app.port"),
                    None => "app.port".to_owned(),
                },
                raw: raw.app.and_then(|app| app.port.as_ref()),
                first: app.port,
                instances: app.instances,
            })
        });
        let any = |wanted: fn(&Site) -> bool| sites.values().any(wanted);
        let https = sites.is_empty() || any(|site| site.tls.mode != TlsMode::Off);
        if !https {
            web::http3_without_https(&self.raw.web, mistakes);
        }
        network::clashes(
            &network::Listeners {
                server: self.login,
                web: (&self.raw.web, self.ports),
                https,
                apps: apps.collect(),
                dns: sites.is_empty() || any(|site| site.dns.enabled),
                database: any(|site| site.database.enabled),
            },
            mistakes,
        );
    }
}

/// The zones: a site whose domain is part of another one's zone stands in that.
fn zones(
    raw_sites: &[RawSite<'_>],
    names: &BTreeMap<&SiteName, Option<Names>>,
    servers: Servers<'_>,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<SiteName, Dns> {
    let mut parts: Parts<'_> = BTreeMap::new();
    for raw in raw_sites {
        let own = names.get(&raw.name).and_then(Option::as_ref);
        match own.zip(raw.names.as_ref()) {
            Some((names, raw_names)) => {
                let part = zone::Part {
                    raw: raw.dns,
                    challenge: tls::has_record(raw.tls),
                    names,
                    raw_names,
                };
                parts.insert(&raw.name, (part, raw.table.clone()));
            }
            None => {
                mistakes.within(raw.table.clone());
                user_record::ttl("dns.ttl", raw.dns.ttl.as_ref(), mistakes);
            }
        }
    }
    let answered = parts.iter().filter(|(_, (part, _))| part.enabled());
    let answered = answered.map(|(name, (part, _))| (*name, part.names.zone()));
    let hosts = neighbours::hosts(&answered.collect());
    let hosted = hosted(&parts, &hosts);
    let strays = parts.values().flat_map(|(part, _)| {
        let how = (part.enabled(), part.challenge);
        stray::strays(part.names, part.raw_names, how, &hosted)
    });
    let strays: Vec<Stray<'_>> = strays.collect();
    let mut zones = BTreeMap::new();
    for (name, (part, table)) in &parts {
        mistakes.within(table.clone());
        let dns = match hosts
            .get(name)
            .and_then(|host| Some((host, parts.get(*host)?)))
        {
            Some((host, (above, _))) => {
                let host = format!("sites.{host}");
                zone::resolve_guest(part, above, &host, servers.site, mistakes)
            }
            None => {
                let guests = hosts.iter().filter(|(_, host)| host == &name);
                let guests: Vec<&zone::Part<'_>> = guests
                    .filter_map(|(guest, _)| parts.get(guest).map(|(part, _)| part))
                    .collect();
                zone::resolve(part, &guests, &strays, servers, mistakes)
            }
        };
        zones.insert((*name).clone(), dns);
    }
    misplaced(&parts, &zones, mistakes);
    zones
}

/// A site as its zone sees it, and its table among several.
type Parts<'a> = BTreeMap<&'a SiteName, (zone::Part<'a>, Option<String>)>;

/// The zones that this server answers for, as far as they are named.
fn hosted(parts: &Parts<'_>, hosts: &BTreeMap<&SiteName, &SiteName>) -> Vec<Fqdn> {
    let parts = parts.iter();
    let own = parts.filter(|(name, (part, _))| part.enabled() && !hosts.contains_key(*name));
    let zones = own.flat_map(|(_, (part, _))| {
        let further = part.raw.zones.iter().filter_map(|one| one.name.as_ref());
        let further = further.filter_map(|name| Fqdn::new(name).ok());
        std::iter::once(part.names.zone().clone()).chain(further)
    });
    zones.collect()
}

/// Further zones that are part of another one, or that a site has.
fn misplaced(parts: &Parts<'_>, zones: &BTreeMap<SiteName, Dns>, mistakes: &mut Mistakes<'_>) {
    let answered = zones.iter().filter(|(_, dns)| dns.enabled && !dns.shared);
    let domains: Vec<&Fqdn> = answered.clone().map(|(_, dns)| &dns.zone).collect();
    let hosted = answered.flat_map(|(name, dns)| {
        let table = parts.get(name).and_then(|(_, table)| table.as_ref());
        let own = further::Hosted {
            zone: &dns.zone,
            records: &dns.records,
            table: Some(table.map_or_else(|| "dns".to_owned(), |table| format!("{table}.dns"))),
        };
        // What a site has is told once.
        let more = dns.zones.iter().filter(|one| !domains.contains(&&one.zone));
        let more = more.map(|one| further::Hosted {
            zone: &one.zone,
            records: &one.records,
            table: None,
        });
        std::iter::once(own).chain(more)
    });
    let hosted: Vec<further::Hosted<'_>> = hosted.collect();
    for (name, (part, table)) in parts {
        if zones.get(*name).is_some_and(|dns| !dns.shared) {
            mistakes.within(table.clone());
            further::misplaced(&part.raw.zones, &hosted, mistakes);
        }
    }
}

fn roles(
    raw: &BTreeMap<At<String>, toml::Table>,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, toml::Table> {
    for name in raw.keys() {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        mistakes.check("roles", Some(name), |text| {
            let head = text.starts_with(|c: char| c.is_ascii_lowercase());
            if !head || !text.chars().all(plain) {
                return Err(
                    InvalidValue::new(format!("`{text}` is not the name of a role")).hint(
                        "lower-case letters, digits, `_` and `-`: it is the name of a folder",
                    ),
                );
            }
            if BUILT_IN_ROLES.contains(&text.as_str()) {
                let error = InvalidValue::new(format!("`{text}` is a built-in role"));
                return Err(error.hint("give your role another name"));
            }
            Ok(())
        });
    }
    let named = |(name, table): (&At<String>, &toml::Table)| (name.to_string(), table.clone());
    raw.iter().map(named).collect()
}
