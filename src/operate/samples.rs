//! How a server is doing, once a second: the script that says it, and its reader.

use crate::shell::Script;
use crate::systemd::SHOW_UNITS;
use std::collections::BTreeMap;

/// The script that looks so many times, a second apart. `units` are names or patterns.
#[must_use]
pub fn script<'a>(rounds: u64, units: impl Iterator<Item = &'a str>, http_port: u16) -> Script {
    let units: Vec<&str> = units.collect();
    let mut script = Script::new();
    script
        .assign("rounds", &rounds.to_string())
        .assign("units", &units.join("\n"))
        .assign("http_port", &http_port.to_string())
        .raw(SHOW_UNITS)
        .raw(include_str!("look.sh"))
        .raw(include_str!("sample.sh"));
    script
}

/// A look at the server. What it did not say is not there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    /// When, in seconds since the server started.
    pub at: f64,
    /// Time of all processors, in ticks: busy, and all.
    pub processors: Option<(u64, u64)>,
    /// Memory in bytes: all there is, and what is available.
    pub memory: Option<(u64, u64)>,
    /// Processes that run or want to, over the last minute.
    pub load: Option<f64>,
    /// The units that run.
    pub units: BTreeMap<String, UnitSample>,
    /// What the database says of its threads.
    pub database: BTreeMap<String, u64>,
    /// What Nginx says of its connections and requests.
    pub nginx: BTreeMap<String, u64>,
}

/// A unit at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnitSample {
    /// Processor time so far, in microseconds.
    pub cpu: Option<u64>,
    /// Memory, in bytes.
    pub memory: Option<u64>,
    /// The most it may take, if there is a limit.
    pub limit: Option<u64>,
    /// Processes that were killed for its memory so far.
    pub killed: Option<u64>,
    /// Time it was held back for its limit of processor time so far, in microseconds.
    pub throttled: Option<u64>,
}

/// Reads lines into samples.
#[derive(Debug, Default)]
pub struct Reader {
    open: Sample,
    /// The samples that are complete.
    pub samples: Vec<Sample>,
}

impl Reader {
    /// Takes the next line.
    pub fn line(&mut self, line: &str) {
        let fields: Vec<&str> = line.split('\x1f').collect();
        let open = &mut self.open;
        match fields[..] {
            ["at", text] => open.at = first(text).unwrap_or_default(),
            ["processors", text] => open.processors = processors(text),
            ["memory", all, free] => {
                let kib = |text: &str| text.parse::<u64>().ok().map(|kib| kib * 1024);
                open.memory = kib(all).zip(kib(free));
            }
            ["load", text] => open.load = first(text),
            ["unit", name, cpu, memory, limit, killed, throttled] => {
                let unit = UnitSample {
                    cpu: cpu.parse().ok(),
                    memory: memory.parse().ok(),
                    limit: limit.parse().ok(),
                    killed: killed.parse().ok(),
                    throttled: throttled.parse().ok(),
                };
                open.units.insert(name.to_owned(), unit);
            }
            ["database", name, number] => {
                if let Ok(number) = number.parse() {
                    open.database.insert(name.to_owned(), number);
                }
            }
            ["nginx", name, number] => {
                if let Ok(number) = number.parse() {
                    open.nginx.insert(name.to_owned(), number);
                }
            }
            ["end"] => self.samples.push(std::mem::take(open)),
            _ => {}
        }
    }
}

fn first<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.split_whitespace().next()?.parse().ok()
}

/// Busy and all ticks of the first line of /proc/stat.
fn processors(text: &str) -> Option<(u64, u64)> {
    let ticks: Vec<u64> = text
        .strip_prefix("cpu ")?
        .split_whitespace()
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user.
        .take(8)
        .map(|word| word.parse().ok())
        .collect::<Option<_>>()?;
    let all: u64 = ticks.iter().sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((all - idle, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_lines_is_a_sample() {
        let mut reader = Reader::default();
        for line in [
            "at\u{1f}1255.05 805.08",
            "processors\u{1f}cpu  100 0 50 800 50 0 0 0 0 0",
            "memory\u{1f}2000\u{1f}500",
            "load\u{1f}4.59 4.43 2.75 7/308 2898",
            "unit\u{1f}nginx.service\u{1f}44567\u{1f}11890688\u{1f}max\u{1f}\u{1f}",
            "database\u{1f}Threads_running\u{1f}3",
            "what is this",
            "end",
            "at\u{1f}1256.05 1",
        ] {
            reader.line(line);
        }
        assert_eq!(reader.samples.len(), 1, "one without its end is none");
        let sample = &reader.samples[0];
        assert_eq!(sample.processors, Some((150, 1000)));
        assert_eq!(sample.memory, Some((2_048_000, 512_000)));
        assert_eq!(sample.load, Some(4.59));
        let unit = sample.units["nginx.service"];
        assert_eq!(
            (unit.cpu, unit.limit, unit.killed),
            (Some(44567), None, None)
        );
        assert_eq!(sample.database["Threads_running"], 3);
    }

    #[test]
    fn the_script_says_what_the_reader_reads() {
        let output = std::process::Command::new("sh")
            .args([
                "-euc",
                script(1, ["no-such.service"].into_iter(), 9).as_str(),
            ])
            .output()
            .unwrap();
        let mut reader = Reader::default();
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .for_each(|line| reader.line(line));
        assert_eq!(reader.samples.len(), 1);
        let sample = &reader.samples[0];
        assert!(sample.at > 0.0 && sample.processors.is_some() && sample.memory.is_some());
    }
}
