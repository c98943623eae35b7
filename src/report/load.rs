//! What came of a load, for people and for programs.

use super::text::{BAD, BOLD, CHANGED, DIM, GOOD, count, paint, visible};
use crate::operate::saturation::Saturation;
use foobar_stack_load::{Latencies, Profile, Record, Second};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// What came of a load.
#[derive(Debug, Clone, Copy)]
pub struct Loaded<'a> {
    /// The site's first URL.
    pub site: &'a str,
    /// What was to be done.
    pub profile: &'a Profile,
    /// What was.
    pub record: &'a Record,
    /// What was seen of the server meanwhile.
    pub saturation: &'a Saturation,
}

/// The shares whose latency is told, with their names.
pub(super) const QUANTILES: [(f64, &str); 4] = [
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
];

/// A latency in milliseconds, as short as it tells something.
pub(super) fn millis(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    match ms {
        _ if ms < 10.0 => format!("{ms:.1} ms"),
        _ if ms < 10_000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1000.0),
    }
}

/// The latencies of one kind in a line: `50 %  3.1 ms   90 % …`.
fn latencies(latencies: &Latencies) -> String {
    let mut parts: Vec<String> = QUANTILES
        .iter()
        .filter_map(|(share, name)| {
            let latency = millis(latencies.quantile(*share)?);
            Some(format!("{} {latency}", paint(DIM, name)))
        })
        .collect();
    parts.extend(
        latencies
            .max()
            .map(|max| format!("{} {}", paint(DIM, "max"), millis(max))),
    );
    parts.join("   ")
}

/// Throughput over time as a row of bars, one a second, or one for some seconds each.
fn bars(seconds: &[Second], rate: f64) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let each = seconds.len().div_ceil(60).max(1);
    let mut row = String::new();
    for chunk in seconds.chunks(each) {
        let answered: u64 = chunk.iter().map(|second| second.answered).sum();
        let failed: u64 = chunk.iter().map(|second| second.failed).sum();
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let share = answered as f64 / (rate * chunk.len() as f64);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 7"
        )]
        let level = (share.clamp(0.0, 1.0) * 7.0).round() as usize;
        let style = if failed > 0 { BAD } else { GOOD };
        let _ = write!(row, "{}", paint(style, LEVELS[level]));
    }
    row
}

/// The report for people.
pub(super) fn draw(loaded: &Loaded<'_>) -> String {
    let Loaded {
        profile,
        record,
        saturation,
        ..
    } = loaded;
    let whole = record.whole();
    let mut text = String::new();
    let mut line = |name: &str, words: String| {
        let _ = writeln!(text, "{} {words}", paint(BOLD, format_args!("{name:11}")));
    };
    line(
        "throughput",
        format!(
            "{:.1} replies a second of {} asked for, {:.1} s, {} connections opened",
            record.throughput(),
            profile.rate,
            record.elapsed.as_secs_f64(),
            record.connections
        ),
    );
    line("", bars(&record.seconds, profile.rate));
    line("latency", latencies(&whole.latencies));
    let sent = whole.latencies.count() + whole.failed;
    let failed = if record.failed() == 0 {
        paint(GOOD, "none failed")
    } else {
        paint(BAD, format_args!("{} failed", record.failed()))
    };
    line(
        "requests",
        format!(
            "{}, {failed}",
            count(usize::try_from(sent).unwrap_or(usize::MAX), "request")
        ),
    );
    if whole.retried > 0 {
        let words =
            "sent again, since a kept connection was closed before the reply (RFC 9112, 9.3.1)";
        line("retried", format!("{} {words}", whole.retried));
    }
    if record.unsent > 0 {
        let words = format!("{} found no connection free before the end", record.unsent);
        line("not sent", paint(CHANGED, words));
    }
    if !profile.slow.is_empty() {
        let slow = &record.slow;
        let words = format!(
            "{}, {} failed   {}",
            slow.latencies.count(),
            slow.failed,
            latencies(&slow.latencies)
        );
        line("slow", words);
    }
    if profile.websocket.is_some() {
        let socket = &record.socket;
        line(
            "websocket",
            format!(
                "opened {}, closed by the server {}, failed {}   pings {}",
                socket.opened,
                socket.closed,
                socket.failed,
                latencies(&socket.pongs)
            ),
        );
    }
    for (kind, failures) in &record.failures {
        let at = failures.at.as_secs_f64();
        let words = format!(
            "{} × {}; the first after {at:.1} s: {}",
            failures.count,
            visible(kind),
            visible(&failures.first)
        );
        line("failed", paint(BAD, words));
    }
    line("server", visible(&saturation.sentence).into_owned());
    for unit in &saturation.units {
        let memory = unit.memory.map(|bytes| format!("{:>5} MiB", bytes >> 20));
        let words = format!(
            "{:8} {:28} {:.2} processors {}",
            visible(&unit.role),
            visible(&unit.unit),
            unit.processors,
            memory.unwrap_or_default()
        );
        line("", paint(DIM, words.trim_end()));
    }
    text
}

fn ms(duration: Option<Duration>) -> Value {
    duration.map_or(Value::Null, |duration| {
        json!(duration.as_secs_f64() * 1000.0)
    })
}

fn quantiles(latencies: &Latencies) -> Value {
    json!({
        "p50": ms(latencies.quantile(0.5)),
        "p90": ms(latencies.quantile(0.9)),
        "p99": ms(latencies.quantile(0.99)),
        "p999": ms(latencies.quantile(0.999)),
        "max": ms(latencies.max()),
    })
}

/// The lines for programs: the seconds, then the kinds of failure, then what was used.
pub(super) fn lines(loaded: &Loaded<'_>) -> Vec<Value> {
    let mut lines: Vec<Value> = (0_u64..)
        .zip(&loaded.record.seconds)
        .map(|(at, second)| {
            json!({
                "type": "second",
                "at": at,
                "answered": second.answered,
                "failed": second.failed,
                "retried": second.retried,
                "latency": quantiles(&second.latencies),
            })
        })
        .collect();
    lines.extend(loaded.record.failures.iter().map(|(kind, failures)| {
        json!({
            "type": "failure",
            "kind": kind,
            "count": failures.count,
            "at": failures.at.as_secs_f64(),
            "first": failures.first,
        })
    }));
    lines.push(json!({
        "type": "saturation",
        "text": loaded.saturation.sentence,
        "uses": loaded.saturation.uses,
        "units": loaded.saturation.units,
    }));
    lines
}

/// The figures of the whole.
pub(super) fn summary(loaded: &Loaded<'_>) -> Value {
    let record = loaded.record;
    let whole = record.whole();
    json!({
        "site": loaded.site,
        "rate": loaded.profile.rate,
        "throughput": record.throughput(),
        "seconds": record.elapsed.as_secs_f64(),
        "requests": whole.latencies.count() + whole.failed,
        "failed": record.failed(),
        "retried": whole.retried,
        "unsent": record.unsent,
        "connections": record.connections,
        "bytes": record.bytes,
        "latency": quantiles(&whole.latencies),
        "slow": { "answered": record.slow.latencies.count(), "failed": record.slow.failed, "latency": quantiles(&record.slow.latencies) },
        "websocket": { "opened": record.socket.opened, "closed": record.socket.closed, "failed": record.socket.failed, "messages": record.socket.messages, "pings": quantiles(&record.socket.pongs) },
    })
}
