//! The report: the only code that prints.
//!
//! Commands tell a [`Reporter`] what happened; it knows how to say that to people (`human`)
//! and to programs (`json`). No command asks which of them is listening.
//!
//! For people, results and the progress of a run go to standard output, and what they may want
//! to know beside goes to standard error. For programs standard output has one JSON object a
//! line, and nothing else; people's text still goes to standard error.
//!
//! When nobody reads standard output any more, the run goes on without a word.

mod backups;
mod chart;
mod checks;
pub mod diagnostic;
mod diff;
mod human;
mod json;
pub mod load;
pub mod load_page;
mod plan;
mod rollover;
mod screen;
mod settings;
mod status;
mod steps;
mod text;

pub use settings::{Color, Finding, FindingState, RenderedFile, Settings, Table, Verbosity};

use crate::bundle::{Event, StepTitle};
use crate::check;
use crate::diagnostic::Diagnostics;
use crate::error::Exit;
use crate::operate::logs;
use crate::operate::status::Status;
use crate::operate::upgrades::Upgrades;
use crate::plan::Plan;
use crate::server::Traffic;
use crate::types::{Masks, ServerName};
use human::Human;
use json::Json;
use screen::Stream;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Says what happens. Clones say it to the same place.
#[derive(Clone)]
pub struct Reporter(Arc<Mutex<Voices>>);

struct Voices {
    human: Human,
    /// What must not be seen in texts of the server.
    masks: Masks,
    /// There when programs listen; then it alone writes to standard output.
    json: Option<Json>,
    /// Whether there are several servers.
    several: bool,
}

