//! The report for people.

use super::screen::Stream;
use super::steps::{Steps, Style};
use super::text::{BAD, BOLD, CHANGED, DIM, GOOD, PLACE, count, paint, visible, visible_text};
use super::{
    Finding, FindingState, RenderedFile, Table, Verbosity, checks, diagnostic, load, plan, status,
};
use crate::bundle::{Event, StepTitle};
use crate::check;
use crate::diagnostic::Diagnostics;
use crate::operate::logs;
use crate::operate::status::Status;
use crate::plan::Plan;
use crate::server::Traffic;
use crate::types::ServerName;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// Columns of a drawn mistake.
const WIDTH: usize = 100;

/// Tells people what happens.
pub(super) struct Human {
    /// Not there when programs read standard output.
    out: Option<Stream>,
    err: Stream,
    verbosity: Verbosity,
    /// Whether standard output has something, so that the next part needs a gap before it.
    has_printed: bool,
    steps: Option<Steps>,
    /// The line at the bottom of a terminal that says what goes on.
    live: Option<ProgressBar>,
    /// The server that is spoken of, where there are several.
    server: Option<ServerName>,
    /// Whether its name is still to be said, above the next part.
    unnamed: bool,
}

impl Human {
    pub(super) fn new(out: Option<Stream>, err: Stream, verbosity: Verbosity) -> Self {
        Self {
            out,
            err,
            verbosity,
            has_printed: false,
            steps: None,
            live: None,
            server: None,
            unnamed: false,
        }
    }

    /// From here on it is about this one of several servers.
    pub(super) fn about(&mut self, server: &ServerName) {
        if self.server.as_ref() != Some(server) {
            self.server = Some(server.clone());
            self.unnamed = true;
        }
    }

