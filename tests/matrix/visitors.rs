//! Visitors who come all the time, each over a connection of its own, and what they did not get.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What they got.
pub(crate) struct Visits {
    pub(crate) count: usize,
    /// What the others got instead of the page.
    pub(crate) lost: Vec<String>,
}

/// Visitors under way.
pub(crate) struct Visitors {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<Visits>,
}

impl Visitors {
    /// Sends them.
    pub(crate) fn send(address: IpAddr) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&enough);
        let thread = std::thread::spawn(move || {
            let mut visits = Visits {
                count: 0,
                lost: Vec::new(),
            };
            let Ok(runtime) = tokio::runtime::Runtime::new() else {
                return visits;
            };
            while !told.load(Ordering::Relaxed) {
                visits.count += 1;
                if let Err(what) = runtime.block_on(visit(address)) {
                    visits.lost.push(what);
                }
                std::thread::sleep(Duration::from_millis(25));
            }
            visits
        });
        Self { enough, thread }
    }

    /// Calls them back.
    pub(crate) fn call_back(self) -> Visits {
        self.enough.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(visits) => visits,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Asks for the page once.
async fn visit(address: IpAddr) -> Result<(), String> {
    let get = async {
        let client = foobar_stack_load::http_client()
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .resolve("foobar.com", SocketAddr::new(address, 0))
            .timeout(Duration::from_secs(10))
            .build()?;
        client.get("https://foobar.com/").send().await
    };
    match get.await {
        Ok(reply) if reply.status().as_u16() == 200 => Ok(()),
        Ok(reply) => Err(reply.status().to_string()),
        Err(error) => Err(format!("{error:?}")),
    }
}
