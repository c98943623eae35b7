//! What came of a load as one self-contained page: no script, nothing from elsewhere.

use super::load::{Loaded, QUANTILES, millis};
use crate::load::{Record, Second};
use std::fmt::Write as _;
use std::time::Duration;

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 180.0;

/// Colours of lines, readable on both backgrounds.
const COLOURS: [&str; 4] = ["#2f81f7", "#a371f7", "#d29922", "#db6d28"];

const STYLE: &str = "
:root { color-scheme: light dark; --text: #1f2328; --soft: #656d76; --line: #d0d7de; --paper: #fff; --card: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #8d96a0; --line: #30363d; --paper: #0d1117; --card: #161b22; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--paper); max-width: 960px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
p.soft, .soft { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: .75rem; margin: 1.5rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem; }
.card b { display: block; font-size: 1.3rem; } .bad { color: #d1242f; } .good { color: #1a7f37; }
.verdict { border-left: 4px solid #2f81f7; background: var(--card); padding: .7rem 1rem; border-radius: 0 8px 8px 0; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
.grid { stroke: var(--line); stroke-width: 1; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
";

/// The page.
#[must_use]
pub fn page(loaded: &Loaded<'_>) -> String {
    let mut page = String::new();
    let title = format!("Load on {}", escape(loaded.site));
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n"
    );
    let profile = loaded.profile;
    let asked: Vec<String> = profile
        .requests
        .iter()
        .map(|one| escape(&one.title()))
        .collect();
    let _ = writeln!(
        page,
        "<p class=\"soft\">{} requests a second for {:.0} s over up to {} connections, {:.0} % of them on new ones: {}</p>",
        profile.rate,
        loaded.record.elapsed.as_secs_f64(),
        profile.connections,
        profile.fresh * 100.0,
        asked.join(", ")
    );
    cards(&mut page, loaded.record);
    let _ = writeln!(
        page,
        "<p class=\"verdict\">{}</p>",
        escape(&loaded.verdict.sentence)
    );
    throughput(&mut page, loaded);
    latency(&mut page, &loaded.record.seconds);
    distribution(&mut page, loaded.record);
    failures(&mut page, loaded.record);
    server(&mut page, loaded);
    page.push_str("</html>\n");
    page
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn cards(page: &mut String, record: &Record) {
    let whole = record.whole();
    page.push_str("<div class=\"cards\">\n");
    let mut card = |name: &str, value: &str, class: &str| {
        let _ = writeln!(
            page,
            "<div class=\"card\"><span class=\"soft\">{name}</span><b class=\"{class}\">{value}</b></div>"
        );
    };
    card(
        "replies a second",
        &format!("{:.1}", record.throughput()),
        "",
    );
    let failed = record.failed();
    let class = if failed > 0 { "bad" } else { "good" };
    card("failed", &failed.to_string(), class);
    for (share, name) in QUANTILES {
        let latency = whole
            .latencies
            .quantile(share)
            .map_or("–".to_owned(), millis);
        card(name, &latency, "");
    }
    card(
        "longest",
        &whole.latencies.max().map_or("–".to_owned(), millis),
        "",
    );
    card("sent again", &whole.retried.to_string(), "");
    page.push_str("</div>\n");
}

/// A chart: its scales, and what is drawn into it.
struct Chart {
    body: String,
    seconds: f64,
    most: f64,
}

impl Chart {
    /// A chart of so many seconds with values up to `most`, whose lines are labelled by `label`.
    #[expect(clippy::cast_precision_loss, reason = "seconds are few")]
    fn new(seconds: usize, most: f64, label: impl Fn(f64) -> String) -> Self {
        let mut chart = Self {
            body: String::new(),
            seconds: seconds.max(1) as f64,
            most: round(most),
        };
        for part in 0..=4 {
            let value = chart.most * f64::from(part) / 4.0;
            let y = chart.y(value);
            let _ = writeln!(
                chart.body,
                "<line class=\"grid\" x1=\"50\" y1=\"{y:.1}\" x2=\"{WIDTH}\" y2=\"{y:.1}\"/>\
                 <text x=\"44\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                y + 4.0,
                escape(&label(value))
            );
        }
        let step = (seconds / 10).max(1);
        for second in (0..=seconds).step_by(step) {
            let x = chart.x(second as f64);
            let _ = writeln!(
                chart.body,
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{second} s</text>",
                HEIGHT + 18.0
            );
        }
        chart
    }

    fn x(&self, second: f64) -> f64 {
        50.0 + (WIDTH - 60.0) * second / self.seconds
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - (HEIGHT - 14.0) * (value / self.most).min(1.0)
    }

    /// A line through the middles of the seconds; a second without a value breaks it.
    fn line(&mut self, colour: &str, values: impl Iterator<Item = Option<f64>>) {
        let mut path = String::new();
        let mut pen = 'M';
        #[expect(clippy::cast_precision_loss, reason = "seconds are few")]
        for (second, value) in values.enumerate() {
            match value {
                Some(value) => {
                    let (x, y) = (self.x(second as f64 + 0.5), self.y(value));
                    let _ = write!(path, "{pen}{x:.1} {y:.1} ");
                    pen = 'L';
                }
                None => pen = 'M',
            }
        }
        let path = path.trim_end();
        let _ = writeln!(
            self.body,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-linejoin=\"round\" stroke-linecap=\"round\"/>"
        );
    }

    /// A bar from the bottom for each second.
    fn bars(&mut self, colour: &str, values: impl Iterator<Item = f64>) {
        #[expect(clippy::cast_precision_loss, reason = "seconds are few")]
        for (second, value) in values.enumerate().filter(|(_, value)| *value > 0.0) {
            let (left, right) = (self.x(second as f64 + 0.1), self.x(second as f64 + 0.9));
            let y = self.y(value).min(HEIGHT - 2.0);
            let _ = writeln!(
                self.body,
                "<rect x=\"{left:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
                right - left,
                HEIGHT - y
            );
        }
    }

    fn draw(self, page: &mut String, title: &str, legend: &[(&str, &str)]) {
        let keys: Vec<String> = legend
            .iter()
            .map(|(colour, name)| format!("<span style=\"color:{colour}\">■</span> {name}"))
            .collect();
        let _ = writeln!(
            page,
            "<h2>{title}</h2>\n<p class=\"soft\">{}</p>\n<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{title}\">\n{}</svg>",
            keys.join(" &nbsp; "),
            HEIGHT + 24.0,
            self.body
        );
    }
}

/// The next round number: 1, 2, 4 or 8 times a power of ten.
fn round(most: f64) -> f64 {
    let power = 10_f64.powf(most.max(1e-3).log10().floor());
    let fits = [1.0, 2.0, 4.0, 8.0, 10.0].map(|factor| factor * power);
    fits.into_iter()
        .find(|value| *value >= most * 0.999)
        .unwrap_or(most)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn throughput(page: &mut String, loaded: &Loaded<'_>) {
    let seconds = &loaded.record.seconds;
    let most = seconds
        .iter()
        .map(|second| second.answered + second.failed)
        .max()
        .unwrap_or(0);
    let most = (most as f64).max(loaded.profile.rate);
    let mut chart = Chart::new(seconds.len(), most, |value| format!("{value:.0}"));
    chart.bars(
        "#2f81f7",
        seconds
            .iter()
            .map(|second| (second.answered + second.failed) as f64),
    );
    chart.bars("#d1242f", seconds.iter().map(|second| second.failed as f64));
    let legend = [
        ("#2f81f7", "replies in each second"),
        ("#d1242f", "failed requests"),
    ];
    chart.draw(page, "Throughput", &legend);
}

fn latency(page: &mut String, seconds: &[Second]) {
    let of = |second: &Second, share: f64| {
        let latency: Option<Duration> = second.latencies.quantile(share);
        latency.map(|latency| latency.as_secs_f64() * 1000.0)
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
    let mut chart = Chart::new(seconds.len(), highest, label);
    let mut legend = Vec::new();
    for ((share, name), colour) in QUANTILES.into_iter().zip(COLOURS) {
        chart.line(colour, seconds.iter().map(|second| of(second, share)));
        legend.push((colour, name));
    }
    chart.draw(page, "Latency, from the moment a request was due", &legend);
}

/// Latency over the share of requests, with more room for the slowest.
fn distribution(page: &mut String, record: &Record) {
    let whole = record.whole().latencies;
    let shares = [
        0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1.0,
    ];
    let _ = writeln!(
        page,
        "<h2>Latency by share of the requests</h2>\n<table><tr>"
    );
    for share in shares {
        let _ = write!(
            page,
            "<th class=\"number\">{}</th>",
            if share < 1.0 {
                format!("{} %", (share * 1e6_f64).round() / 1e4)
            } else {
                "all".to_owned()
            }
        );
    }
    page.push_str("</tr><tr>");
    for share in shares {
        let _ = write!(
            page,
            "<td class=\"number\">{}</td>",
            whole.quantile(share).map_or("–".to_owned(), millis)
        );
    }
    page.push_str("</tr></table>\n");
}

fn failures(page: &mut String, record: &Record) {
    if record.failures.is_empty() {
        return;
    }
    page.push_str("<h2>Failures</h2>\n<table><tr><th>kind</th><th class=\"number\">count</th><th class=\"number\">first after</th><th>the first one</th></tr>\n");
    for (kind, failures) in &record.failures {
        let _ = writeln!(
            page,
            "<tr><td class=\"bad\">{}</td><td class=\"number\">{}</td><td class=\"number\">{:.1} s</td><td>{}</td></tr>",
            escape(kind),
            failures.count,
            failures.at.as_secs_f64(),
            escape(&failures.first)
        );
    }
    page.push_str("</table>\n");
}

fn server(page: &mut String, loaded: &Loaded<'_>) {
    let verdict = loaded.verdict;
    if verdict.units.is_empty() {
        return;
    }
    page.push_str("<h2>The server meanwhile</h2>\n<table><tr><th>what</th><th>figures</th></tr>\n");
    for one in &verdict.uses {
        let class = if one.since.is_some() {
            " class=\"bad\""
        } else {
            ""
        };
        let _ = writeln!(
            page,
            "<tr><td{class}>{}</td><td>{}</td></tr>",
            escape(&one.what),
            escape(&one.figures)
        );
    }
    page.push_str("</table>\n<table><tr><th>role</th><th>unit</th><th class=\"number\">processors</th><th class=\"number\">memory</th></tr>\n");
    for unit in &verdict.units {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td class=\"number\">{:.2}</td><td class=\"number\">{}</td></tr>",
            escape(&unit.role),
            escape(&unit.unit),
            unit.processors,
            unit.memory
                .map_or("–".to_owned(), |bytes| format!("{} MiB", bytes >> 20))
        );
    }
    page.push_str("</table>\n");
}

#[cfg(test)]
mod tests;
