//! Which part of the server is the bottleneck, from what was seen of it under load.
//!
//! Every finding has its figures. When there is no bottleneck, that is said, and what was used
//! most; when the requests did not keep up all the same, the limit lies elsewhere, and that is
//! said, too.

use super::samples::Sample;
use std::collections::BTreeMap;
use std::time::Duration;

/// From this share on something is used up.
const FULL: f64 = 0.9;

/// A thing that can be used up.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Use {
    /// What: `processors`, `memory`, `nginx.service: one processor`.
    pub what: String,
    /// Its mean share over the load, from 0 to 1; of memory and connections the largest.
    pub share: f64,
    /// The figures, for people.
    pub figures: String,
    /// When it was used up, in seconds from the start; none if it was not.
    pub since: Option<f64>,
}

/// What a unit took.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct UnitUse {
    /// Its name.
    pub unit: String,
    /// The role that has it.
    pub role: String,
    /// Processors it kept busy, on average.
    pub processors: f64,
    /// The most memory it had, in bytes.
    pub memory: Option<u64>,
}

/// The requests of the load, as far as they say how much of it reached the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requests {
    /// How many were answered or failed.
    pub ended: u64,
    /// How many were due, but found no connection free.
    pub unsent: u64,
    /// How late half of them left the client, or more.
    pub lag: Duration,
}

/// What was seen of the server.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Saturation {
    /// In one sentence, what the bottleneck is.
    pub sentence: String,
    /// What is used up, the first one first; then the rest, by its share.
    pub uses: Vec<Use>,
    /// What each unit took, the busiest first.
    pub units: Vec<UnitUse>,
}

/// Shares of one thing over time, from 0 to 1, each with its second.
struct Series {
    what: String,
    shares: Vec<(f64, f64)>,
    /// Whether one full moment is enough.
    peak: bool,
    figures: String,
}

impl Series {
    /// Used up from the first of three seconds in a row that are full; a shorter load has to be
    /// full all the time.
    fn judge(self) -> Use {
        #[expect(clippy::cast_precision_loss, reason = "these are few")]
        let count = self.shares.len().max(1) as f64;
        let highest = self
            .shares
            .iter()
            .map(|(_, share)| *share)
            .fold(0.0, f64::max);
        let mean = self.shares.iter().map(|(_, share)| share).sum::<f64>() / count;
        let needed = if self.peak {
            1
        } else {
            self.shares.len().clamp(1, 3)
        };
        let since = self
            .shares
            .windows(needed)
            .find(|some| some.iter().all(|(_, share)| *share >= FULL))
            .map(|some| some[0].0);
        Use {
            what: self.what,
            share: if self.peak { highest } else { mean },
            figures: self.figures,
            since,
        }
    }
}

/// Judges what was seen, `roles` giving the role of a unit, `processors` their number.
#[must_use]
pub fn judge(
    requests: Requests,
    samples: &[Sample],
    processors: u32,
    role: impl Fn(&str) -> String,
) -> Saturation {
    let units = units(samples, &role);
    let mut uses: Vec<Use> = all(samples, f64::from(processors), &units)
        .into_iter()
        .filter(|series| !series.shares.is_empty())
        .map(Series::judge)
        .collect();
    uses.sort_by(|a, b| {
        let early = |one: &Use| one.since.unwrap_or(f64::INFINITY);
        early(a)
            .total_cmp(&early(b))
            .then(b.share.total_cmp(&a.share))
    });
    Saturation {
        sentence: sentence(requests, samples, &uses, &units),
        uses,
        units,
    }
}

fn sentence(requests: Requests, samples: &[Sample], uses: &[Use], units: &[UnitUse]) -> String {
    if requests.lag > Duration::from_millis(50) {
        return format!(
            "this machine could not keep up: half of the requests left it {} ms late or more, so the figures say little of the server",
            requests.lag.as_millis()
        );
    }
    if samples.len() < 2 {
        return "nothing is known of the server: it was not looked at".to_owned();
    }
    match uses.iter().find(|one| one.since.is_some()) {
        Some(full) => {
            let most = units.iter().find(|unit| unit.processors >= 0.01);
            let by = match most.filter(|_| full.what == "processors") {
                Some(most) => {
                    let all: f64 = units.iter().map(|unit| unit.processors).sum();
                    format!(
                        "; the stack's units took {all:.2}, most of it {} ({}): {:.2}",
                        most.role, most.unit, most.processors
                    )
                }
                None => String::new(),
            };
            format!("bottleneck: {}, {}{by}", full.what, full.figures)
        }
        None if requests.unsent * 100 > requests.ended => format!(
            "no bottleneck found on the server, yet {} requests found no connection free: \
             give it more of them, or look at what the app waits for",
            requests.unsent
        ),
        None => match uses.first() {
            Some(most) => format!(
                "no bottleneck found; closest to its limit: {}, {}",
                most.what, most.figures
            ),
            None => "no bottleneck found".to_owned(),
        },
    }
}

