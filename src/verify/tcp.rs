//! Tries to connect.

use crate::check::port::Connection;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpStream, UdpSocket};

/// Connects to a port, and hangs up.
pub(super) async fn connect(address: SocketAddr, limit: Duration) -> Connection {
    match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Err(_) => Connection::TimedOut,
        Ok(Ok(_)) => Connection::Open,
        Ok(Err(error)) => failed(&error),
    }
}

/// What an error of the socket says of the port.
pub(super) fn failed(error: &io::Error) -> Connection {
    match error.kind() {
        // A firewall that rejects says "refused", "host unreachable" or "permission denied", as
        // it was told.
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::PermissionDenied => Connection::Refused,
        io::ErrorKind::TimedOut => Connection::TimedOut,
        _ => Connection::Untried(error.to_string()),
    }
}

/// Why this machine has no way to an address, if so. Sends nothing: the kernel looks for a
/// route when a datagram socket is connected.
pub(super) async fn no_way_to(address: IpAddr) -> Option<String> {
    let attempt = async {
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await?;
        socket.connect((address, 53)).await
    };
    attempt
        .await
        .err()
        .map(|error: io::Error| error.to_string())
}
