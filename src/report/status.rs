//! How a site is, and the lines of its logs, for people.

use super::backups::backup_lines;
use super::rollover::rollover_lines;
use super::text::{BAD, BOLD, CHANGED, DIM, GOOD, PLACE, paint, size, span, visible, visible_line};
use crate::operate::logs::Line;
use crate::operate::status::{Renewal, Status, UnitStatus};
use crate::types::minute;
use std::fmt::Write as _;

/// From this few days on a certificate that is not renewed soon is trouble.
const FEW_DAYS: i64 = 14;

/// The report on a site.
pub(super) fn draw(site: &str, status: &Status) -> String {
    let mut text = String::new();
    #[expect(clippy::cast_possible_truncation, reason = "an uptime fits")]
    let uptime = span(status.uptime as i64);
    let _ = writeln!(
        text,
        "{}  up {uptime}, load {:.2}{}\n",
        paint(BOLD, visible(site)),
        status.load,
        status.memory.map_or(String::new(), |(all, free)| format!(
            ", {} of {} memory available",
            size(free),
            size(all)
        ))
    );
    let width = status
        .units
        .iter()
        .map(|unit| unit.unit.chars().count())
        .max()
        .unwrap_or(0);
    for unit in &status.units {
        let _ = writeln!(text, "{}", unit_line(unit, width, status.now));
    }
    text.push('\n');
    for (name, words) in lines(status) {
        let _ = writeln!(text, "{}  {words}", paint(DIM, format_args!("{name:12}")));
    }
    text
}

/// Which security upgrades are pending, and how the last unattended run ended.
fn upgrade_lines(status: &Status) -> Vec<(&'static str, String)> {
    let upgrades = &status.upgrades;
    let words = upgrades.to_string();
    let good = upgrades.are_settled();
    let mut lines = vec![("upgrades", if good { words } else { paint(CHANGED, words) })];
    let Some(record) = &status.unattended else {
        return lines;
    };
    let mut words = match record.ran {
        Some(ran) => format!("by itself, the last time at {}", minute(ran)),
        None => "by itself, not yet".to_owned(),
    };
    if let Some((time, packages)) = &record.upgraded {
        let _ = write!(
            words,
            "; upgraded at {}: {}",
            minute(*time),
            visible(packages)
        );
    }
    lines.push(("", words));
    if let Some((time, why)) = &record.failed {
        let words = format!("failed at {}: {}", minute(*time), visible(why));
        lines.push(("", paint(BAD, words)));
    }
    lines
}

fn unit_line(unit: &UnitStatus, width: usize, now: i64) -> String {
    let (mark, style) = match unit.state.as_str() {
        "active" => ('●', GOOD),
        "failed" => ('✗', BAD),
        _ if unit.once => ('○', DIM),
        _ => ('○', CHANGED),
    };
    let since = unit.since.map(|since| now - since);
    let state = match since {
        Some(since) => format!("for {}", span(since)),
        None => format!("{} ({})", unit.state, unit.detail),
    };
    let mut words = vec![
        unit.memory.map(size).unwrap_or_default(),
        unit.cpu
            .zip(since.filter(|since| *since > 0))
            .map_or(String::new(), |(cpu, since)| {
                #[expect(clippy::cast_precision_loss, reason = "times stay far below 2^52")]
                let share = cpu as f64 / 10_000.0 / since as f64;
                format!("{share:.1} % CPU")
            }),
    ];
    if unit.restarts > 0 {
        words.push(paint(
            CHANGED,
            format_args!("started again {} ×", unit.restarts),
        ));
    }
    words.extend(
        unit.release
            .as_ref()
            .map(|id| format!("release {}", visible(short(id)))),
    );
    format!(
        "{} {:8}  {:width$}  {state:16}  {}",
        paint(style, mark),
        visible(&unit.role),
        visible(&unit.unit),
        format!(
            "{:>8}  {:>10}  {}",
            words[0],
            words[1],
            words[2..].join("  ")
        )
        .trim_end()
    )
}