/// Pairs of samples that follow each other, with the second between them.
fn pairs(samples: &[Sample]) -> impl Iterator<Item = (f64, f64, &Sample, &Sample)> {
    let start = samples.first().map_or(0.0, |sample| sample.at);
    samples.windows(2).filter_map(move |pair| {
        let took = pair[1].at - pair[0].at;
        (took > 0.0).then(|| (pair[0].at - start, took, &pair[0], &pair[1]))
    })
}

#[expect(clippy::cast_precision_loss, reason = "amounts stay far below 2^52")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// Processors a unit kept busy between two samples.
fn busy(unit: &str, took: f64, before: &Sample, after: &Sample) -> Option<f64> {
    let cpu = |sample: &Sample| sample.units.get(unit).and_then(|unit| unit.cpu);
    let (before, after) = (cpu(before)?, cpu(after)?);
    Some(share(after.saturating_sub(before), 1_000_000) / took)
}

fn units(samples: &[Sample], role: &impl Fn(&str) -> String) -> Vec<UnitUse> {
    let names: std::collections::BTreeSet<&str> = samples
        .iter()
        .flat_map(|sample| sample.units.keys().map(String::as_str))
        .collect();
    let mut units: Vec<UnitUse> = names
        .into_iter()
        .map(|unit| {
            let (mut sum, mut time) = (0.0, 0.0);
            for (_, took, before, after) in pairs(samples) {
                sum += busy(unit, took, before, after).unwrap_or_default() * took;
                time += took;
            }
            let memory = samples
                .iter()
                .filter_map(|sample| sample.units.get(unit)?.memory);
            UnitUse {
                unit: unit.to_owned(),
                role: role(unit),
                processors: if time > 0.0 { sum / time } else { 0.0 },
                memory: memory.max(),
            }
        })
        .collect();
    units.sort_by(|a, b| b.processors.total_cmp(&a.processors));
    units
}

fn mean(shares: &[(f64, f64)]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "these are few")]
    let count = shares.len().max(1) as f64;
    shares.iter().map(|(_, share)| share).sum::<f64>() / count
}

fn highest(shares: &[(f64, f64)]) -> f64 {
    shares.iter().map(|(_, share)| *share).fold(0.0, f64::max)
}

/// Everything that can be used up.
fn all(samples: &[Sample], processors: f64, units: &[UnitUse]) -> Vec<Series> {
    let mut all = Vec::new();
    let shares: Vec<(f64, f64)> = pairs(samples)
        .filter_map(|(at, _, before, after)| {
            let ((busy, all), (busy_then, all_then)) = (after.processors?, before.processors?);
            Some((
                at,
                share(busy.saturating_sub(busy_then), all.saturating_sub(all_then)),
            ))
        })
        .collect();
    all.push(Series {
        figures: format!(
            "{:.0} % of {processors} busy, at most {:.0} %",
            mean(&shares) * 100.0,
            highest(&shares) * 100.0
        ),
        what: "processors".to_owned(),
        shares,
        peak: false,
    });
    all.push(memory(samples));
    for unit in units {
        all.extend(limits(samples, unit, processors));
    }
    all.extend(database(samples));
    all
}

fn memory(samples: &[Sample]) -> Series {
    let start = samples.first().map_or(0.0, |sample| sample.at);
    let shares: Vec<(f64, f64)> = samples
        .iter()
        .filter_map(|sample| {
            let (all, free) = sample.memory?;
            // The last twentieth is what the kernel needs to move at all.
            Some((
                sample.at - start,
                share(all.saturating_sub(free), all) * FULL / 0.95,
            ))
        })
        .collect();
    let least = samples
        .iter()
        .filter_map(|sample| sample.memory)
        .min_by_key(|(_, free)| *free);
    let (all, free) = least.unwrap_or_default();
    Series {
        what: "memory".to_owned(),
        shares,
        peak: true,
        figures: format!(
            "at least {} MiB of {} MiB were available",
            free >> 20,
            all >> 20
        ),
    }
}

/// What a unit has a limit for.
fn limits(samples: &[Sample], unit: &UnitUse, processors: f64) -> Vec<Series> {
    let mut all = Vec::new();
    let name = unit.unit.as_str();
    let start = samples.first().map_or(0.0, |sample| sample.at);
    let times: Vec<(f64, f64)> = pairs(samples)
        .filter_map(|(at, took, before, after)| Some((at, busy(name, took, before, after)?)))
        .collect();
    // A program that does all in one thread cannot use a second processor.
    let one = |(_, busy): &(f64, f64)| *busy <= 1.05;
    if processors > 1.0 && times.iter().all(one) {
        all.push(Series {
            what: format!("one processor by {name} (its limit, if it works in one thread)"),
            figures: format!(
                "{:.2} on average, at most {:.2}",
                mean(&times),
                highest(&times)
            ),
            shares: times,
            peak: false,
        });
    }
    let limited: Vec<(f64, f64)> = samples
        .iter()
        .filter_map(|sample| {
            let unit = sample.units.get(name)?;
            Some((sample.at - start, share(unit.memory?, unit.limit?)))
        })
        .collect();
    let limit = samples
        .iter()
        .find_map(|sample| sample.units.get(name)?.limit);
    if let (Some(limit), Some(most)) = (limit, unit.memory) {
        all.push(Series {
            what: format!("memory of {name}"),
            figures: format!("{} MiB of at most {} MiB", most >> 20, limit >> 20),
            shares: limited,
            peak: true,
        });
    }
    let held: Vec<(f64, f64)> = pairs(samples)
        .filter_map(|(at, took, before, after)| {
            let held = |sample: &Sample| sample.units.get(name)?.throttled;
            let held = held(after)?.saturating_sub(held(before)?);
            // Held back for a tenth of the time is a limit that is met.
            Some((at, (share(held, 1_000_000) / took * 9.0).min(1.0)))
        })
        .collect();
    if held.iter().any(|(_, share)| *share > 0.0) {
        all.push(Series {
            what: format!("processor time that {name} may take"),
            figures: "it was held back for its limit".to_owned(),
            shares: held,
            peak: false,
        });
    }
    all
}

