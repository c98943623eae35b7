//! What came of the load: counts and latencies, second by second.
//!
//! A latency is counted from the moment at which the request was due, not from that at which a
//! connection was free to send it: a server that stands still for a second is seen as one, and
//! not as a single slow reply.

use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// Latencies in microseconds.
#[derive(Clone)]
pub struct Latencies(Histogram<u32>);

impl std::fmt::Debug for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} up to {:?}", self.count(), self.max())
    }
}

impl Default for Latencies {
    fn default() -> Self {
        // Two digits: one second of a long run has to be small.
        Self(Histogram::new(2).unwrap_or_else(|_| unreachable!("two digits are allowed")))
    }
}

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        // It grows by itself; what does not fit even then is the largest there is.
        if self.0.record(micros).is_err() {
            self.0.saturating_record(u64::MAX >> 1);
        }
    }

    /// Adds those of another.
    pub fn merge(&mut self, other: &Self) {
        // It grows by itself.
        let _ = self.0.add(&other.0);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that this share of the requests (0 to 1) does not exceed; none without any.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        (!self.0.is_empty()).then(|| Duration::from_micros(self.0.value_at_quantile(share)))
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        (!self.0.is_empty()).then(|| Duration::from_micros(self.0.max()))
    }
}

/// What happened in one second, or in some.
#[derive(Debug, Clone, Default)]
pub struct Second {
    /// Requests that were due in it and got a good reply, by their latency.
    pub latencies: Latencies,
    /// Requests that were due in it and failed.
    pub failed: u64,
    /// Requests that were due in it, and were sent again on a new connection since a kept one
    /// was closed before any byte of the reply.
    pub retried: u64,
    /// Good replies that came in it.
    pub answered: u64,
}

impl Second {
    fn merge(&mut self, other: &Self) {
        self.latencies.merge(&other.latencies);
        self.failed += other.failed;
        self.retried += other.retried;
        self.answered += other.answered;
    }
}

/// Failures of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u64,
    /// When the first was due, from the start.
    pub at: Duration,
    /// What the first one was: the request, and the error.
    pub first: String,
}

/// What became of the slow requests.
#[derive(Debug, Clone, Default)]
pub struct Slow {
    /// Those that got a good reply, by the time from sending to its last byte.
    pub latencies: Latencies,
    /// Those that failed.
    pub failed: u64,
}

/// What became of the WebSocket.
#[derive(Debug, Clone, Default)]
pub struct Socket {
    /// How often it was opened.
    pub opened: u64,
    /// How often the server said goodbye, as the protocol wants it.
    pub closed: u64,
    /// How often it could not be opened, or broke without a word.
    pub failed: u64,
    /// Pings that came back, by their time.
    pub pongs: Latencies,
    /// Messages of the server.
    pub messages: u64,
}

/// How one request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// When it was due, from the start.
    pub due: Duration,
    /// When it ended, from the start.
    pub ended: Duration,
    /// Whether it was sent again after a kept connection was closed.
    pub retried: bool,
    /// Bytes of the reply, or the kind of failure and its message.
    pub result: Result<u64, (String, String)>,
}

/// All that came of the load.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Second by second, by when the requests were due.
    pub seconds: Vec<Second>,
    /// What failed, by its kind.
    pub failures: BTreeMap<String, Failures>,
    /// The slow requests.
    pub slow: Slow,
    /// The WebSocket.
    pub socket: Socket,
    /// Connections that were opened.
    pub connections: u64,
    /// Bytes of the replies, without their headers.
    pub bytes: u64,
    /// Requests that were due, but for which no connection was free before the end.
    pub unsent: u64,
    /// How late this machine itself was, where a connection waited for a request to be due.
    pub lag: Latencies,
    /// How long it took.
    pub elapsed: Duration,
}

