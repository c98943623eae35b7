//! Asks for a certificate and for a page, at an address given by the caller.

use super::{Limits, seconds};
use crate::check::certificate::{Certificate, Issuer, Presented};
use crate::check::http::{Response, Url};
use foobar_stack_load::http_client;
use reqwest::tls::{TlsInfo, Version};
use reqwest::{Client, ClientBuilder, Method, redirect};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};

/// How much of a page is read, in bytes.
const BODY_LIMIT: usize = 1 << 20;

/// Whom to believe that a page is the right one's.
#[derive(Debug, Clone)]
pub(super) enum Trust {
    /// The authorities this machine trusts.
    Machine,
    /// Who presents this certificate (DER), which has been checked before.
    Same(Vec<u8>),
}

/// Has the certificate for a name presented, then verified in a second handshake: the first
/// takes any certificate, also from somebody who has not got its key.
pub(super) async fn presented(
    check: &Certificate,
    address: IpAddr,
    limits: &Limits,
) -> Result<Presented, String> {
    let text = |error: reqwest::Error| reason(error, limits);
    let url = format!("https://{}:{}/", check.name, check.port);
    // Nginx answers TRACE itself: a slow or broken app behind it does not hide its certificate.
    let trace = |client: Client| client.request(Method::TRACE, url.as_str()).send();
    let builder = || builder(check.name.as_str(), address, limits);

    let any = builder()
        .tls_danger_accept_invalid_certs(true)
        .build()
        .map_err(text)?;
    let (der, version) = tls(&trace(any).await.map_err(text)?)?;
    let strict = match check.issuer {
        Issuer::Any | Issuer::Acme => None,
        Issuer::Trusted => Some(builder()),
        Issuer::SelfSigned => {
            let anchor = reqwest::Certificate::from_der(&der).map_err(text)?;
            Some(builder().tls_certs_only([anchor]))
        }
    };
    let verified = match strict {
        None => Ok(()),
        Some(builder) => match builder.build() {
            Ok(client) => trace(client).await.map(|_| ()).map_err(text),
            Err(error) => Err(text(error)),
        },
    };
    Ok(Presented {
        der,
        version,
        verified,
    })
}

/// Gets a page from an address.
pub(super) async fn get(
    url: &Url,
    address: IpAddr,
    trust: &Trust,
    limits: &Limits,
) -> Result<Response, String> {
    let text = |error: reqwest::Error| reason(error, limits);
    let mut builder = builder(url.host.as_str(), address, limits);
    if let Trust::Same(_) = trust {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    let client = builder.build().map_err(text)?;
    let mut response = client.get(url.to_string()).send().await.map_err(text)?;
    if let (true, Trust::Same(checked)) = (url.https, trust)
        && tls(&response)?.0 != *checked
    {
        return Err("another certificate than a moment ago".to_owned());
    }
    let mut body = Vec::new();
    while body.len() < BODY_LIMIT
        && let Some(chunk) = response.chunk().await.map_err(text)?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(BODY_LIMIT);
    let headers = response.headers().iter();
    Ok(Response {
        status: response.status().as_u16(),
        version: format!("{:?}", response.version()),
        headers: headers
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// A client that goes to this address and nowhere else.
fn builder(host: &str, address: IpAddr, limits: &Limits) -> ClientBuilder {
    http_client()
        .user_agent(concat!("foobar-stack/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(limits.connect)
        .timeout(limits.reply)
        .resolve(host, SocketAddr::new(address, 0))
        .tls_info(true)
}

/// The certificate a response came with, and the version of TLS.
fn tls(response: &reqwest::Response) -> Result<(Vec<u8>, String), String> {
    let info = response.extensions().get::<TlsInfo>();
    let certificate = info.and_then(TlsInfo::peer_certificate);
    let version = match info.and_then(TlsInfo::version) {
        Some(Version::TLS_1_3) => "TLS 1.3",
        Some(Version::TLS_1_2) => "TLS 1.2",
        _ => "TLS",
    };
    match certificate {
        Some(der) => Ok((der.to_owned(), version.to_owned())),
        None => Err("no certificate was presented".to_owned()),
    }
}

/// The causes of an error, outermost first. What reqwest itself says of every failed request
/// is left out when there is a cause.
fn reason(error: reqwest::Error, limits: &Limits) -> String {
    if error.is_timeout() {
        let limit = if error.is_connect() {
            limits.connect
        } else {
            limits.reply
        };
        return format!("no answer in {}", seconds(limit));
    }
    let error = error.without_url();
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    if causes.is_empty() {
        error.to_string()
    } else {
        causes.join(": ")
    }
}
