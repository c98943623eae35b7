//! What the tasks of one load share: the profile, the clock, the record, and the end.

use crate::profile::Profile;
use crate::record::Record;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The state of a load that is under way.
pub(crate) struct Shared {
    pub(crate) profile: Profile,
    began: Instant,
    next: AtomicU64,
    record: Mutex<Record>,
    end: watch::Sender<bool>,
}

impl Shared {
    /// A load that begins now.
    pub(crate) fn new(profile: Profile) -> Self {
        Self {
            profile,
            began: Instant::now(),
            next: AtomicU64::new(0),
            record: Mutex::default(),
            end: watch::Sender::new(false),
        }
    }

    /// The number of the next request.
    pub(crate) fn take_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// How many numbers were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Sends nothing more.
    pub(crate) fn stop(&self) {
        self.end.send_replace(true);
    }

    /// Whether nothing more is to be sent.
    pub(crate) fn is_over(&self) -> bool {
        *self.end.borrow() || self.elapsed() >= self.profile.duration
    }

    /// Waits until nothing more is to be sent.
    pub(crate) async fn over(&self) {
        let mut end = self.end.subscribe();
        tokio::select! {
            () = sleep_until(self.began + self.profile.duration) => {}
            _ = end.wait_for(|end| *end) => {}
        }
    }

    /// Waits until this moment from the start; false if nothing more is to be sent before.
    pub(crate) async fn until(&self, moment: Duration) -> bool {
        tokio::select! {
            biased;
            () = sleep_until(self.began + moment) => true,
            () = self.over() => false,
        }
    }
}