    pub(super) fn note(&mut self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.print_err(&visible_text(text));
        }
    }

    pub(super) fn trace(&mut self, level: Verbosity, text: &str) {
        if self.verbosity >= level {
            self.print_err(&paint(DIM, visible_text(text)));
        }
    }

    pub(super) fn busy(&mut self, doing: Option<&str>) {
        match doing {
            Some(doing) => self.show_live(&visible(doing), ""),
            None => self.hide_live(),
        }
    }

    pub(super) fn plan(&mut self, plan: &Plan) {
        self.hide_live();
        let all = self.verbosity >= Verbosity::Remote;
        self.gap();
        self.print(&plan::draw(plan, all));
    }

    pub(super) fn steps(&mut self, titles: &[StepTitle]) {
        let style = if self.has_live() {
            Style::Live
        } else {
            Style::Plain
        };
        let logs = self.verbosity >= Verbosity::Remote;
        self.gap();
        self.steps = Some(Steps::new(style, logs, titles, Instant::now()));
    }

    pub(super) fn event(&mut self, event: &Event) {
        if self.steps.is_none() {
            self.steps(&[]);
        }
        let Some(steps) = &mut self.steps else {
            return;
        };
        let lines = steps.event(event, Instant::now());
        let live = steps.live();
        if live.is_none() {
            self.hide_live();
        }
        for line in lines {
            self.print(&line);
        }
        if let Some((title, tail)) = live {
            self.show_live(&title, &tail);
        }
    }

    pub(super) fn tick(&mut self) {
        let beat = self
            .steps
            .as_mut()
            .and_then(|steps| steps.heartbeat(Instant::now()));
        if let Some(line) = beat {
            self.print(&line);
        }
    }

    pub(super) fn verified(&mut self, report: &check::Report, took: Duration) {
        self.hide_live();
        self.gap();
        self.print(&checks::draw(report));
        let conclusion = checks::conclusion(report, took);
        if report.healthy() || self.verbosity >= Verbosity::Normal {
            self.gap();
            self.print(&conclusion);
        } else {
            self.print_err(&conclusion);
        }
    }

    pub(super) fn load(&mut self, loaded: &load::Loaded<'_>) {
        self.hide_live();
        self.gap();
        self.print(&load::draw(loaded));
    }

    pub(super) fn log(&mut self, line: &logs::Line) {
        self.hide_live();
        self.print(&status::log_line(line));
    }

    pub(super) fn status(&mut self, site: &str, found: &Status) {
        self.hide_live();
        self.name_server();
        self.print(&status::draw(site, found));
    }

    pub(super) fn findings(&mut self, findings: &[Finding]) {
        let subjects = findings
            .iter()
            .map(|finding| finding.subject.chars().count());
        let width = subjects.max().unwrap_or(0);
        for finding in findings {
            let (mark, style) = match finding.state {
                FindingState::Good => ('✓', GOOD),
                FindingState::Doubtful => ('!', CHANGED),
                FindingState::Bad => ('✗', BAD),
            };
            self.print(&format!(
                "{} {:width$}  {}",
                paint(style, mark),
                visible(&finding.subject),
                visible(&finding.text)
            ));
            if let Some(hint) = &finding.hint {
                let hint = paint(PLACE, format_args!("hint: {}", visible(hint)));
                self.print(&format!("  {:width$}  {hint}", ""));
            }
        }
    }

    pub(super) fn table(&mut self, table: &Table) {
        self.name_server();
        let mut widths: Vec<usize> = table.columns.iter().map(|name| name.len()).collect();
        for row in &table.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(visible(cell).chars().count());
            }
        }
        let line = |cells: &mut dyn Iterator<Item = String>| {
            let cells: Vec<String> = cells
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        };
        let head = line(&mut table.columns.iter().map(|name| name.to_uppercase()));
        self.print(&paint(BOLD, head));
        for row in &table.rows {
            let row = line(&mut row.iter().map(|cell| visible(cell).into_owned()));
            self.print(&row);
        }
    }

    pub(super) fn file(&mut self, file: &RenderedFile) {
        let path = paint(BOLD, visible(&file.path));
        let role = paint(DIM, format_args!("role {}", visible(&file.role)));
        self.print(&format!("{path}  {role}"));
        match &file.text {
            Some(text) => self.print(&visible_text(text)),
            None => self.print(&paint(DIM, "(not shown)")),
        }
        self.print("");
    }

    pub(super) fn done(&mut self, text: &str) {
        self.hide_live();
        self.print(&visible_text(text));
    }

    pub(super) fn output(&mut self, text: &str) {
        self.hide_live();
        if let Some(out) = &mut self.out {
            out.write(text.as_bytes());
        }
    }

    pub(super) fn traffic(&mut self, traffic: &Traffic) {
        let number = |number: u32, noun| count(number as usize, noun);
        let text = format!(
            "{}, {}, {}, {} sent, {} received",
            number(traffic.connections, "connection"),
            number(traffic.sudo, "sudo call"),
            number(traffic.round_trips, "round trip"),
            indicatif::BinaryBytes(traffic.bytes_sent),
            indicatif::BinaryBytes(traffic.bytes_received),
        );
        self.trace(Verbosity::Commands, &text);
    }

    pub(super) fn error(&mut self, message: &str, causes: &[String], hint: Option<&str>) {
        self.hide_live();
        let word = paint(BAD.bold(), "error");
        self.err
            .print(&format!("{word}: {}", visible_text(message)));
        for cause in causes {
            let cause = visible_text(cause);
            self.err.print(&format!("  caused by: {cause}"));
        }
        if let Some(hint) = hint {
            let word = paint(PLACE.bold(), "hint");
            self.err.print(&format!("{word}: {}", visible_text(hint)));
        }
    }

    pub(super) fn diagnostics(&mut self, diagnostics: &Diagnostics) {
        self.hide_live();
        let drawn = diagnostic::render(diagnostics, self.err.has_color(), WIDTH);
        self.err.print(&drawn);
    }

    pub(super) fn ask(&mut self, question: &str) {
        self.hide_live();
        let question = format!("\n{} ", visible(question));
        self.err.write(question.as_bytes());
    }

    pub(super) fn take_error(&mut self) -> Option<std::io::Error> {
        self.out.as_mut().and_then(Stream::take_error)
    }

    fn print(&mut self, text: &str) {
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        if let Some(out) = &mut self.out {
            aside(self.live.as_ref(), || out.print(text));
            self.has_printed = true;
        }
    }

    /// An empty line between two parts.
    fn gap(&mut self) {
        if self.has_printed {
            self.print("");
        }
        self.name_server();
    }

    /// Says once which of several servers the next part is about.
    fn name_server(&mut self) {
        if let Some(server) = self.server.as_ref().filter(|_| self.unnamed) {
            let heading = paint(BOLD, format!("server {server}"));
            self.unnamed = false;
            self.print(&heading);
        }
    }

    fn print_err(&mut self, text: &str) {
        aside(self.live.as_ref(), || self.err.print(text));
    }

    /// Whether there can be a live line: it is on standard error, among the lines of standard
    /// output, so both must be terminals.
    fn has_live(&self) -> bool {
        let out = self.out.as_ref().is_some_and(Stream::is_terminal);
        out && self.err.is_terminal() && self.verbosity >= Verbosity::Normal
    }

    fn show_live(&mut self, title: &str, tail: &str) {
        if !self.has_live() {
            return;
        }
        let bar = self.live.get_or_insert_with(live_line);
        if bar.prefix() != title {
            bar.reset_elapsed();
            bar.set_prefix(title.to_owned());
        }
        bar.set_message(tail.to_owned());
    }

    fn hide_live(&mut self) {
        if let Some(live) = self.live.take() {
            live.finish_and_clear();
        }
    }
}

/// Prints with the live line out of the way.
fn aside(live: Option<&ProgressBar>, print: impl FnOnce()) {
    match live {
        Some(live) => live.suspend(print),
        None => print(),
    }
}

fn live_line() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {prefix}  {elapsed}  {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
