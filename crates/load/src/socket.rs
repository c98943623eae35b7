//! A WebSocket that is kept open beside the load: pinged, listened to, opened again.

use crate::client::{builder, message};
use crate::profile::Protocol;
use crate::shared::Shared;
use crate::target::Target;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::StatusCode;
use reqwest::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// How often it is pinged.
const EVERY: Duration = Duration::from_millis(500);

/// How one connection ended.
enum End {
    /// The load is over.
    Over,
    /// The server said goodbye.
    Closed,
}

/// Keeps one open until the load is over.
pub(crate) async fn keep(shared: &Shared, target: &Target, path: &str, limit: Duration) {
    while !shared.is_over() {
        let began = shared.elapsed();
        match one(shared, target, path, limit).await {
            Ok(End::Over) => return,
            Ok(End::Closed) => shared.record().socket.closed += 1,
            Err(why) => {
                let mut record = shared.record();
                record.socket.failed += 1;
                record.fail("websocket".to_owned(), format!("{path}: {why}"), began);
            }
        }
        tokio::select! {
            () = sleep(Duration::from_millis(100)) => {}
            () = shared.over() => return,
        }
    }
}

async fn one(shared: &Shared, target: &Target, path: &str, limit: Duration) -> Result<End, String> {
    let mut socket = timeout(limit, open(target, path))
        .await
        .map_err(|_| "it did not open in time".to_owned())??;
    shared.record().socket.opened += 1;
    loop {
        let sent = Instant::now();
        let ping = Message::Ping(Bytes::from_static(b"foobar-stack"));
        socket.send(ping).await.map_err(|error| error.to_string())?;
        let mut answered = false;
        // Listen until it is time for the next ping; the answer to this one has to come first.
        loop {
            let wait = if answered { EVERY } else { limit };
            let left = wait.saturating_sub(sent.elapsed());
            let heard = tokio::select! {
                heard = timeout(left, socket.next()) => heard,
                () = shared.over() => {
                    let _ = timeout(limit, socket.close(None)).await;
                    return Ok(End::Over);
                }
            };
            match heard {
                Err(_) if answered => break,
                Err(_) => return Err("a ping was not answered in time".to_owned()),
                Ok(Some(Ok(Message::Pong(_)))) => {
                    answered = true;
                    shared.record().socket.pongs.add(sent.elapsed());
                }
                Ok(Some(Ok(Message::Close(_)))) => return Ok(End::Closed),
                Ok(Some(Ok(Message::Ping(_)))) => {}
                Ok(Some(Ok(_))) => shared.record().socket.messages += 1,
                Ok(Some(Err(error))) => return Err(error.to_string()),
                Ok(None) => return Err("it ended without a word".to_owned()),
            }
        }
    }
}

/// Opens one, as RFC 6455 has it.
async fn open(target: &Target, path: &str) -> Result<WebSocketStream<reqwest::Upgraded>, String> {
    // Its own time limit would end the connection, too.
    let client = builder(target, Protocol::Http1, Duration::from_secs(24 * 3600));
    let client = client.build().map_err(message)?;
    let key = generate_key();
    let response = client
        .get(format!("{}{path}", target.base()))
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key)
        .send()
        .await
        .map_err(message)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(format!("the server answers {}", response.status()));
    }
    let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT);
    if accepted.is_none_or(|value| value.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes())
    {
        return Err("the server speaks something else".to_owned());
    }
    let stream = response.upgrade().await.map_err(message)?;
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, None).await)
}
