//! The report for programs: one JSON object a line.
//!
//! The first line is `version`, the last one `summary`. Fields are only ever added; when one
//! has to change its meaning, [`FORMAT`] rises.

use super::screen::Stream;
use super::text::visible_json;
use super::{Finding, RenderedFile, Table, diff, load};
use crate::bundle::{CommandState, Event, StepTitle};
use crate::check::{self, Verdict};
use crate::diagnostic::Diagnostics;
use crate::error::Exit;
use crate::operate::logs;
use crate::operate::status::Status;
use crate::operate::upgrades::Upgrades;
use crate::plan::Plan;
use crate::resource::Change;
use crate::server::Traffic;
use crate::types::ServerName;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The number of the format.
const FORMAT: u32 = 1;

/// The lines that say which server they are about.
const OF_A_SERVER: [&str; 10] = [
    "plan",
    "change",
    "upgrades",
    "run",
    "step",
    "command",
    "log",
    "check",
    "status",
    "generation",
];

/// Tells programs what happens.
pub(super) struct Json {
    out: Stream,
    /// The server that the lines are about, once one is known.
    server: Option<ServerName>,
    titles: Vec<StepTitle>,
    /// What the last line will say beside the exit status.
    summary: Map<String, Value>,
}

impl Json {
    pub(super) fn new(out: Stream) -> Self {
        let mut json = Self {
            out,
            server: None,
            titles: Vec::new(),
            summary: Map::new(),
        };
        json.line(&json!({
            "type": "version",
            "format": FORMAT,
            "program": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
        }));
        json
    }

    /// From here on, the lines are about this server.
    pub(super) fn about(&mut self, server: &ServerName) {
        self.server = Some(server.clone());
    }

    pub(super) fn plan(&mut self, plan: &Plan) {
        let hidden: Vec<Value> = plan
            .hidden
            .iter()
            .map(|(id, unit)| json!({ "id": id.to_string(), "until": unit }))
            .collect();
        self.line(&json!({
            "type": "plan",
            "target": plan.target,
            "generation": plan.basis.generation,
            "hidden": hidden,
        }));
        for change in &plan.changes {
            self.line(&change_line(change));
        }
        self.summarise("plan", &plan.summary());
    }

    pub(super) fn upgrades(&mut self, upgrades: &Upgrades) {
        let mut value = serde_json::to_value(upgrades).unwrap_or_default();
        value["type"] = json!("upgrades");
        self.line(&value);
    }

    pub(super) fn steps(&mut self, titles: &[StepTitle]) {
        self.titles = titles.to_vec();
        self.line(&json!({ "type": "run", "state": "planned", "steps": titles.len() }));
    }

    pub(super) fn event(&mut self, event: &Event) {
        let line = match event {
            Event::Started { run } => json!({ "type": "run", "state": "started", "run": run }),
            Event::StepStarted { step } => self.step(*step, "started"),
            Event::Log { step, line } => json!({ "type": "log", "step": step, "line": line }),
            Event::Command {
                step,
                command,
                state,
            } => {
                let (state, took) = match state {
                    CommandState::Started => ("started", None),
                    CommandState::Ended(took) => ("ended", Some(took)),
                    CommandState::Shared(took) => ("shared", Some(took)),
                };
                let mut line = json!({
                    "type": "command", "step": step, "command": command, "state": state,
                });
                if let Some(took) = took {
                    line["ms"] = json!(millis(*took));
                }
                line
            }
            Event::StepFinished { step, took } => {
                let mut line = self.step(*step, "finished");
                line["ms"] = json!(millis(*took));
                line
            }
            Event::StepFailed { step, status } => {
                let mut line = self.step(*step, "failed");
                line["status"] = json!(status);
                line
            }
            Event::Finished { generation } => {
                self.summarise("generation", generation);
                json!({ "type": "run", "state": "finished", "generation": generation })
            }
            Event::Proving { verdict } => {
                json!({ "type": "run", "state": "proving", "verdict": verdict })
            }
            Event::Judged { good } => {
                json!({ "type": "run", "state": "judged", "good": good })
            }
            Event::Unverified { why } => {
                json!({ "type": "run", "state": "unverified", "because": why })
            }
            Event::Unproven { why } => {
                json!({ "type": "run", "state": "unproven", "because": why })
            }
            Event::Said { line } => json!({ "type": "log", "step": null, "line": line }),
            Event::Undoing => json!({ "type": "run", "state": "undoing" }),
            Event::PutBack { what } => {
                json!({ "type": "run", "state": "put-back", "what": what })
            }
            Event::Stays { what } => json!({ "type": "run", "state": "stays", "what": what }),
            Event::Undone => json!({ "type": "run", "state": "undone" }),
            Event::UndoFailed { what } => {
                json!({ "type": "run", "state": "undo-failed", "what": what })
            }
            Event::Stopped { step } => json!({ "type": "run", "state": "stopped", "step": step }),
            Event::Failed => json!({ "type": "run", "state": "failed" }),
            Event::Waiting { holder } => {
                json!({ "type": "run", "state": "waiting", "holder": holder })
            }
            Event::Locked { holder } => {
                json!({ "type": "run", "state": "locked", "holder": holder })
            }
            Event::Moved { generation } => {
                json!({ "type": "run", "state": "moved", "generation": generation })
            }
        };
        self.line(&line);
    }

