//! From text to [`Inventory`]: the passes, one after the other.

use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::{App, FileReference, Inventory, Parsed, Server};
use super::{app, network, sensitive, site, structure, syntax, web, zone};
use crate::diagnostic::{Diagnostics, Source};
use crate::types::InvalidValue;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names of the roles inside the program; settings under them would be read by nobody.
const BUILT_IN_ROLES: &[&str] = &["base", "firewall", "dns", "database", "app", "web", "tls"];

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
    let mut files = Vec::new();
    let server = network::server(raw.server.as_ref(), &mut files, mistakes);
    let site = site::resolve(raw.site.as_ref(), mistakes);
    // Data keeps the names that it got from the domain of before.
    let domain = site
        .as_ref()
        .map(|site| site.previous_domain.as_ref().unwrap_or(&site.domain));

    let names = site.as_ref().zip(raw.site.as_deref());
    let dns = zone::resolve(&raw.dns, names, server.as_ref(), mistakes);
    let tls = web::tls(&raw.tls, &mut files, mistakes);
    let mut inside = Vec::new();
    let app = app::app(raw.app.as_ref(), domain, &mut files, &mut inside, mistakes);
    let source = raw.app.as_ref().and_then(|app| app.source.as_ref());
    let source = source.map(At::span);
    let web = web::web(&raw.web, source.is_some(), &mut inside, mistakes);
    let database = app::database(&raw.database, app.as_ref(), domain, mistakes);
    let firewall = network::firewall(&raw.firewall, mistakes);
    let roles = roles(&raw.roles, mistakes);

    if let Some((server, app)) = server.as_ref().zip(app.as_ref()) {
        own_account(raw, server, app, mistakes);
    }
    network::clashes(
        &network::Listeners {
            server: raw.server.as_deref(),
            web: (&raw.web, &web),
            https: tls.mode != super::TlsMode::Off,
            app: raw
                .app
                .as_deref()
                .zip(app.as_ref())
                .filter(|(_, app)| app.enabled && app.listen == super::Listen::Port)
                .map(|(raw, app)| (raw, app.port, app.instances)),
            dns: dns.as_ref().is_none_or(|dns| dns.enabled),
            database: database.as_ref().is_some_and(|database| database.enabled),
        },
        mistakes,
    );
    files.sort_by_key(|file: &FileReference| file.span.start);
    Some(Parsed {
        inventory: Inventory {
            server: server?,
            site: site?,
            dns: dns?,
            tls,
            web,
            app: app?,
            database: database?,
            firewall,
            roles,
        },
        files,
        inside,
        source: source.unwrap_or_default(),
    })
}

/// The app's account has no shell and no password: nobody could log in with it any more.
fn own_account(raw: &raw::Inventory, server: &Server, app: &App, mistakes: &mut Mistakes<'_>) {
    if !app.enabled || server.user.as_deref() != Some(app.user.as_str()) {
        return;
    }
    let login = raw.server.as_ref().and_then(|server| server.user.as_ref());
    let login = login.map(At::span).unwrap_or_default();
    let written = raw.app.as_ref().and_then(|app| app.user.as_ref());
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
    raw.iter()
        .map(|(name, settings)| (name.to_string(), settings.clone()))
        .collect()
}
