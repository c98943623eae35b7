//! Asks whether somebody speaks QUIC, without a handshake: a server must answer a version that does
//! not exist with those that it has (RFC 9000 section 6), in a form that no version changes (RFC
//! 8999).

use super::tcp;
use crate::check::port::Connection;
use crate::random;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// A server does not answer a shorter packet, since its sender's address may be forged (RFC 9000
/// section 14.1).
const LEAST: usize = 1200;
/// Versions of this pattern never exist: they are there to be asked for (RFC 9000 section 15).
const NO_VERSION: u32 = 0x1a2a_3a4a;
/// QUIC version 1, which HTTP/3 speaks.
const VERSION_1: u32 = 1;
/// How long to wait before it is asked again: packets get lost.
const AGAIN: Duration = Duration::from_millis(500);

type ConnectionId = [u8; 8];

/// Asks until there is an answer, or the time is up.
pub(super) async fn connect(address: SocketAddr, limit: Duration) -> Connection {
    let end = Instant::now() + limit;
    match ask(address, end).await {
        Ok(true) => Connection::Open,
        Ok(false) => Connection::TimedOut,
        Err(error) => tcp::failed(&error),
    }
}

/// Whether a server that speaks QUIC version 1 answers before the end.
async fn ask(address: SocketAddr, end: Instant) -> io::Result<bool> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(address).await?;
    let [to, from] = [random::bits(), random::bits()].map(id);
    let question = question(&to, &from);
    let mut buffer = [0; 2048];
    while Instant::now() < end {
        socket.send(&question).await?;
        let until = end.min(Instant::now() + AGAIN);
        while let Ok(read) = timeout_at(until, socket.recv(&mut buffer)).await {
            if is_answer(&buffer[..read?], &to, &from) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn id(bits: u128) -> ConnectionId {
    let mut id = ConnectionId::default();
    id.copy_from_slice(&bits.to_be_bytes()[..8]);
    id
}

/// A packet with a long header, and nothing behind it that anybody would read.
fn question(to: &ConnectionId, from: &ConnectionId) -> Vec<u8> {
    let mut packet = vec![0xc0];
    packet.extend(NO_VERSION.to_be_bytes());
    for id in [to, from] {
        packet.push(8);
        packet.extend(id);
    }
    packet.resize(LEAST, 0);
    packet
}

/// Whether it is a Version Negotiation packet (RFC 9000 section 17.2.1) for that question, with
/// version 1 among its versions.
fn is_answer(packet: &[u8], to: &ConnectionId, from: &ConnectionId) -> bool {
    let mut head = vec![0, 0, 0, 0, 8];
    head.extend(from);
    head.push(8);
    head.extend(to);
    let Some((first, rest)) = packet.split_first() else {
        return false;
    };
    let versions = rest.strip_prefix(head.as_slice());
    first & 0x80 != 0
        && versions.is_some_and(|versions| {
            let mut each = versions.chunks_exact(4);
            each.any(|version| version == VERSION_1.to_be_bytes())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: ConnectionId = *b"to______";
    const FROM: ConnectionId = *b"from____";

    #[test]
    fn a_question_has_an_impossible_version_and_is_long_enough() {
        let packet = question(&TO, &FROM);
        assert_eq!(packet.len(), 1200);
        assert_eq!(
            &packet[..23],
            b"\xc0\x1a\x2a\x3a\x4a\x08to______\x08from____"
        );
    }

    #[test]
    fn an_answer_is_for_the_question_and_knows_version_1() {
        let answer = b"\xb7\0\0\0\0\x08from____\x08to______\xfa\xca\xea\xda\0\0\0\x01";
        assert!(is_answer(answer, &TO, &FROM));
        for (at, wrong) in [(0, 0x40), (4, 1), (6, b'x'), (15, b'x'), (30, 2)] {
            let mut other = answer.to_vec();
            assert_ne!(other[at], wrong);
            other[at] = wrong;
            assert!(!is_answer(&other, &TO, &FROM), "{at}");
        }
        for short in [&answer[..0], &answer[..20], &answer[..27]] {
            assert!(!is_answer(short, &TO, &FROM));
        }
        assert!(!is_answer(&question(&TO, &FROM), &TO, &FROM));
    }

    #[tokio::test]
    async fn a_port_answers_refuses_or_says_nothing() -> io::Result<()> {
        let server = UdpSocket::bind("127.0.0.1:0").await?;
        let address = server.local_addr()?;
        let silent = connect(address, Duration::from_millis(50)).await;
        assert_eq!(silent, Connection::TimedOut);

        let answering = async {
            let mut packet = [0; 2048];
            loop {
                let (read, client) = server.recv_from(&mut packet).await?;
                // The two connection IDs change places.
                let mut answer = b"\x80\0\0\0\0".to_vec();
                answer.extend(&packet[14..23]);
                answer.extend(&packet[5..14]);
                answer.extend([0, 0, 0, 1]);
                assert_eq!(read, 1200);
                server.send_to(&answer, client).await?;
            }
        };
        let asked = connect(address, Duration::from_secs(60));
        tokio::select! {
            connection = asked => assert_eq!(connection, Connection::Open),
            ended = answering => { let _: io::Result<()> = ended; panic!("the server ended") }
        }
        drop(server);
        let refused = connect(address, Duration::from_secs(60)).await;
        assert_eq!(refused, Connection::Refused);
        Ok(())
    }
}