fn database(samples: &[Sample]) -> Option<Series> {
    let start = samples.first().map_or(0.0, |sample| sample.at);
    // The one who asks is not counted.
    let used = |threads: &BTreeMap<String, u64>| {
        Some((
            threads.get("Threads_connected")?.saturating_sub(1),
            *threads.get("max_connections")?,
        ))
    };
    let most = samples
        .iter()
        .filter_map(|sample| used(&sample.database))
        .max()?;
    let running = samples
        .iter()
        .filter_map(|sample| sample.database.get("Threads_running"))
        .max();
    Some(Series {
        what: "connections of the database".to_owned(),
        shares: samples
            .iter()
            .filter_map(|sample| {
                let (some, all) = used(&sample.database)?;
                Some((sample.at - start, share(some, all)))
            })
            .collect(),
        peak: true,
        figures: format!(
            "at most {} of {}, {} of them at work",
            most.0,
            most.1,
            running.copied().unwrap_or_default().saturating_sub(1)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::samples::UnitSample;

    const REQUESTS: Requests = Requests {
        ended: 1,
        unsent: 0,
        lag: Duration::ZERO,
    };

    /// Five seconds; the processors are busy for so many percent, the app for as many of one.
    fn samples(busy: u64, app: u64, threads: u64) -> Vec<Sample> {
        (0..6_u32)
            .map(|second| Sample {
                at: 100.0 + f64::from(second),
                processors: Some((u64::from(second) * busy * 2, u64::from(second) * 200)),
                memory: Some((2 << 30, 1 << 30)),
                load: Some(1.0),
                units: [(
                    "foobar-app.service".to_owned(),
                    UnitSample {
                        cpu: Some(u64::from(second) * app * 10_000),
                        memory: Some(100 << 20),
                        limit: Some(512 << 20),
                        ..UnitSample::default()
                    },
                )]
                .into(),
                database: [
                    ("Threads_connected", threads),
                    ("max_connections", 100),
                    ("Threads_running", 2),
                ]
                .map(|(name, number)| (name.to_owned(), number))
                .into(),
                nginx: BTreeMap::new(),
            })
            .collect()
    }

    fn saturation(samples: &[Sample]) -> Saturation {
        judge(REQUESTS, samples, 2, |_| "app".to_owned())
    }

    #[test]
    fn what_is_used_up_first_is_named_with_its_figures() {
        for (samples, expected) in [
            (
                samples(97, 180, 5),
                "bottleneck: processors, 97 % of 2 busy, at most 97 %; the stack's units took 1.80, most of it app (foobar-app.service): 1.80",
            ),
            (
                samples(55, 99, 5),
                "bottleneck: one processor by foobar-app.service (its limit, if it works in one thread), 0.99 on average, at most 0.99",
            ),
            (
                samples(40, 30, 99),
                "bottleneck: connections of the database, at most 98 of 100, 1 of them at work",
            ),
            (
                samples(60, 30, 5),
                "no bottleneck found; closest to its limit: processors, 60 % of 2 busy, at most 60 %",
            ),
            (
                Vec::new(),
                "nothing is known of the server: it was not looked at",
            ),
        ] {
            assert_eq!(saturation(&samples).sentence, expected);
        }
    }

    #[test]
    fn a_moment_is_not_a_limit_of_processors() {
        let mut some = samples(10, 5, 5);
        some[3].processors = Some((10_000, 600));
        let uses = saturation(&some).uses;
        assert!(uses.iter().all(|one| one.since.is_none()), "{uses:?}");
    }

    #[test]
    fn a_client_that_cannot_keep_up_says_so_first() {
        let late = Requests {
            lag: Duration::from_millis(80),
            ..REQUESTS
        };
        let saturation = judge(late, &samples(97, 180, 5), 2, |_| "app".to_owned());
        assert!(
            saturation
                .sentence
                .starts_with("this machine could not keep up")
        );
    }

    #[test]
    fn units_are_told_with_what_they_took() {
        let seen = saturation(&samples(50, 30, 5));
        let unit = &seen.units[0];
        assert_eq!((unit.role.as_str(), unit.memory), ("app", Some(100 << 20)));
        assert!((unit.processors - 0.3).abs() < 0.001, "{unit:?}");
    }
}
