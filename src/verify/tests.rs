//! A whole stack in this process, to see order, limits and failures that real servers do not
//! give on demand.

use super::*;
use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::{RData, Record, rdata};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PUBLIC: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// How the name server behaves.
#[derive(Clone, Copy, PartialEq)]
enum Names {
    Right,
    Silent,
    Refused,
    NotAuthoritative,
    Elsewhere,
}

impl Names {
    fn reply(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut message = Message::from_vec(bytes).unwrap();
        message.metadata.message_type = MessageType::Response;
        message.metadata.authoritative = self != Self::NotAuthoritative;
        let address = match self {
            Self::Silent => return None,
            Self::Refused => {
                message.metadata.response_code = ResponseCode::Refused;
                return Some(message.to_vec().unwrap());
            }
            Self::Elsewhere => Ipv4Addr::new(198, 51, 100, 7),
            Self::Right | Self::NotAuthoritative => PUBLIC,
        };
        let name = message.queries[0].name().clone();
        message.add_answer(Record::from_rdata(name, 60, RData::A(rdata::A(address))));
        Some(message.to_vec().unwrap())
    }

    /// Serves on one port over both transports.
    async fn serve(self) -> u16 {
        let tcp = TcpListener::bind((HERE, 0)).await.unwrap();
        let port = tcp.local_addr().unwrap().port();
        let udp = UdpSocket::bind((HERE, port)).await.unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                if let Some(reply) = self.reply(&buffer[..length]) {
                    // Noise comes first: it must not be taken for the reply.
                    udp.send_to(b"noise", from).await.unwrap();
                    udp.send_to(&reply, from).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = tcp.accept().await {
                let length = stream.read_u16().await.unwrap();
                let mut bytes = vec![0; usize::from(length)];
                stream.read_exact(&mut bytes).await.unwrap();
                if let Some(reply) = self.reply(&bytes) {
                    stream
                        .write_u16(reply.len().try_into().unwrap())
                        .await
                        .unwrap();
                    stream.write_all(&reply).await.unwrap();
                }
                held.push(stream);
            }
        });
        port
    }
}

/// Serves one page to everybody, after a while.
async fn pages(response: &'static str, delay: Duration) -> u16 {
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 1024];
                let read = stream.read(&mut request).await;
                if read.is_ok_and(|length| length > 0) {
                    tokio::time::sleep(delay).await;
                    stream.write_all(response.as_bytes()).await.ok();
                }
            });
        }
    });
    port
}

/// What the server says to each script in turn; with nothing left it never answers.
struct Server {
    replies: VecDeque<Result<&'static str, String>>,
    asked: Vec<String>,
}

impl Server {
    fn new(replies: impl IntoIterator<Item = Result<&'static str, String>>) -> Self {
        Self {
            replies: replies.into_iter().collect(),
            asked: Vec::new(),
        }
    }
}

impl AskServer for Server {
    fn run<'a>(&'a mut self, script: &'a Script) -> Asking<'a> {
        Box::pin(async move {
            let text = script.as_str().to_owned();
            let mark = text
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("mark="));
            let mark = mark.unwrap_or_default().to_owned();
            self.asked.push(text);
            match self.replies.pop_front() {
                Some(reply) => reply.map(|text| text.replace("MARK", &mark)),
                None => std::future::pending().await,
            }
        })
    }
}

const UP: &str =
    "MARK begin units\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\nMARK end 0\n";
const DOWN: &str =
    "MARK begin units\nLoadState=loaded\nActiveState=failed\nSubState=failed\nMARK end 0\n";
const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nfoobar";

fn limits() -> Limits {
    Limits {
        connect: Duration::from_millis(300),
        closed: Duration::from_millis(300),
        reply: Duration::from_millis(600),
        settle: None,
    }
}

/// Runs the checks of a small stack; gives a line an outcome, and the report.
async fn prove(
    names: Names,
    page: u16,
    server: Result<&mut dyn AskServer, String>,
    limits: &Limits,
) -> (String, Report) {
    let checks = [
        (
            "http",
            format!("title = 'page'\nurl = 'http://foobar.com:{page}/'\ncontains = 'foobar'"),
        ),
        (
            "unit",
            "title = 'unit'\nname = 'foobar.service'\nhop = 'app'".to_owned(),
        ),
        ("port", format!("title = 'port'\nport = {page}")),
        (
            "dns",
            "title = 'A'\nname = 'foobar.com'\ntype = 'A'\nexpect = ['192.0.2.1']".to_owned(),
        ),
    ]
    .map(|(kind, entry)| Check::from_entry("role", kind, entry.parse().unwrap()).unwrap());
    let mut target = Target::new(Some(PUBLIC), None);
    target.stand_in = Some(HERE);
    target.dns_port = names.serve().await;

    let report = run(&checks, &target, server, limits).await;
    let lines: Vec<String> = report
        .outcomes
        .iter()
        .map(|outcome| {
            let Outcome {
                name,
                outcome: verdict,
                actual,
                because,
                ..
            } = outcome;
            let why = because.as_ref().or(actual.as_ref()).unwrap();
            format!("{verdict:?} {name}: {why}")
        })
        .collect();
    (lines.join("\n"), report)
}

#[tokio::test]
async fn a_sound_stack_is_healthy_and_its_log_is_not_asked() {
    let page = pages(PAGE, Duration::ZERO).await;
    let mut server = Server::new([Ok(UP)]);
    let (text, report) = prove(Names::Right, page, Ok(&mut server), &limits()).await;
    assert_eq!(
        text,
        "Pass A: 192.0.2.1\n\
         Pass port: 127.0.0.1: open\n\
         Pass page: 200, HTTP/1.1, 6 bytes\n\
         Pass unit: active, enabled"
    );
    assert!(report.healthy());
    assert_eq!(server.asked.len(), 1);
}