/// Whose a thing is, by the last part of its path, where there are several.
fn whose(path: &str, several: usize) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    if several > 1 {
        format!(" of {}", visible(name))
    } else {
        String::new()
    }
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// What should be known beside the units.
fn lines(status: &Status) -> Vec<(&'static str, String)> {
    let now = status.now;
    let mut lines = Vec::new();
    let mut closed: Vec<(i64, String)> = Vec::new();
    for site in &status.closed_sites {
        closed.push((site.since, format!(" of {}", visible(&site.domain))));
    }
    if let (Some(since), true) = (status.maintenance, closed.is_empty()) {
        closed.push((since, String::new()));
    }
    for (since, whose) in closed {
        let words = format!("ON for {}: visitors{whose} get 503", span(now - since));
        lines.push(("maintenance", paint(BAD, words)));
    }
    for release in &status.releases {
        let since = release.since.map_or(String::new(), |since| {
            format!(", for {}", span(now - since))
        });
        let whose = whose(&release.path, status.releases.len());
        let id = visible(short(&release.id));
        lines.push(("release", format!("{id}{whose}{since}")));
    }
    if let Some(requests) = status.requests {
        let open = status.connections.unwrap_or_default();
        lines.push((
            "requests",
            format!("{requests} since Nginx runs, {open} connections open"),
        ));
    }
    lines.push(match &status.last_apply {
        Some(last) => {
            let what = format!(
                "{} ago ({}) by {}: {}, generation {}",
                span(now - last.time),
                minute(last.time),
                visible(&last.who),
                visible(&last.changes),
                last.generation
            );
            ("last apply", what)
        }
        None => ("last apply", "none yet".to_owned()),
    });
    for certificate in &status.certificates {
        let file = certificate.path.trim_end_matches(".pem");
        let words = format!(
            "{} days left{}, until {}",
            certificate.days,
            whose(file, status.certificates.len()),
            minute(certificate.until)
        );
        let style = if certificate.days < FEW_DAYS {
            BAD
        } else {
            GOOD
        };
        lines.push(("certificate", paint(style, words)));
        let names = certificate.names.join(", ");
        let words = format!(
            "for {}, issued by {}",
            visible(&names),
            visible(&certificate.issuer)
        );
        lines.push(("", words));
        let renewal = certificate.renewal.as_ref();
        lines.extend(renewal.map(|renewal| renewed(renewal, now)));
        if let Some(caa) = renewal.and_then(|renewal| renewal.caa.as_ref()) {
            let words = "as a CAA record, this lets nobody else order one for these names:";
            lines.push(("", words.to_owned()));
            lines.push(("", format!("0 issue \"{}\"", visible(caa))));
        }
    }
    for record in &status.ds_records {
        lines.push(("registrar", visible(record).into_owned()));
    }
    let rollovers = status.rollovers.iter().flat_map(rollover_lines);
    lines.extend(rollovers.map(|line| ("", line)));
    for (unit, reaction) in &status.pending {
        let words = format!(
            "{} of {} is pending: apply",
            visible(reaction),
            visible(unit)
        );
        lines.push(("pending", paint(CHANGED, words)));
    }
    for disk in &status.disks {
        let words = format!(
            "{}  {} of {} free",
            visible(&disk.place),
            size(disk.free),
            size(disk.size)
        );
        let low = disk.free < disk.size / 20;
        lines.push(("disk", if low { paint(BAD, words) } else { words }));
    }
    lines.extend(backup_lines(status));
    lines.extend(upgrade_lines(status));
    if !status.replaced.is_empty() {
        let units = status.replaced.join(", ");
        let words = format!(
            "needed by {}: an upgrade has replaced what it runs",
            visible(&units)
        );
        lines.push(("restart", paint(CHANGED, words)));
    }
    for unit in &status.waiting {
        let words = "its drop-in is newer than its start, and holds from the next one on";
        lines.push(("drop-in", format!("{}: {words}", visible(unit))));
    }
    if let Some(packages) = &status.reboot {
        let words = format!("required by {}", visible(packages));
        lines.push(("reboot", paint(CHANGED, words)));
    }
    lines
}