impl Reporter {
    /// A reporter on the streams of this process. For programs it says its version at once.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let stdout = Stream::stdout(settings.color);
        let stderr = Stream::stderr(settings.color);
        Self::on(settings, stdout, stderr)
    }

    /// A reporter that writes what is for standard output and for standard error elsewhere: no
    /// terminal, so that there are colours only with [`Color::Always`].
    #[must_use]
    pub fn elsewhere(
        settings: Settings,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        let color = settings.color == Color::Always;
        let stream = |to| Stream::new(to, color, false);
        Self::on(settings, stream(out), stream(err))
    }

    fn on(settings: Settings, stdout: Stream, stderr: Stream) -> Self {
        let (stdout, json) = if settings.json {
            (None, Some(Json::new(stdout)))
        } else {
            (Some(stdout), None)
        };
        let human = Human::new(stdout, stderr, settings.verbosity);
        Self(Arc::new(Mutex::new(Voices {
            human,
            masks: Masks::default(),
            json,
            several: false,
        })))
    }

    /// From now on no text of the server shows these values.
    pub fn mask(&self, masks: Masks) {
        self.voices().masks = masks;
    }

    /// Whether there are several servers: then people are told which one something is about.
    pub fn several(&self, several: bool) {
        self.voices().several = several;
    }

    /// From now on what happens is about this server; programs are told in each line.
    pub fn about(&self, server: &ServerName) {
        let mut voices = self.voices();
        if voices.several {
            voices.human.about(server);
        }
        if let Some(json) = &mut voices.json {
            json.about(server);
        }
    }

    /// Something worth knowing that is no result: where the inventory was found, what is waited
    /// for. On standard error; silent with `-q`.
    pub fn note(&self, text: &str) {
        self.voices().human.note(text);
    }

    /// What only `level` shows, such as the commands with [`Verbosity::Commands`].
    pub fn trace(&self, level: Verbosity, text: &str) {
        self.voices().human.trace(level, text);
    }

    /// What goes on, such as "connecting to web1", until something else does or, with `None`,
    /// nothing. Only a terminal shows it.
    pub fn busy(&self, doing: Option<&str>) {
        self.voices().human.busy(doing);
    }

    /// What would change, or is about to.
    pub fn plan(&self, plan: &Plan) {
        let mut voices = self.voices();
        let mut plan = plan.clone();
        for text in plan.texts_mut() {
            voices.masks.apply(text);
        }
        match &mut voices.json {
            Some(json) => json.plan(&plan),
            None => voices.human.plan(&plan),
        }
    }

    /// Which security upgrades are pending on the server, and whether a major one of the database:
    /// programs are always told, people when there are any, or when nobody knows.
    pub fn upgrades(&self, upgrades: &Upgrades) {
        let mut voices = self.voices();
        if let Some(json) = &mut voices.json {
            json.upgrades(upgrades);
        }
        if !upgrades.are_settled() {
            voices.human.note(&upgrades.to_string());
        }
    }

    /// A run begins that has these steps.
    pub fn steps(&self, titles: &[StepTitle]) {
        let mut voices = self.voices();
        match &mut voices.json {
            Some(json) => json.steps(titles),
            None => voices.human.steps(titles),
        }
    }

    /// The run says something.
    pub fn event(&self, event: &Event) {
        let mut voices = self.voices();
        let mut event = event.clone();
        if let Some(text) = event.text_mut() {
            voices.masks.apply(text);
        }
        match &mut voices.json {
            Some(json) => json.event(&event),
            None => voices.human.event(&event),
        }
    }

    /// Time goes by. Whoever follows a run calls it about once a second while no event comes,
    /// so that a screen that is no terminal can be told that the run goes on.
    pub fn tick(&self) {
        let mut voices = self.voices();
        if voices.json.is_none() {
            voices.human.tick();
        }
    }

    /// The stack was checked, which took so long. An unhealthy stack is shown with `-q`, too.
    pub fn verified(&self, report: &check::Report, took: Duration) {
        let mut voices = self.voices();
        let mut report = report.clone();
        for text in report.texts_mut() {
            voices.masks.apply(text);
        }
        match &mut voices.json {
            Some(json) => json.verified(&report, took),
            None => voices.human.verified(&report, took),
        }
    }

    /// What came of a load.
    pub fn load(&self, load: &load::Loaded<'_>) {
        let mut voices = self.voices();
        match &mut voices.json {
            Some(json) => json.load(load),
            None => voices.human.load(load),
        }
    }

    /// A line of a log.
    pub fn log(&self, line: &logs::Line) {
        let mut voices = self.voices();
        let mut line = line.clone();
        voices.masks.apply(&mut line.text);
        match &mut voices.json {
            Some(json) => json.log(&line),
            None => voices.human.log(&line),
        }
    }

    /// How the site with this name is.
    pub fn status(&self, site: &str, status: &Status) {
        let mut voices = self.voices();
        match &mut voices.json {
            Some(json) => json.status(site, status),
            None => voices.human.status(site, status),
        }
    }

    /// What a look around found.
    pub fn findings(&self, findings: &[Finding]) {
        let mut voices = self.voices();
        match &mut voices.json {
            Some(json) => json.findings(findings),
            None => voices.human.findings(findings),
        }
    }

    /// Rows.
    pub fn table(&self, table: &Table) {
        let mut voices = self.voices();
        match &mut voices.json {
            Some(json) => json.table(table),
            None => voices.human.table(table),
        }
    }

    /// A file that would be written.
    pub fn file(&self, file: &RenderedFile) {
        let mut voices = self.voices();
        match &mut voices.json {
            Some(json) => json.file(file),
            None => voices.human.file(file),
        }
    }

    /// A result in one line, such as "inventory.toml is valid".
    pub fn done(&self, text: &str) {
        let mut voices = self.voices();
        match &mut voices.json {
            Some(json) => json.done(text),
            None => voices.human.done(text),
        }
    }

    /// What was asked for as it is, byte for byte, also with `-q`: a schema, a completion
    /// script. It must be a text of this program's own.
    pub fn output(&self, text: &str) {
        let mut voices = self.voices();
        match &mut voices.json {
            Some(json) => json.output(text),
            None => voices.human.output(text),
        }
    }

    /// What the connection has cost: for programs, and for people with `-vv`.
    pub fn traffic(&self, traffic: &Traffic) {
        let mut voices = self.voices();
        voices.human.traffic(traffic);
        if let Some(json) = &mut voices.json {
            json.traffic(traffic);
        }
    }

    /// An error with its causes, each once, and what to do next.
    pub fn error(&self, error: &dyn Error, hint: Option<&str>) {
        let (mut message, mut causes) = (error.to_string(), causes(error));
        let mut voices = self.voices();
        for text in causes.iter_mut().chain([&mut message]) {
            voices.masks.apply(text);
        }
        voices.human.error(&message, &causes, hint);
        if let Some(json) = &mut voices.json {
            json.error(&message, &causes, hint);
        }
    }

    /// Mistakes in what the user wrote, each at its place.
    pub fn diagnostics(&self, diagnostics: &Diagnostics) {
        let mut voices = self.voices();
        voices.human.diagnostics(diagnostics);
        if let Some(json) = &mut voices.json {
            json.diagnostics(diagnostics);
        }
    }

    /// Whether there is somebody to ask.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal()
    }

    /// Asks a question on standard error and waits for the answer; anything but yes is no.
    ///
    /// # Errors
    /// When standard input cannot be read.
    pub async fn confirm(&self, question: &str) -> io::Result<bool> {
        let answer = self.answer(&format!("{question} [y/N]")).await?;
        Ok(is_yes(&answer))
    }

    /// Asks for a text on standard error and waits for it; without the space around it.
    ///
    /// # Errors
    /// When standard input cannot be read.
    pub async fn answer(&self, question: &str) -> io::Result<String> {
        self.voices().human.ask(question);
        // On a thread of its own, so that Ctrl-C is heard while it waits.
        let read = tokio::task::spawn_blocking(|| {
            let mut answer = String::new();
            io::stdin().read_line(&mut answer).map(|_| answer)
        });
        let answer = read.await.map_err(io::Error::other)??;
        Ok(answer.trim().to_owned())
    }

    /// The last word: for programs the summary. Gives the exit status, which is another one if
    /// what was reported could not be written.
    #[must_use]
    pub fn finish(&self, command: &'static str, exit: Exit) -> Exit {
        let mut voices = self.voices();
        voices.human.busy(None);
        let error = match &mut voices.json {
            Some(json) => {
                json.finish(command, exit);
                json.take_error()
            }
            None => voices.human.take_error(),
        };
        let Some(error) = error else {
            return exit;
        };
        let causes = [error.to_string()];
        voices
            .human
            .error("the output could not be written", &causes, None);
        if exit.code() == 0 { Exit::Failed } else { exit }
    }

    fn voices(&self) -> MutexGuard<'_, Voices> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The texts of the causes, without those that the text before already ends with.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut last = error.to_string();
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !last.ends_with(&text) {
            causes.push(text.clone());
            last = text;
        }
        source = cause.source();
    }
    causes
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests;
