//! The load against small servers on the loopback.

use super::*;
use crate::target::Trust;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BAD: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

/// Reads the head of a request; false at the end of the connection.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        text.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// A server that answers every connection in this way.
async fn serve<F, Fut>(answer: F) -> Target
where
    F: Fn(TcpStream, u64) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            tokio::spawn(answer(stream, number));
        }
    });
    Target {
        https: false,
        host: "foobar.test".to_owned(),
        port: address.port(),
        address: address.ip(),
        trust: Trust::Authorities,
    }
}

fn profile(rate: f64, requests: u32) -> Profile {
    Profile {
        rate,
        duration: Duration::from_secs_f64(f64::from(requests) / rate),
        connections: 4,
        fresh: 0.0,
        ..Profile::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_made_and_counted() {
    let target = serve(|mut stream, _| async move {
        while let Some(head) = head(&mut stream).await {
            assert!(head.to_lowercase().contains("host: foobar.test"), "{head}");
            let reply = if head.starts_with("GET /bad") {
                BAD
            } else {
                GOOD
            };
            if stream.write_all(reply).await.is_err() {
                return;
            }
        }
    })
    .await;
    let profile = Profile {
        requests: ["3:/", "/bad"]
            .map(|text| Request::get(text).unwrap())
            .into(),
        fresh: 0.5,
        ..profile(200.0, 100)
    };
    let expected = (0..100)
        .filter(|n| profile.request(*n).path == "/bad")
        .count() as u64;
    let record = start(&target, profile).unwrap().finish().await;
    let whole = record.whole();
    assert_eq!(whole.latencies.count() + whole.failed + record.unsent, 100);
    // On a busy machine some are never sent, of either kind.
    let failed = record.failures["status 503"].count;
    let least = expected.saturating_sub(record.unsent);
    assert!((least..=expected).contains(&failed), "{failed}");
    assert!(
        record.failures["status 503"]
            .first
            .starts_with("GET /bad: 503")
    );
    assert!(
        record.connections + record.unsent > 30,
        "{}",
        record.connections
    );
    assert_eq!(record.bytes, 2 * whole.latencies.count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_closes_is_no_failure_but_a_new_one_is() {
    // Every second connection answers once, then takes a request and hangs up.
    let target = serve(|mut stream, number| async move {
        let times = if number % 2 == 0 { 1 } else { u64::MAX };
        for _ in 0..times {
            if head(&mut stream).await.is_none() || stream.write_all(GOOD).await.is_err() {
                return;
            }
        }
        let _ = head(&mut stream).await;
    })
    .await;
    let one = Profile {
        connections: 1,
        ..profile(50.0, 20)
    };
    let record = start(&target, one.clone()).unwrap().finish().await;
    assert_eq!(record.failed(), 0, "{:?}", record.failures);
    assert_eq!(record.whole().retried, 1);

    let target = serve(|mut stream, _| async move { drop(head(&mut stream).await) }).await;
    let record = start(&target, one).unwrap().finish().await;
    assert_eq!(record.whole().retried, 0);
    assert_eq!(
        record.failures["connection closed before the reply"].count,
        20 - record.unsent
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_when_it_is_told_and_says_what_nobody_answers() {
    let mute = serve(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let profile = Profile {
        timeout: Duration::from_millis(300),
        duration: Duration::from_secs(3600),
        rate: 100.0,
        ..profile(100.0, 1)
    };
    let load = start(&mute, profile).unwrap();
    while load.so_far().1 == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    load.stop();
    let record = load.finish().await;
    assert!(
        record.failures.contains_key("no reply in time"),
        "{:?}",
        record.failures
    );
    assert!(record.elapsed < Duration::from_secs(60));
    // Four at a time did not get to all that were due.
    assert!(record.unsent > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_kept_open_and_missed_when_it_breaks() {
    let target = serve(|mut stream, number| async move {
        let Some(head) = head(&mut stream).await else { return };
        let key = head
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key")))
            .map(|(_, key)| key.trim().to_owned());
        let Some(key) = key else {
            let _ = stream.write_all(GOOD).await;
            return;
        };
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        let reply = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(reply.as_bytes()).await.unwrap();
        // A masked ping of 12 bytes and its pong; the first ones then break.
        let mut ping = [0; 2 + 4 + 12];
        while stream.read_exact(&mut ping).await.is_ok() {
            let mut pong = vec![0x8a, 12];
            pong.extend((0..12).map(|at| ping[6 + at] ^ ping[2 + at % 4]));
            if stream.write_all(&pong).await.is_err() || number <= 1 {
                return;
            }
        }
    })
    .await;
    let profile = Profile {
        websocket: Some("/live".to_owned()),
        requests: vec![Request::get("/").unwrap()],
        rate: 0.1,
        duration: Duration::from_secs(3600),
        ..profile(1.0, 1)
    };
    let load = start(&target, profile).unwrap();
    let begin = Instant::now();
    loop {
        let socket = load.shared.record().socket.clone();
        if socket.opened >= 2 && socket.pongs.count() >= 3 {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{socket:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    load.stop();
    let record = load.finish().await;
    assert!(record.socket.failed >= 1, "{:?}", record.socket);
    assert!(record.failures["websocket"].first.starts_with("/live: "));
}
