//! Load: many requests to the inventory's own server, and what became of each.
//!
//! The requests come at a fixed rate, whatever the server does (an open loop): a worker takes
//! the next number, waits until its request is due, and sends it. When every worker still waits
//! for a reply, requests are late, and their latency says so. It is bounded by its duration.
//!
//! [`profile`] says what is asked, [`record`] what came of it; both are pure. What the server
//! was doing meanwhile is sampled by [`crate::operate::samples`].

mod client;
pub mod profile;
pub mod record;
mod socket;
mod target;
pub mod verdict;

pub use profile::{Profile, Protocol, Request};
pub use record::{Latencies, Outcome, Record, Second};
pub use target::{LoadError, Target, Trust};

use client::{Caller, Failure};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How many more seconds those may take who wait for a reply when the time is up.
const GRACE: Duration = Duration::from_secs(10);

/// What the tasks of one load share.
struct Shared {
    profile: Profile,
    began: Instant,
    next: AtomicU64,
    record: Mutex<Record>,
    end: watch::Sender<bool>,
}

impl Shared {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether nothing more is to be sent.
    fn is_over(&self) -> bool {
        *self.end.borrow() || self.elapsed() >= self.profile.duration
    }

    /// Waits until nothing more is to be sent.
    async fn over(&self) {
        let mut end = self.end.subscribe();
        tokio::select! {
            () = sleep_until(self.began + self.profile.duration) => {}
            _ = end.wait_for(|end| *end) => {}
        }
    }
}

/// A load that is under way. Dropped, it stops.
pub struct Load {
    shared: Arc<Shared>,
    workers: tokio::task::JoinSet<()>,
}

/// Begins one, in this runtime.
///
/// # Errors
/// When the profile cannot be carried out, or no client can be made.
pub fn start(target: &Target, profile: Profile) -> Result<Load, LoadError> {
    profile.check()?;
    let mut callers = Vec::new();
    for _ in 0..profile.connections {
        let caller = |keep| Caller::new(target, profile.protocol, profile.timeout, keep);
        callers.push((caller(1)?, caller(0)?));
    }
    let mut slow = Vec::new();
    for path in &profile.slow {
        let caller = Caller::new(target, profile.protocol, profile.timeout * 6, 1)?;
        let request = Request {
            path: path.clone(),
            body: None,
            weight: 1,
        };
        slow.push((caller, request));
    }
    let shared = Arc::new(Shared {
        began: Instant::now(),
        next: AtomicU64::new(0),
        record: Mutex::default(),
        end: watch::Sender::new(false),
        profile,
    });
    let mut workers = tokio::task::JoinSet::new();
    for (kept, fresh) in callers {
        let shared = Arc::clone(&shared);
        workers.spawn(async move {
            work(&shared, &kept, &fresh).await;
            shared.record().connections += kept.opened() + fresh.opened();
        });
    }
    for (caller, request) in slow {
        let shared = Arc::clone(&shared);
        workers.spawn(async move {
            ask_slowly(&shared, &caller, &request).await;
            shared.record().connections += caller.opened();
        });
    }
    if let Some(path) = shared.profile.websocket.clone() {
        let (shared, target) = (Arc::clone(&shared), target.clone());
        workers.spawn(async move {
            let limit = shared.profile.timeout;
            socket::keep(&shared, &target, &path, limit).await;
        });
    }
    Ok(Load { shared, workers })
}

