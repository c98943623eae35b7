//! The load itself: its tasks, each of which makes one request at a time, and its end.

use crate::client::{Caller, Failure};
use crate::error::LoadError;
use crate::profile::{Profile, Request};
use crate::record::{Outcome, Record};
use crate::shared::Shared;
use crate::socket;
use crate::target::Target;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How many more seconds those may take who wait for a reply when the time is up.
const GRACE: Duration = Duration::from_secs(10);

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
    let shared = Arc::new(Shared::new(profile));
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
        self.shared.stop();
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
        record.unsent += due.saturating_sub(self.shared.taken());
        record.elapsed = sending;
        record
    }
}

/// One connection's worth of requests.
async fn work(shared: &Shared, kept: &Caller, fresh: &Caller) {
    let total = shared.profile.total();
    while !shared.is_over() {
        let number = shared.take_number();
        if number >= total {
            return;
        }
        let due = shared.profile.due(number);
        if shared.elapsed() < due {
            if !shared.until(due).await {
                return;
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

#[cfg(test)]
mod tests;