impl Record {
    /// Adds a request.
    pub fn add(&mut self, outcome: Outcome) {
        self.second(outcome.due).retried += u64::from(outcome.retried);
        match outcome.result {
            Ok(bytes) => {
                self.bytes += bytes;
                let latency = outcome.ended.saturating_sub(outcome.due);
                self.second(outcome.due).latencies.add(latency);
                self.second(outcome.ended).answered += 1;
            }
            Err((kind, message)) => {
                self.second(outcome.due).failed += 1;
                self.fail(kind, message, outcome.due);
            }
        }
    }

    /// Notes a failure, without counting it among the requests.
    pub fn fail(&mut self, kind: String, message: String, at: Duration) {
        let failures = self.failures.entry(kind).or_insert(Failures {
            count: 0,
            at,
            first: message,
        });
        failures.count += 1;
    }

    fn second(&mut self, moment: Duration) -> &mut Second {
        let place = usize::try_from(moment.as_secs()).unwrap_or(usize::MAX);
        if place >= self.seconds.len() {
            self.seconds.resize_with(place + 1, Second::default);
        }
        &mut self.seconds[place]
    }

    /// All seconds as one.
    #[must_use]
    pub fn whole(&self) -> Second {
        self.parts(|_| true)
    }

    /// The seconds that touch this stretch of time, as one.
    #[must_use]
    pub fn between(&self, from: Duration, to: Duration) -> Second {
        self.parts(|second| (from.as_secs()..=to.as_secs()).contains(&second))
    }

    /// The seconds that fit, as one: `|second| …`, counted from the start.
    #[must_use]
    pub fn parts(&self, fits: impl Fn(u64) -> bool) -> Second {
        let mut sum = Second::default();
        for (_, second) in (0_u64..)
            .zip(&self.seconds)
            .filter(|(place, _)| fits(*place))
        {
            sum.merge(second);
        }
        sum
    }

    /// Everything that failed: requests, slow ones, and the WebSocket.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().map(|failures| failures.count).sum()
    }

    /// Good replies a second.
    #[must_use]
    pub fn throughput(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let answered = self.whole().latencies.count() as f64;
        if seconds > 0.0 {
            answered / seconds
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn good(due: u64, ended: u64) -> Outcome {
        Outcome {
            due: ms(due),
            ended: ms(ended),
            retried: false,
            result: Ok(100),
        }
    }

    #[test]
    fn a_pause_of_the_server_is_felt_by_all_who_came_in_it() {
        let mut record = Record::default();
        // Every 10 ms one; from 1 s to 2 s the server stands still.
        for due in (0..4000).step_by(10) {
            let ended = if (1000..2000).contains(&due) {
                2000
            } else {
                due + 1
            };
            record.add(good(due, ended));
        }
        record.elapsed = ms(4000);
        let whole = record.whole();
        assert_eq!(whole.latencies.count(), 400);
        assert!(whole.latencies.quantile(0.5).unwrap() < ms(2));
        assert!(whole.latencies.quantile(0.9).unwrap() > ms(500));
        assert!(whole.latencies.max().unwrap() >= ms(1000));
        let pause = record.between(ms(1000), ms(1900));
        assert_eq!((pause.latencies.count(), pause.answered), (100, 0));
        let quiet = record.parts(|second| second != 1);
        assert!(quiet.latencies.max().unwrap() < ms(2));
        assert!((record.throughput() - 100.0).abs() < 0.01);
    }

    #[test]
    fn failures_are_told_apart_by_kind_with_the_first_of_each() {
        let mut record = Record::default();
        for (due, kind) in [(10, "status 502"), (1500, "status 502"), (20, "timeout")] {
            record.add(Outcome {
                due: ms(due),
                ended: ms(due + 5),
                retried: due == 20,
                result: Err((kind.to_owned(), format!("GET / at {due}"))),
            });
        }
        assert_eq!(record.failed(), 3);
        let failures = &record.failures["status 502"];
        assert_eq!(
            (failures.count, failures.first.as_str()),
            (2, "GET / at 10")
        );
        let whole = record.whole();
        assert_eq!(
            (whole.failed, whole.retried, whole.latencies.count()),
            (3, 1, 0)
        );
        assert_eq!(whole.latencies.quantile(0.99), None);
    }
}
