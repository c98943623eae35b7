//! The geometry of a chart over the seconds of a load: where lines, bars and labels stand.
//!
//! How they are drawn is in the template.

use serde::Serialize;
use std::fmt::Write as _;

const WIDTH: u32 = 880;
const HEIGHT: u32 = 180;
/// Where the values begin; the labels of the grid stand left of it.
const LEFT: u32 = 64;
/// What is free on the right, for half of the last label.
const RIGHT: u32 = 16;

/// A chart, in the units of its view box.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    title: &'static str,
    width: u32,
    height: u32,
    left: u32,
    ticks_y: u32,
    grid: Vec<GridLine>,
    ticks: Vec<Tick>,
    series: Vec<Series>,
    #[serde(skip)]
    scale: Scale,
}

/// A horizontal line with the value it stands for.
#[derive(Debug, Serialize)]
struct GridLine {
    y: String,
    label_y: String,
    label: String,
}

/// A second below the chart.
#[derive(Debug, Serialize)]
struct Tick {
    x: String,
    second: usize,
}

/// Values of one colour: bars, or a curve.
#[derive(Debug, Serialize)]
struct Series {
    name: &'static str,
    colour: &'static str,
    bars: Vec<Bar>,
    /// The path's data.
    curve: Option<String>,
}

#[derive(Debug, Serialize)]
struct Bar {
    x: String,
    y: String,
    width: String,
    height: String,
}

/// From seconds and values to places.
#[derive(Debug, Clone, Copy)]
struct Scale {
    seconds: f64,
    most: f64,
}

impl Scale {
    fn x(self, second: f64) -> f64 {
        f64::from(LEFT) + f64::from(WIDTH - LEFT - RIGHT) * second / self.seconds
    }

    fn y(self, value: f64) -> f64 {
        f64::from(HEIGHT) - f64::from(HEIGHT - 14) * (value / self.most).min(1.0)
    }
}

/// A coordinate as it is written.
fn place(number: f64) -> String {
    format!("{number:.1}")
}

impl Chart {
    /// A chart of so many seconds with values up to `most`, whose grid is labelled by `label`.
    #[expect(clippy::cast_precision_loss, reason = "seconds are few")]
    pub(super) fn new(
        title: &'static str,
        seconds: usize,
        most: f64,
        label: impl Fn(f64) -> String,
    ) -> Self {
        let scale = Scale {
            seconds: seconds.max(1) as f64,
            most: round(most),
        };
        let grid_line = |part: i32| {
            let value = scale.most * f64::from(part) / 4.0;
            let y = scale.y(value);
            GridLine {
                y: place(y),
                label_y: place(y + 4.0),
                label: label(value),
            }
        };
        let tick = |second: usize| Tick {
            x: place(scale.x(second as f64)),
            second,
        };
        Self {
            title,
            width: WIDTH,
            height: HEIGHT + 24,
            left: LEFT,
            ticks_y: HEIGHT + 18,
            grid: (0..=4).map(grid_line).collect(),
            ticks: (0..=seconds)
                .step_by((seconds / 10).max(1))
                .map(tick)
                .collect(),
            series: Vec::new(),
            scale,
        }
    }

    /// Adds a curve through the middles of the seconds; a second without a value breaks it.
    pub(super) fn curve(
        mut self,
        name: &'static str,
        colour: &'static str,
        values: impl Iterator<Item = Option<f64>>,
    ) -> Self {
        let mut path = String::new();
        let mut pen = 'M';
        #[expect(clippy::cast_precision_loss, reason = "seconds are few")]
        for (second, value) in values.enumerate() {
            match value {
                Some(value) => {
                    let (x, y) = (self.scale.x(second as f64 + 0.5), self.scale.y(value));
                    let _ = write!(path, "{pen}{x:.1} {y:.1} ");
                    pen = 'L';
                }
                None => pen = 'M',
            }
        }
        self.series.push(Series {
            name,
            colour,
            bars: Vec::new(),
            curve: Some(path.trim_end().to_owned()),
        });
        self
    }

    /// Adds a bar from the bottom for each second whose value is above zero.
    pub(super) fn bars(
        mut self,
        name: &'static str,
        colour: &'static str,
        values: impl Iterator<Item = f64>,
    ) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "seconds are few")]
        let bar = |(second, value): (usize, f64)| {
            let (left, right) = (second as f64 + 0.1, second as f64 + 0.9);
            let (left, right) = (self.scale.x(left), self.scale.x(right));
            // What is there is seen, however small it is.
            let bottom = f64::from(HEIGHT);
            let y = self.scale.y(value).min(bottom - 2.0);
            Bar {
                x: place(left),
                y: place(y),
                width: place(right - left),
                height: place(bottom - y),
            }
        };
        let bars = values
            .enumerate()
            .filter(|(_, value)| *value > 0.0)
            .map(bar)
            .collect();
        self.series.push(Series {
            name,
            colour,
            bars,
            curve: None,
        });
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        for (most, expected) in [
            (50.0, 80.0),
            (100.0, 100.0),
            (1.5, 2.0),
            (0.03, 0.04),
            (9.1, 10.0),
        ] {
            assert!(
                (round(most) - expected).abs() < 1e-9,
                "{most}: {}",
                round(most)
            );
        }
    }

    #[test]
    fn a_second_without_a_value_breaks_the_curve() {
        let values = [Some(1.0), None, Some(2.0), Some(4.0)];
        let chart = Chart::new("a chart", 4, 4.0, |value| value.to_string());
        let chart = chart.curve("values", "#000", values.into_iter());
        let curve = chart.series[0].curve.clone().unwrap();
        assert_eq!(curve, "M164.0 138.5 M564.0 97.0 L764.0 14.0");
    }
}
