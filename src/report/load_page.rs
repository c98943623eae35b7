//! What came of a load as one self-contained page: no script, nothing from elsewhere.
//!
//! What stands on it is made here, how it looks is in `load_page.html`.

use super::chart::Chart;
use super::load::{Loaded, QUANTILES, millis};
use crate::operate::saturation::{UnitUse, Use};
use foobar_stack_load::{Latencies, Record, Request, Second};
use serde::Serialize;
use std::time::Duration;
use tera::{Context, Tera, TeraResult};

const TEMPLATE: &str = include_str!("load_page.html");

/// Colours of curves, readable on both backgrounds.
const COLOURS: [&str; 4] = ["#2f81f7", "#a371f7", "#d29922", "#db6d28"];

/// The shares of the requests whose latency stands in the table.
const SHARES: [f64; 11] = [
    0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1.0,
];

/// What the template sees.
#[derive(Debug, Serialize)]
struct View<'a> {
    site: &'a str,
    rate: String,
    seconds: String,
    connections: usize,
    fresh: String,
    requests: String,
    cards: Vec<Card>,
    sentence: &'a str,
    charts: [Chart; 2],
    shares: [ShareView; 11],
    failures: Vec<FailureView<'a>>,
    uses: Vec<UseView<'a>>,
    units: Vec<UnitView<'a>>,
}

/// A figure of the whole load.
#[derive(Debug, Serialize)]
struct Card {
    name: &'static str,
    value: String,
    class: &'static str,
}

#[derive(Debug, Serialize)]
struct ShareView {
    share: String,
    latency: String,
}

#[derive(Debug, Serialize)]
struct FailureView<'a> {
    kind: &'a str,
    count: u64,
    after: String,
    first: &'a str,
}

#[derive(Debug, Serialize)]
struct UseView<'a> {
    what: &'a str,
    figures: &'a str,
    is_full: bool,
}

#[derive(Debug, Serialize)]
struct UnitView<'a> {
    role: &'a str,
    unit: &'a str,
    processors: String,
    memory: String,
}

/// The page.
///
/// # Errors
/// When the template does not fit what it is given, which would be a mistake of this program.
pub fn page(loaded: &Loaded<'_>) -> TeraResult<String> {
    // The name ends in .html, so every value is escaped.
    let mut tera = Tera::new();
    tera.add_raw_template("load_page.html", TEMPLATE)?;
    tera.render("load_page.html", &Context::from_serialize(&view(loaded))?)
}

fn view<'a>(loaded: &Loaded<'a>) -> View<'a> {
    let Loaded {
        site,
        profile,
        record,
        saturation,
    } = *loaded;
    let requests: Vec<String> = profile.requests.iter().map(Request::title).collect();
    View {
        site,
        rate: profile.rate.to_string(),
        seconds: format!("{:.0}", record.elapsed.as_secs_f64()),
        connections: profile.connections,
        fresh: format!("{:.0}", profile.fresh * 100.0),
        requests: requests.join(", "),
        cards: cards(record),
        sentence: &saturation.sentence,
        charts: [
            throughput(&record.seconds, profile.rate),
            latency(&record.seconds),
        ],
        shares: shares(&record.whole().latencies),
        failures: failures(record),
        uses: saturation.uses.iter().map(use_view).collect(),
        units: saturation.units.iter().map(unit_view).collect(),
    }
}

fn or_dash(latency: Option<Duration>) -> String {
    latency.map_or("–".to_owned(), millis)
}

fn cards(record: &Record) -> Vec<Card> {
    let whole = record.whole();
    let card = |name, value: String| Card {
        name,
        value,
        class: "",
    };
    let failed = record.failed();
    let mut cards = vec![
        card("replies a second", format!("{:.1}", record.throughput())),
        Card {
            class: if failed > 0 { "bad" } else { "good" },
            ..card("failed", failed.to_string())
        },
    ];
    for (share, name) in QUANTILES {
        cards.push(card(name, or_dash(whole.latencies.quantile(share))));
    }
    cards.push(card("longest", or_dash(whole.latencies.max())));
    cards.push(card("sent again", whole.retried.to_string()));
    cards
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn throughput(seconds: &[Second], rate: f64) -> Chart {
    let ended = |second: &Second| (second.answered + second.failed) as f64;
    let most = seconds.iter().map(ended).fold(rate, f64::max);
    let failed = seconds.iter().map(|second| second.failed as f64);
    Chart::new("Throughput", seconds.len(), most, |value| {
        format!("{value:.0}")
    })
    .bars(
        "replies in each second",
        "#2f81f7",
        seconds.iter().map(ended),
    )
    .bars("failed requests", "#d1242f", failed)
}

fn latency(seconds: &[Second]) -> Chart {
    let of = |second: &Second, share: f64| {
        let latency = second.latencies.quantile(share)?;
        Some(latency.as_secs_f64() * 1000.0)
    };
    let highest = seconds
        .iter()
        .filter_map(|second| of(second, 0.999))
        .fold(0.0, f64::max);
    let label = |value: f64| {
        if value >= 10.0 {
            format!("{value:.0} ms")
        } else {
            format!("{value:.1} ms")
        }
    };
    let title = "Latency, from the moment a request was due";
    let chart = Chart::new(title, seconds.len(), highest, label);
    let curves = QUANTILES.into_iter().zip(COLOURS);
    curves.fold(chart, |chart, ((share, name), colour)| {
        chart.curve(name, colour, seconds.iter().map(|second| of(second, share)))
    })
}

/// Latency over the share of requests, with more room for the slowest.
fn shares(latencies: &Latencies) -> [ShareView; 11] {
    SHARES.map(|share| ShareView {
        share: if share < 1.0 {
            format!("{} %", (share * 1e6_f64).round() / 1e4)
        } else {
            "all".to_owned()
        },
        latency: or_dash(latencies.quantile(share)),
    })
}

fn failures(record: &Record) -> Vec<FailureView<'_>> {
    let failures = record.failures.iter();
    failures
        .map(|(kind, failures)| FailureView {
            kind,
            count: failures.count,
            after: format!("{:.1} s", failures.at.as_secs_f64()),
            first: &failures.first,
        })
        .collect()
}

fn use_view(one: &Use) -> UseView<'_> {
    UseView {
        what: &one.what,
        figures: &one.figures,
        is_full: one.since.is_some(),
    }
}

fn unit_view(one: &UnitUse) -> UnitView<'_> {
    UnitView {
        role: &one.role,
        unit: &one.unit,
        processors: format!("{:.2}", one.processors),
        memory: one
            .memory
            .map_or("–".to_owned(), |bytes| format!("{} MiB", bytes >> 20)),
    }
}

#[cfg(test)]
mod tests;
