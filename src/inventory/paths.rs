//! The tables `[web.paths."/…"]`, and `web.redirects`, which is a short form of them.

use super::environment::secret_source;
use super::headers::headers;
use super::locations::handler;
use super::mistakes::Mistakes;
use super::network::listed;
use super::raw::{self, At, TextOr};
use super::{App, Cache, FileReference, Handler, PathRule, Protocol, Rate, Redirect, Web, amount};
use crate::types::{InvalidValue, SecretSource};
use std::collections::BTreeMap;
use std::ops::Range;

/// What the section `[web]` says of single paths.
pub(super) fn paths(
    raw: &raw::Web,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, PathRule> {
    let mut rules = BTreeMap::new();
    for (path, rule) in &raw.paths {
        let checked = mistakes.check("web.paths", Some(path), |text| site_path(text));
        let key = format!("web.paths.\"{}\"", **path);
        let rule = path_rule(&key, path.span(), rule, files, mistakes);
        rules.extend(checked.zip(rule));
    }
    for (path, target) in &raw.redirects {
        let key = "web.redirects";
        let checked = mistakes.check(key, Some(path), |text| site_path(text));
        let to = mistakes.check(key, Some(target), |text| redirect_target(text));
        if let Some((other, _)) = raw.paths.get_key_value(path) {
            let message = format!("{key}: `{}` has a table of its own", **path);
            let mistake = mistakes.at(path.span(), message);
            let mistake =
                mistake.help("write `redirect` into one of them, and leave out the other");
            mistakes.push(mistake.context(other.span(), "the table"));
            continue;
        }
        let Some((path_text, to)) = checked.zip(to) else {
            continue;
        };
        let redirect = Redirect { to, status: 301 };
        not_in_circles(&path_text, &redirect, key, target.span(), mistakes);
        let rule = PathRule {
            redirect: Some(redirect),
            ..PathRule::default()
        };
        rules.insert(path_text, rule);
    }
    rules
}

/// One table. `key` is how it is called in messages, `place` where its name stands.
fn path_rule(
    key: &str,
    place: Range<usize>,
    raw: &raw::PathRule,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<PathRule> {
    let of = |name: &str| format!("{key}.{name}");
    let keys = said(raw);
    if keys.is_empty() {
        let help = "write what holds there, like cache = \"1h\", or leave the table out";
        mistakes.missing(place, &format!("{key} says nothing"), help);
        return None;
    }
    if let Some(redirect) = &raw.redirect {
        for (name, span) in keys.iter().filter(|(name, _)| *name != "redirect") {
            let mistake = mistakes.at(span.clone(), format!("{} has no effect", of(name)));
            let mistake =
                mistake.help("leave it out: with `redirect` nothing else is answered there");
            mistakes.push(mistake.context(redirect.span(), "visitors are sent on"));
        }
    }
    let redirect = raw.redirect.as_ref().and_then(|raw| {
        let redirect = redirect(&of("redirect"), raw, mistakes)?;
        let path = key.trim_start_matches("web.paths.\"").trim_end_matches('"');
        not_in_circles(path, &redirect, &of("redirect"), raw.span(), mistakes);
        Some(redirect)
    });
    let public = raw.public.as_deref().is_some_and(|public| *public);
    if public {
        let restricts = [
            raw.users.keys().next().map(At::span),
            raw.allow.as_ref().map(At::span),
        ];
        for span in restricts.into_iter().flatten() {
            let mistake = mistakes.at(span, format!("{key} is open to everyone, and is not"));
            let open = raw.public.as_ref().map(At::span).unwrap_or_default();
            let mistake = mistake.help("leave out `public`, or `users` and `allow`");
            mistakes.push(mistake.context(open, "everyone"));
        }
    }
    if let Some(list) = raw.allow.as_ref().filter(|list| list.is_empty()) {
        let mistake = mistakes.at(list.span(), format!("{} lets nobody in", of("allow")));
        mistakes.push(mistake.help("leave it out, or write `public = true`, to let everyone in"));
    }
    let rate = rate(&of("rate"), raw, mistakes);
    let seconds = |amount: &raw::Amount| amount::seconds(amount, 1..=u32::MAX);
    Some(PathRule {
        redirect,
        users: users(&of("users"), &raw.users, files, mistakes),
        allow: listed(&of("allow"), raw.allow.as_ref(), mistakes),
        public,
        max_body: mistakes.check(&of("max_body"), raw.max_body.as_ref(), amount::bytes),
        timeout: mistakes.check(&of("timeout"), raw.timeout.as_ref(), seconds),
        buffering: raw.buffering.as_deref().copied(),
        rate,
        connections: raw.connections.as_deref().copied(),
        cache: mistakes.check(&of("cache"), raw.cache.as_ref(), |text| cache(text)),
        headers: headers(&of("headers"), &raw.headers, mistakes),
        fallback: mistakes.check(&of("fallback"), raw.fallback.as_ref(), |text| page(text)),
        snippet: mistakes.check(&of("snippet"), raw.snippet.as_ref(), |text| snippet(text)),
    })
}

/// The keys of a table that are there, in the order of the reference.
fn said(raw: &raw::PathRule) -> Vec<(&'static str, Range<usize>)> {
    let first = |texts: &raw::Texts| texts.keys().next().map(At::span);
    let keys = [
        ("redirect", raw.redirect.as_ref().map(At::span)),
        ("users", raw.users.keys().next().map(At::span)),
        ("allow", raw.allow.as_ref().map(At::span)),
        ("public", raw.public.as_ref().map(At::span)),
        ("max_body", raw.max_body.as_ref().map(At::span)),
        ("timeout", raw.timeout.as_ref().map(At::span)),
        ("buffering", raw.buffering.as_ref().map(At::span)),
        ("rate", raw.rate.as_ref().map(At::span)),
        ("burst", raw.burst.as_ref().map(At::span)),
        ("connections", raw.connections.as_ref().map(At::span)),
        ("cache", raw.cache.as_ref().map(At::span)),
        ("headers", first(&raw.headers)),
        ("fallback", raw.fallback.as_ref().map(At::span)),
        ("snippet", raw.snippet.as_ref().map(At::span)),
    ];
    let there = keys.into_iter();
    there.filter_map(|(key, span)| Some((key, span?))).collect()
}

fn redirect(
    key: &str,
    raw: &At<TextOr<raw::Redirect>>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Redirect> {
    let table = match &**raw {
        TextOr::Text(text) => {
            let to =
                redirect_target(text).map_err(|error| mistakes.invalid(raw.span(), key, &error));
            return to.ok().map(|to| Redirect { to, status: 301 });
        }
        TextOr::Table(table) => table,
    };
    if table.to.is_none() {
        let help = "like { to = \"/new/\", status = 302 }";
        mistakes.missing(raw.span(), &format!("{key}.to is missing"), help);
    }
    let to = mistakes.check(&format!("{key}.to"), table.to.as_ref(), |text| {
        redirect_target(text)
    });
    let status = table.status.as_ref();
    let status = mistakes.check(&format!("{key}.status"), status, |status| match *status {
        301 | 302 | 303 | 307 | 308 => Ok(*status),
        status => Err(
            InvalidValue::new(format!("{status} does not send visitors on"))
                .hint("301 or 308 for good, 302, 303 or 307 for now"),
        ),
    });
    Some(Redirect {
        to: to?,
        status: status.unwrap_or(301),
    })
}

/// Refuses a redirect to what it is for.
fn not_in_circles(
    path: &str,
    redirect: &Redirect,
    key: &str,
    place: Range<usize>,
    mistakes: &mut Mistakes<'_>,
) {
    let page = redirect.to.split(['?', '#']).next().unwrap_or_default();
    if page == path || (path.ends_with('/') && page.starts_with(path)) {
        let mistake = mistakes.at(place, format!("{key}: visitors would be sent in circles"));
        mistakes.push(mistake.help("name a page outside of the path"));
    }
}

fn users(
    key: &str,
    raw: &BTreeMap<At<String>, At<raw::Secret>>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, SecretSource> {
    let mut users = BTreeMap::new();
    for (name, source) in raw {
        let checked = mistakes.check(key, Some(name), |text| user(text));
        let key = format!("{key}.{}", **name);
        if let Some(generate) = &source.generate {
            let mistake = mistakes.at(generate.span(), format!("{key} cannot be generated"));
            mistakes.push(mistake.help(
                "nobody would know the password: name a variable or a file with its hash, as \
                 `openssl passwd -6` prints it",
            ));
            continue;
        }
        let source = secret_source(&key, source, files, mistakes);
        users.extend(checked.zip(source));
    }
    users
}

/// Somebody who logs in: RFC 7617 has no colon, and a file is named after them.
fn user(text: &str) -> Result<String, InvalidValue> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if text.is_empty() || text.len() > 64 || text.starts_with('.') || !text.chars().all(plain) {
        return Err(
            InvalidValue::new(format!("`{text}` is not the name of a user"))
                .hint("letters, digits and `-_.@`, at most 64"),
        );
    }
    Ok(text.to_owned())
}

fn rate(key: &str, raw: &raw::PathRule, mistakes: &mut Mistakes<'_>) -> Option<Rate> {
    if let Some(burst) = raw.burst.as_ref().filter(|_| raw.rate.is_none()) {
        let mistake = mistakes.at(
            burst.span(),
            format!("{} has no rate", key.replace(".rate", ".burst")),
        );
        mistakes.push(mistake.help("write rate = \"10/s\" beside it, or leave it out"));
    }
    let (number, unit) = mistakes.check(key, raw.rate.as_ref(), |text| {
        let wrong = || {
            InvalidValue::new(format!("`{text}` is not a rate"))
                .hint("requests a second or a minute: \"10/s\", \"30/m\"")
        };
        let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
        let number: u32 = number.parse().map_err(|_| wrong())?;
        match unit {
            "s" | "m" if (1..=100_000).contains(&number) => {
                Ok((number, if unit == "s" { 's' } else { 'm' }))
            }
            _ => Err(wrong()),
        }
    })?;
    Some(Rate {
        number,
        unit,
        burst: raw.burst.as_deref().copied().unwrap_or(number),
    })
}

fn cache(text: &str) -> Result<Cache, InvalidValue> {
    match text {
        "immutable" => Ok(Cache::Immutable),
        "no-cache" => Ok(Cache::NoCache),
        "no-store" => Ok(Cache::NoStore),
        _ => amount::seconds(&raw::Amount::Text(text.to_owned()), 0..=365 * 86400)
            .map(Cache::Seconds)
            .map_err(|_| {
                InvalidValue::new(format!("`{text}` says nothing of a cache"))
                    .hint("a time like \"1h\", \"immutable\", \"no-cache\" or \"no-store\"")
            }),
    }
}

fn snippet(text: &str) -> Result<String, InvalidValue> {
    if text.trim().is_empty() {
        return Err(InvalidValue::new("it is empty").hint("leave it out"));
    }
    let control = |c: char| c.is_control() && !"\n\t".contains(c);
    if text.contains(control) {
        return Err(InvalidValue::new("it has a control character"));
    }
    Ok(text.trim_matches('\n').to_owned())
}

/// A path of the site as Nginx compares it: decoded, and without steps upwards.
fn site_path(text: &str) -> Result<String, InvalidValue> {
    let wrong = |why: &str| InvalidValue::new(format!("`{text}` is not a path of the site: {why}"));
    let Some(inner) = text.strip_prefix('/') else {
        return Err(wrong("it must begin with `/`").hint(format!("write \"/{text}\"")));
    };
    if let Some(odd) = text.chars().find(|c| !is_plain(*c)) {
        let hint = match odd {
            '*' | '?' => "a path that ends with `/` holds for everything below it",
            '%' => "write it without escapes",
            _ => "letters, digits and `-._~!&'+,;=:@`",
        };
        return Err(wrong(&format!("it has {odd:?}")).hint(hint));
    }
    let parts = inner.strip_suffix('/').unwrap_or(inner);
    let empty = |part: &str| matches!(part, "" | "." | "..");
    if !inner.is_empty() && parts.split('/').any(empty) {
        return Err(wrong("a part of it is empty or a dot"));
    }
    if text.starts_with("/.foobar-stack") || text.starts_with("/.well-known/acme-challenge") {
        return Err(wrong("foobar-stack answers there itself"));
    }
    Ok(text.to_owned())
}

/// What stands in a path unescaped (RFC 3986 section 3.3), without what means something in a
/// pattern of Nginx.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/-._~!&'+,;=:@".contains(c)
}

/// A page of the site.
fn page(text: &str) -> Result<String, InvalidValue> {
    let page = site_path(text)?;
    if page.ends_with('/') {
        let error = InvalidValue::new(format!("`{text}` is a folder"));
        return Err(error.hint(format!("name the page: \"{text}index.html\"")));
    }
    Ok(page)
}

/// Where visitors are sent: a page of the site, or a URL.
fn redirect_target(text: &str) -> Result<String, InvalidValue> {
    let wrong = || {
        InvalidValue::new(format!("`{text}` is not where visitors can be sent"))
            .hint("a path like \"/new/\", or a URL like \"https://example.com/\"")
    };
    let url = ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let known = match url {
        Some(rest) => !rest.is_empty() && !rest.starts_with('/'),
        None => text.starts_with('/') && !text.starts_with("//"),
    };
    let plain = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}$".contains(c);
    if known && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(wrong())
    }
}

