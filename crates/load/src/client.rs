//! The requests of the load, by reqwest: each worker has one kept connection at most.

use crate::error::LoadError;
use crate::profile::{Protocol, Request};
use crate::target::{Target, Trust};
use crate::tls::http_client;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, ClientBuilder, Method, Response, redirect, retry};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tower::util::MapRequestLayer;

/// A client that counts the connections it opens.
pub(crate) struct Caller {
    client: Client,
    base: String,
    opened: Arc<AtomicU64>,
}

/// Why a request failed.
pub(crate) struct Failure {
    /// The kind of failure, for counting.
    pub(crate) kind: String,
    /// What was said.
    pub(crate) message: String,
    /// Whether it went over a kept connection that was closed before any byte of the reply.
    pub(crate) closed: bool,
}

impl Caller {
    /// A client that keeps as many connections as said, and opens others when it needs them.
    pub(crate) fn new(
        target: &Target,
        protocol: Protocol,
        timeout: Duration,
        keep: usize,
    ) -> Result<Self, LoadError> {
        let opened = Arc::new(AtomicU64::new(0));
        let builder = builder(target, protocol, timeout)
            .pool_max_idle_per_host(keep)
            .connector_layer(MapRequestLayer::new(counting(&opened)));
        let client = builder
            .build()
            .map_err(|source| LoadError::Client { source })?;
        Ok(Self {
            client,
            base: target.base(),
            opened,
        })
    }

    /// How many connections it has opened.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Makes a request and reads the whole reply: the number of its bytes.
    pub(crate) async fn ask(&self, request: &Request) -> Result<u64, Failure> {
        let before = self.opened();
        let url = format!("{}{}", self.base, request.path);
        let builder = match &request.body {
            None => self.client.request(Method::GET, url),
            Some(body) => self
                .client
                .request(Method::POST, url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body.clone()),
        };
        let response = builder.send().await.map_err(|error| {
            let kept = self.opened() == before;
            let closed = kept && is_closed(&error);
            Failure {
                closed,
                ..failure(error, "connection closed before the reply")
            }
        })?;
        let status = response.status();
        let bytes = drain(response)
            .await
            .map_err(|error| failure(error, "reply cut short"))?;
        if status.is_client_error() || status.is_server_error() {
            return Err(Failure {
                kind: format!("status {}", status.as_u16()),
                message: status.to_string(),
                closed: false,
            });
        }
        Ok(bytes)
    }
}

/// A client that goes to the target's address and nowhere else.
pub(crate) fn builder(target: &Target, protocol: Protocol, timeout: Duration) -> ClientBuilder {
    let builder = http_client()
        .user_agent(concat!(
            env!("CARGO_PKG_NAME"),
            "/",
            env!("CARGO_PKG_VERSION")
        ))
        .no_proxy()
        .redirect(redirect::Policy::none())
        // What is sent again is to be counted.
        .retry(retry::never())
        .timeout(timeout)
        .tls_danger_accept_invalid_certs(target.trust == Trust::Anybody)
        .resolve(&target.host, SocketAddr::new(target.address, 0));
    match protocol {
        Protocol::Auto => builder,
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_prior_knowledge(),
    }
}

/// Hands on what it is given, and counts.
fn counting<T>(counter: &Arc<AtomicU64>) -> impl Fn(T) -> T + Clone + Send + Sync + 'static {
    let counter = Arc::clone(counter);
    move |given| {
        counter.fetch_add(1, Ordering::Relaxed);
        given
    }
}

async fn drain(mut response: Response) -> Result<u64, reqwest::Error> {
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await? {
        bytes += chunk.len() as u64;
    }
    Ok(bytes)
}

fn failure(error: reqwest::Error, otherwise: &str) -> Failure {
    let kind = match (error.is_timeout(), error.is_connect()) {
        (true, true) => "no connection in time",
        (true, false) => "no reply in time",
        (false, true) => "no connection",
        (false, false) => otherwise,
    };
    Failure {
        kind: kind.to_owned(),
        message: message(error),
        closed: false,
    }
}

/// The causes of an error, outermost first; what reqwest itself says only if there is no other.
pub(crate) fn message(error: reqwest::Error) -> String {
    let error = error.without_url();
    let causes: Vec<String> = causes(&error).skip(1).map(ToString::to_string).collect();
    if causes.is_empty() {
        error.to_string()
    } else {
        causes.join(": ")
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// Whether the connection ended before any byte of the reply (RFC 9112, section 9.3.1), or the
/// server said that it has not looked at the request (RFC 9113, section 8.7).
fn is_closed(error: &reqwest::Error) -> bool {
    use std::io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof,
    };
    if error.is_timeout() || error.is_connect() {
        return false;
    }
    causes(error).any(|cause| {
        if let Some(error) = cause.downcast_ref::<hyper::Error>() {
            return error.is_incomplete_message() || error.is_closed() || error.is_canceled();
        }
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            let unseen = [h2::Reason::NO_ERROR, h2::Reason::REFUSED_STREAM];
            return error.is_remote() && error.reason().is_some_and(|why| unseen.contains(&why));
        }
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| {
            [
                ConnectionReset,
                ConnectionAborted,
                BrokenPipe,
                NotConnected,
                UnexpectedEof,
            ]
            .contains(&error.kind())
        })
    })
}
