//! Clients of HTTP, with what does the cryptography of TLS.

use reqwest::{Client, ClientBuilder};

/// Begins a client that can speak TLS. reqwest comes without a provider of cryptography, and a
/// client that is begun in another way panics.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that begins a client"
)]
pub fn http_client() -> ClientBuilder {
    // One that is installed already is this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}
