//! Asks one name server one question.

use super::{Limits, seconds};
use crate::check::dns::Transport;
use crate::random;
use hickory_proto::op::{Message, MessageType};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Asks, and gives the reply or the reason why there is none.
pub(super) async fn ask(
    server: SocketAddr,
    transport: Transport,
    question: &Message,
    limits: &Limits,
) -> Result<Message, String> {
    let mut question = question.clone();
    // A number that nobody can guess, so that nobody else can reply (RFC 5452 section 4.3).
    question.metadata.id = random::bits() as u16;
    let question = &question;
    let asked = async {
        let bytes = question.to_vec().map_err(io::Error::other)?;
        match transport {
            Transport::Udp => over_udp(server, question, &bytes, limits).await,
            Transport::Tcp => over_tcp(server, question, &bytes, limits).await,
        }
    };
    match timeout(limits.reply, asked).await {
        Err(_) => Err(format!("no answer in {}", seconds(limits.reply))),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err("connection refused".to_owned())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(message)) => Ok(message),
    }
}

/// Sends a datagram, and the same once more at half-time: one that is lost on the way says
/// nothing of the server (RFC 1035 section 4.2.1).
async fn over_udp(
    server: SocketAddr,
    question: &Message,
    bytes: &[u8],
    limits: &Limits,
) -> io::Result<Message> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    let reply = async {
        let mut buffer = [0; 4096];
        loop {
            let length = socket.recv(&mut buffer).await?;
            // Whatever is not the reply to this question is somebody else's noise.
            if let Ok(message) = read(&buffer[..length], question) {
                return Ok(message);
            }
        }
    };
    tokio::pin!(reply);
    socket.send(bytes).await?;
    match timeout(limits.reply / 2, &mut reply).await {
        Ok(result) => result,
        Err(_) => {
            socket.send(bytes).await?;
            reply.await
        }
    }
}

/// A message behind its length, each way (RFC 1035 section 4.2.2).
async fn over_tcp(
    server: SocketAddr,
    question: &Message,
    bytes: &[u8],
    limits: &Limits,
) -> io::Result<Message> {
    let mut stream = timeout(limits.connect, TcpStream::connect(server))
        .await
        .map_err(|_| io::Error::other(format!("no connection in {}", seconds(limits.connect))))??;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(bytes);
    stream.write_all(&framed).await?;
    let mut reply = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut reply).await?;
    read(&reply, question)
}

/// Reads a message, which must be the reply to the question.
fn read(bytes: &[u8], question: &Message) -> io::Result<Message> {
    let message = Message::from_vec(bytes)
        .map_err(|error| io::Error::other(format!("a malformed message: {error}")))?;
    let head = &message.metadata;
    // A server that refuses may leave the question out.
    let same = message.queries.is_empty() || message.queries == question.queries;
    if head.id == question.metadata.id && head.message_type == MessageType::Response && same {
        Ok(message)
    } else {
        Err(io::Error::other("the reply to another question"))
    }
}
