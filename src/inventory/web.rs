//! The section `[web]`.

use super::headers::{headers, permissions_policy};
use super::mistakes::Mistakes;
use super::network::listed;
use super::page;
use super::raw::{self, At};
use super::values::relative;
use super::{FileReference, Ports, Web, amount, paths};
use crate::types::InvalidValue;
use std::collections::BTreeMap;

/// What others may have use of in pages that the site embeds: nothing by which they see or hear
/// somebody, unless the site says so.
const PERMISSIONS: &str = "camera=(self), geolocation=(self), microphone=(self)";

/// What the section `[web]` says of the ports.
pub(super) fn ports(raw: &raw::Web) -> Ports {
    Ports {
        http_port: raw.http_port.as_ref().map_or(80, |port| port.get()),
        https_port: raw.https_port.as_ref().map_or(443, |port| port.get()),
        http3: raw.http3.as_ref().is_some_and(|http3| **http3),
    }
}

/// HTTP/3 without HTTPS is a mistake: QUIC has no plain text (RFC 9001).
pub(super) fn http3_without_https(raw: &raw::Web, mistakes: &mut Mistakes<'_>) {
    if let Some(http3) = raw.http3.as_ref().filter(|http3| ***http3) {
        let mistake = mistakes.at(http3.span(), "web.http3 needs HTTPS, which no site has");
        mistakes.push(mistake.help("remove it, or set another tls.mode than \"off\""));
    }
}

/// What the section `[web]` says of the site. The folders of static files are in the app's code, if
/// there is any, unless it is made on the server.
pub(super) fn web(
    raw: &raw::Web,
    ports: Ports,
    app: Option<&raw::App>,
    files: &mut Vec<FileReference>,
    inside: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Web {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    let has_code = app.is_some_and(|app| app.source.is_some());
    let seconds = |least| move |amount: &raw::Amount| amount::seconds(amount, least..=u32::MAX);
    let timeout = mistakes.check("web.timeout", raw.timeout.as_ref(), seconds(1));
    let hsts = mistakes.check("web.hsts", raw.hsts.as_ref(), seconds(0));
    let max_body = mistakes.check("web.max_body", raw.max_body.as_ref(), amount::bytes);
    let max_header = raw.max_header.as_ref();
    let max_header = mistakes.check("web.max_header", max_header, |amount| match amount::bytes(
        amount,
    )? {
        bytes if (4 * KIB..=64 * KIB).contains(&bytes) => Ok(bytes),
        bytes => Err(
            InvalidValue::new(format!("{bytes} bytes are too few or too many"))
                .hint("from \"4k\" to \"64k\""),
        ),
    });
    let policy = raw.permissions_policy.as_ref();
    let policy = mistakes.check("web.permissions_policy", policy, |text| {
        permissions_policy(text)
    });
    let opener = raw.opener_policy.as_deref().copied();
    let opener = opener.unwrap_or(raw::OpenerPolicy::SameOriginAllowPopups);
    let mut static_files = BTreeMap::new();
    for (prefix, folder) in &raw.static_files {
        if !has_code && !mistakes.incomplete {
            let mistake = mistakes.at(prefix.span(), "web.static: there is no app to take it from");
            mistakes.push(mistake.help("the folders lie in the app's release: write app.source"));
        }
        let checked = mistakes.check("web.static", Some(folder), |text| inner_folder(text));
        let in_code = |path: &String| {
            let below = |folder: &At<String>| {
                let folder = folder.trim_end_matches('/');
                path.strip_prefix(folder)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            app.is_some_and(|app| app.build.is_empty() && !app.persistent.iter().any(below))
        };
        if let Some(path) = checked.clone().filter(|path| has_code && in_code(path)) {
            inside.push(FileReference {
                path,
                span: folder.span(),
                key: "web.static".to_owned(),
                directory: true,
            });
        }
        let prefix = mistakes.check("web.static", Some(prefix), |text| url_prefix(text));
        static_files.extend(prefix.zip(checked));
    }
    Web {
        ports,
        max_body: max_body.unwrap_or(10 * MIB),
        max_header: max_header.unwrap_or(16 * KIB),
        timeout: timeout.unwrap_or(60),
        hsts: hsts.unwrap_or(365 * 86400),
        static_files,
        expect: page::expect(raw.expect.as_ref(), mistakes),
        permissions_policy: policy.unwrap_or_else(|| PERMISSIONS.to_owned()),
        opener_policy: opener.header().to_owned(),
        headers: headers("web.headers", &raw.headers, mistakes),
        maintenance_allow: listed(
            "web.maintenance_allow",
            raw.maintenance_allow.as_ref(),
            mistakes,
        ),
        connections: raw.connections.as_deref().copied().unwrap_or(100),
        brotli: raw.brotli.as_deref().is_some_and(|brotli| *brotli),
        trusted_proxies: listed(
            "web.trusted_proxies",
            raw.trusted_proxies.as_ref(),
            mistakes,
        ),
        paths: paths::paths(raw, files, mistakes),
    }
}

fn url_prefix(text: &str) -> Result<String, InvalidValue> {
    let wrong = |why: &str| InvalidValue::new(format!("`{text}` is not a prefix: {why}"));
    if text == "/" {
        return Err(wrong("nothing would be left to the app"));
    }
    let Some(inner) = text
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'))
    else {
        let hint = format!("write \"/{}/\"", text.trim_matches('/'));
        return Err(wrong("it must begin and end with `/`").hint(hint));
    };
    // What may stand in a path unescaped (RFC 3986 section 3.3).
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(c);
    let good = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(plain);
    if !inner.split('/').all(good) {
        return Err(wrong(
            "a part is empty, a dot, or has a character that paths do not have",
        ));
    }
    Ok(text.to_owned())
}

fn inner_folder(text: &str) -> Result<String, InvalidValue> {
    let folder = relative(text)?;
    if folder == "." {
        let error = InvalidValue::new("`.` would show all of the app's code");
        return Err(error.hint("name a folder below it, like \"static\""));
    }
    Ok(folder)
}