#[tokio::test]
async fn every_failure_of_dns_is_told_and_the_page_is_skipped() {
    let page = pages(PAGE, Duration::ZERO).await;
    for (names, want) in [
        (Names::Silent, "no answer in 0.6 s"),
        (
            Names::Refused,
            "REFUSED: the server does not answer this zone",
        ),
        (
            Names::NotAuthoritative,
            "192.0.2.1, without the authority bit",
        ),
        (Names::Elsewhere, "198.51.100.7"),
    ] {
        let mut server = Server::new([Ok(UP), Ok("one\ntwo\n")]);
        let started = Instant::now();
        let (text, report) = prove(names, page, Ok(&mut server), &limits()).await;
        assert_eq!(
            text,
            format!(
                "Fail A: 127.0.0.1 over udp and tcp: {want}\n\
                 Pass port: 127.0.0.1: open\n\
                 Skip page: dns failed: A\n\
                 Pass unit: active, enabled"
            )
        );
        assert!(started.elapsed() < Duration::from_secs(3));
        assert_eq!(report.first_broken().unwrap().log, ["one", "two"]);
        assert!(server.asked[1].contains("named.service"));
    }
}

#[tokio::test]
async fn a_unit_that_is_down_is_the_root_and_carries_its_log() {
    let page = pages(
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        Duration::ZERO,
    )
    .await;
    let mut server = Server::new([Ok(DOWN), Err("gone".to_owned())]);
    let (text, report) = prove(Names::Right, page, Ok(&mut server), &limits()).await;
    assert!(
        text.ends_with("Skip page: app failed: unit\nFail unit: failed (failed)"),
        "{text}"
    );
    assert_eq!(
        report.first_broken().unwrap().log,
        ["the log of foobar.service could not be read: gone"]
    );
}

#[tokio::test]
async fn a_slow_page_a_redirect_and_a_closed_port_fail_in_time() {
    let limits = limits();
    let slow = pages(PAGE, Duration::from_secs(30)).await;
    let (text, _) = prove(Names::Right, slow, Err("offline".to_owned()), &limits).await;
    assert!(text.contains("Fail page: no answer in 0.6 s"), "{text}");

    let away = pages(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        Duration::ZERO,
    )
    .await;
    let (text, _) = prove(Names::Right, away, Err("offline".to_owned()), &limits).await;
    assert!(
        text.contains("Fail page: 302 to http://127.0.0.1:1/"),
        "{text}"
    );

    let closed = TcpListener::bind((HERE, 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (text, _) = prove(Names::Right, closed, Err("offline".to_owned()), &limits).await;
    assert!(text.contains("Fail port: 127.0.0.1: refused"), "{text}");
    assert!(text.contains("Skip page: tcp failed: port"), "{text}");
}

#[tokio::test]
async fn without_a_login_what_is_on_the_server_is_skipped() {
    let page = pages(PAGE, Duration::ZERO).await;
    let (text, report) = prove(Names::Right, page, Err("no login".to_owned()), &limits()).await;
    assert!(
        text.ends_with("Pass page: 200, HTTP/1.1, 6 bytes\nSkip unit: no login"),
        "{text}"
    );
    assert!(report.healthy());
}

#[tokio::test]
async fn a_server_that_does_not_say_is_a_failure_that_hides_nothing() {
    let page = pages(PAGE, Duration::ZERO).await;
    for (reply, want) in [
        (
            Some(Err("connection lost".to_owned())),
            "not known: connection lost",
        ),
        (Some(Ok("")), "the server did not say"),
        (
            Some(Ok("MARK begin units\nLoadState=loaded\n")),
            "the server did not say",
        ),
        (None, "not known: the server did not answer in 1.9 s"),
    ] {
        let mut server = Server::new(reply);
        let (text, report) = prove(Names::Right, page, Ok(&mut server), &limits()).await;
        assert!(text.contains("Pass page"), "{text}");
        assert!(text.ends_with(&format!("Fail unit: {want}")), "{text}");
        assert!(!report.healthy());
    }
}

#[tokio::test]
async fn a_stack_is_given_time_to_settle() {
    let page = pages(PAGE, Duration::ZERO).await;
    let patient = Limits {
        settle: Some(Duration::from_secs(20)),
        ..limits()
    };
    let mut server = Server::new([Ok(DOWN), Ok(DOWN), Ok(UP)]);
    let (text, report) = prove(Names::Right, page, Ok(&mut server), &patient).await;
    assert!(report.healthy(), "{text}");
    assert_eq!(server.asked.len(), 3);

    let hasty = Limits {
        settle: Some(Duration::from_millis(900)),
        ..limits()
    };
    let mut server = Server::new([Ok(DOWN), Ok(DOWN), Ok(DOWN), Ok(DOWN)]);
    let (_, report) = prove(Names::Right, page, Ok(&mut server), &hasty).await;
    assert!(!report.healthy());
    assert_eq!(server.asked.len(), 3, "two rounds and the log");
}

#[test]
fn a_stand_in_takes_what_is_meant_for_the_public_addresses() {
    let mut target = Target::new(Some(PUBLIC), Some("2001:db8::1".parse().unwrap()));
    let (v4, v6) = (IpAddr::from(PUBLIC), "2001:db8::1".parse().unwrap());
    assert_eq!(target.addresses(), [v4, v6]);
    assert_eq!(target.reached(v4), v4);
    target.stand_in = Some(HERE);
    assert_eq!(target.addresses(), [HERE]);
    assert_eq!((target.reached(v4), target.reached(v6)), (HERE, HERE));
    let other: IpAddr = "198.51.100.7".parse().unwrap();
    assert_eq!(target.reached(other), other);
}