/// What is wrong of the paths together with the rest of the site.
pub(super) fn contradictions(raw: &raw::Web, web: &Web, app: &App, mistakes: &mut Mistakes<'_>) {
    for (path, table) in &raw.paths {
        let Some(fallback) = &table.fallback else {
            continue;
        };
        let files = match (site_path(path), app.protocol) {
            // Without a site nobody knows.
            (Err(_), _) | (_, Protocol::Files) => true,
            (Ok(path), _) => {
                !app.enabled || matches!(handler(web, app, &path), Handler::Static { .. })
            }
        };
        if !files {
            let message = format!("web.paths.\"{}\".fallback: the app answers there", **path);
            let mistake = mistakes.at(fallback.span(), message);
            mistakes.push(mistake.help(
                "it is for static files: name a path of web.static, or set app.protocol = \"files\"",
            ));
        }
    }
    // An apply asks these pages as any visitor does.
    if !web.expect.status.contains(&401) {
        asked(raw, web, ("web.expect", &web.expect.path), mistakes);
    }
    if let Some(health) = app
        .health
        .as_ref()
        .filter(|health| app.enabled && health.status != 401)
    {
        asked(raw, web, ("app.health", &health.path), mistakes);
    }
}

/// Refuses a page that an apply would be asked a password for.
fn asked(raw: &raw::Web, web: &Web, page: (&str, &str), mistakes: &mut Mistakes<'_>) {
    let (key, page) = page;
    let path = page.split('?').next().unwrap_or(page);
    let Some(of) = web.rule_of(path).users_of else {
        return;
    };
    let Some((written, _)) = raw.paths.iter().find(|(written, _)| written.as_str() == of) else {
        return;
    };
    let message = format!("web.paths.\"{of}\".users: {key} asks {page}, and has no password");
    let help = match key {
        "web.expect" => "say what visitors get then: web.expect = { status = 401 }".to_owned(),
        _ => format!("open it: [web.paths.\"{path}\"] and public = true"),
    };
    mistakes.push(mistakes.at(written.span(), message).help(help));
}