    pub(super) fn verified(&mut self, report: &check::Report, took: Duration) {
        for outcome in &report.outcomes {
            self.line(outcome);
        }
        let number = |verdict: Verdict| {
            let outcomes = report.outcomes.iter();
            outcomes
                .filter(|outcome| outcome.outcome == verdict)
                .count()
        };
        let checks = json!({
            "healthy": report.healthy(),
            "pass": number(Verdict::Pass),
            "fail": number(Verdict::Fail),
            "skip": number(Verdict::Skip),
            "first_broken": report.first_broken().map(|outcome| &outcome.name),
            "ms": millis(took),
        });
        self.summarise("checks", &checks);
    }

    /// What came of a load: a line a second, a line a kind of failure, and the whole.
    pub(super) fn load(&mut self, loaded: &load::Loaded<'_>) {
        for line in load::lines(loaded) {
            self.line(&line);
        }
        self.summarise("load", &load::summary(loaded));
    }

    pub(super) fn log(&mut self, line: &logs::Line) {
        let mut value = serde_json::to_value(line).unwrap_or_default();
        value["type"] = json!("line");
        self.line(&value);
    }

    pub(super) fn status(&mut self, site: &str, status: &Status) {
        let mut value = serde_json::to_value(status).unwrap_or_default();
        value["type"] = json!("status");
        value["site"] = json!(site);
        self.line(&value);
    }

    pub(super) fn findings(&mut self, findings: &[Finding]) {
        for finding in findings {
            self.line(&json!({
                "type": "finding",
                "state": finding.state,
                "subject": finding.subject,
                "text": finding.text,
                "hint": finding.hint,
            }));
        }
    }

    pub(super) fn table(&mut self, table: &Table) {
        for row in &table.rows {
            let mut line = Map::new();
            line.insert("type".to_owned(), json!(table.kind));
            for (column, cell) in table.columns.iter().zip(row) {
                line.insert((*column).to_owned(), json!(cell));
            }
            self.line(&line);
        }
    }

    pub(super) fn file(&mut self, file: &RenderedFile) {
        self.line(&json!({
            "type": "file",
            "path": file.path,
            "role": file.role,
            "text": file.text,
        }));
    }

    pub(super) fn done(&mut self, text: &str) {
        self.line(&json!({ "type": "done", "text": text }));
    }

    pub(super) fn output(&mut self, text: &str) {
        self.line(&json!({ "type": "output", "text": text }));
    }

    pub(super) fn traffic(&mut self, traffic: &Traffic) {
        self.summarise("traffic", traffic);
    }

    pub(super) fn error(&mut self, message: &str, causes: &[String], hint: Option<&str>) {
        self.line(&json!({
            "type": "error",
            "message": message,
            "causes": causes,
            "hint": hint,
        }));
    }

    pub(super) fn diagnostics(&mut self, diagnostics: &Diagnostics) {
        for diagnostic in &diagnostics.0 {
            self.line(&json!({
                "type": "error",
                "message": diagnostic.message,
                "causes": [],
                "hint": diagnostic.help,
                "file": diagnostic.source.name,
                "line": diagnostic.source.line(diagnostic.span.start),
                "label": diagnostic.label,
            }));
        }
    }

    pub(super) fn finish(&mut self, command: &'static str, exit: Exit) {
        let mut line = Map::new();
        line.insert("type".to_owned(), json!("summary"));
        line.insert("command".to_owned(), json!(command));
        line.insert("exit".to_owned(), json!(exit.code()));
        line.append(&mut self.summary);
        self.line(&line);
    }

    pub(super) fn take_error(&mut self) -> Option<std::io::Error> {
        self.out.take_error()
    }

    fn step(&self, step: usize, state: &str) -> Value {
        let known = self.titles.get(step);
        let ids = known.map_or(&[][..], |known| &known.ids);
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        json!({
            "type": "step",
            "step": step,
            "state": state,
            "title": known.map(|known| &known.title),
            "ids": ids,
        })
    }

    fn summarise(&mut self, key: &str, value: &impl Serialize) {
        // A value that cannot be JSON does not exist here: all are made of plain fields.
        let value = serde_json::to_value(value).unwrap_or_default();
        self.summary.insert(key.to_owned(), value);
    }

    fn line(&mut self, value: &impl Serialize) {
        let mut line = serde_json::to_value(value).unwrap_or_default();
        if let (Some(server), Some(fields)) = (&self.server, line.as_object_mut()) {
            let about = fields.get("type").and_then(Value::as_str);
            if about.is_some_and(|about| OF_A_SERVER.contains(&about)) {
                fields.insert("server".to_owned(), json!(server));
            }
        }
        let line = line.to_string();
        self.out
            .write(format!("{}\n", visible_json(&line)).as_bytes());
    }
}

fn change_line(change: &Change) -> Value {
    let diff = change.diff.text.as_ref();
    let mut line = json!({
        "type": "change",
        "id": change.id.to_string(),
        "role": change.role,
        "action": change.action,
        "impact": change.impact,
        "because": change.because,
        "diff": diff.map(|text| diff::unified(&change.id.name, text)),
        "fields": change.diff.fields,
    });
    if let Some(site) = &change.site {
        line["site"] = json!(site);
    }
    line
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