impl Load {
    /// How long it has been under way.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.shared.elapsed()
    }

    /// How many requests got a good reply so far, and how much has failed.
    #[must_use]
    pub fn so_far(&self) -> (u64, u64) {
        let record = self.shared.record();
        (record.whole().latencies.count(), record.failed())
    }

    /// Sends nothing more; what is under way is waited for by [`Load::finish`].
    pub fn stop(&self) {
        self.shared.end.send_replace(true);
    }

    /// Waits for its end: that of its duration, or of what is under way after [`Load::stop`].
    pub async fn finish(mut self) -> Record {
        self.shared.over().await;
        let sending = self.shared.elapsed().min(self.shared.profile.duration);
        // Each request has its time limit, so this one is met only by what goes round in it.
        let longest = self.shared.profile.timeout * 6 + GRACE;
        let all = async { while self.workers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(longest, all).await;
        let mut record = std::mem::take(&mut *self.shared.record());
        let due = self.shared.profile.due_until(sending);
        let sent = self.shared.next.load(Ordering::Relaxed);
        record.unsent += due.saturating_sub(sent);
        record.elapsed = sending;
        record
    }
}

/// One connection's worth of requests.
async fn work(shared: &Shared, kept: &Caller, fresh: &Caller) {
    let total = shared.profile.total();
    while !shared.is_over() {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        if number >= total {
            return;
        }
        let due = shared.profile.due(number);
        if shared.elapsed() < due {
            tokio::select! {
                biased;
                () = sleep_until(shared.began + due) => {}
                () = shared.over() => return,
            }
            let late = shared.elapsed().saturating_sub(due);
            shared.record().lag.add(late);
        }
        let request = shared.profile.request(number);
        let caller = if shared.profile.is_fresh(number) {
            fresh
        } else {
            kept
        };
        let mut retried = false;
        let mut result = caller.ask(request).await;
        if let Err(Failure { closed: true, .. }) = result
            && (request.body.is_none() || shared.profile.retry_posts)
        {
            retried = true;
            result = caller.ask(request).await;
        }
        let outcome = Outcome {
            due,
            ended: shared.elapsed(),
            retried,
            result: result.map_err(|failure| {
                let message = format!("{}: {}", request.title(), failure.message);
                (failure.kind, message)
            }),
        };
        shared.record().add(outcome);
    }
}

/// A slow path, again and again.
async fn ask_slowly(shared: &Shared, caller: &Caller, request: &Request) {
    while !shared.is_over() {
        let (began, sent) = (shared.elapsed(), Instant::now());
        let mut result = caller.ask(request).await;
        if let Err(Failure { closed: true, .. }) = result {
            result = caller.ask(request).await;
        }
        let failing = result.is_err();
        {
            let mut record = shared.record();
            match result {
                Ok(_) => record.slow.latencies.add(sent.elapsed()),
                Err(failure) => {
                    record.slow.failed += 1;
                    let message = format!("{}: {}", request.title(), failure.message);
                    record.fail(format!("slow: {}", failure.kind), message, began);
                }
            }
        }
        if failing {
            // What fails at once is not asked a thousand times a second.
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
                () = shared.over() => return,
            }
        }
    }
}

/// A load on threads of its own, beside whatever else happens.
pub struct Background {
    load: Option<Load>,
    runtime: tokio::runtime::Runtime,
}

impl Background {
    /// Begins one.
    ///
    /// # Errors
    /// As [`start`], or when there are no threads to be had.
    pub fn start(target: &Target, profile: Profile) -> Result<Self, LoadError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|source| LoadError::Threads { source })?;
        let load = runtime.block_on(async { start(target, profile) })?;
        Ok(Self {
            load: Some(load),
            runtime,
        })
    }

    /// How long it has been under way: to note what happened when.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.load.as_ref().map_or(Duration::ZERO, Load::elapsed)
    }

    /// How many requests got a good reply so far, and how much has failed.
    #[must_use]
    pub fn so_far(&self) -> (u64, u64) {
        self.load.as_ref().map_or((0, 0), Load::so_far)
    }

    /// Ends it, waits for what is under way, and gives what came of it all.
    #[must_use]
    pub fn end(mut self) -> Record {
        let Some(load) = self.load.take() else {
            return Record::default();
        };
        load.stop();
        self.runtime.block_on(load.finish())
    }
}

#[cfg(test)]
mod tests;