/// How the renewal of a certificate is.
fn renewed(renewal: &Renewal, now: i64) -> (&'static str, String) {
    let ago = |time: Option<i64>| {
        time.map_or("never".to_owned(), |time| {
            format!("{} ago", span(now - time))
        })
    };
    let Some(because) = &renewal.because else {
        let suggested = renewal.suggested.map_or(String::new(), |time| {
            format!(", suggested by the authority for {}", minute(time))
        });
        let words = format!("checked {}{suggested}", ago(renewal.checked));
        return ("renewal", words);
    };
    let next = renewal.next.map_or(0, |next| next - now);
    let words = format!(
        "failed {}, tried again in {}: {}",
        ago(renewal.failed),
        span(next),
        visible(because)
    );
    ("renewal", paint(BAD, words))
}

/// A line of a log.
pub(super) fn log_line(line: &Line) -> String {
    let time = line.time.map_or(String::new(), |time| {
        let time = jiff::Timestamp::from_microsecond(time).unwrap_or_default();
        format!("{} ", paint(DIM, time.strftime("%b %d %H:%M:%S")))
    });
    let text = visible_line(&line.text);
    let text = match line.priority {
        Some(0..=3) => paint(BAD, text),
        Some(4) => paint(CHANGED, text),
        _ => text.into_owned(),
    };
    format!(
        "{time}{:8} {} {text}",
        visible(&line.role),
        paint(PLACE, visible(&line.who))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::status::ClosedSite;

    #[test]
    fn a_line_cannot_move_the_cursor() {
        let line = Line {
            who: "app[1]\u{1b}[2J".to_owned(),
            text: "a\u{1b}]0;x\u{7}\tb".to_owned(),
            priority: Some(6),
            ..Line::default()
        };
        let drawn = anstream::adapter::strip_str(&log_line(&line)).to_string();
        assert!(
            drawn.ends_with("app[1]\\u{1b}[2J a\\u{1b}]0;x\\u{7}\tb"),
            "{drawn}"
        );
    }

    #[test]
    fn a_closed_site_is_named() {
        let closed = |domain: &str, since| ClosedSite {
            domain: domain.to_owned(),
            since,
        };
        let status = Status {
            maintenance: Some(0),
            closed_sites: vec![closed("shop.example", 60), closed("blog.example", 0)],
            now: 120,
            ..Status::default()
        };
        let text = anstream::adapter::strip_str(&draw("shop", &status)).to_string();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("503")).collect();
        assert_eq!(
            lines,
            [
                "maintenance   ON for 1 min: visitors of shop.example get 503",
                "maintenance   ON for 2 min: visitors of blog.example get 503"
            ]
        );
    }

    #[test]
    fn trouble_is_told() {
        let status = Status {
            maintenance: Some(0),
            now: 65,
            reboot: Some("libc6".to_owned()),
            replaced: vec!["named.service".to_owned(), "nginx.service".to_owned()],
            waiting: vec!["nginx.service".to_owned()],
            pending: vec![("mysql.service".to_owned(), "restart".to_owned())],
            ..Status::default()
        };
        let text = anstream::adapter::strip_str(&draw("https://foobar.com", &status)).to_string();
        for words in [
            "ON for 1 min: visitors get 503",
            "required by libc6",
            "restart of mysql.service is pending",
            "needed by named.service, nginx.service: an upgrade",
            "none yet",
            "nginx.service: its drop-in is newer than its start",
        ] {
            assert!(text.contains(words), "{words} is not in\n{text}");
        }
    }
}
