//! A run for people: what each event of the executor says, and what to say in a silence.

use super::text::{
    BAD, BOLD, DIM, GOOD, PLACE, count, paint, plain_log, seconds, visible, visible_log,
};
use crate::bundle::{CommandState, Event, StepTitle};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Lines of a step's log that are shown when it fails: enough for two traces of calls, since what
/// runs an app often dies with one of its own after that of the cause.
const TAIL: usize = 60;
/// After this long without a line, a plain screen says that the run goes on.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A line an event, and a heartbeat.
    Plain,
    /// Only what is over: what goes on is in the live line.
    Live,
}

/// The steps of a run as far as they are known.
pub(super) struct Steps {
    style: Style,
    /// Whether every line of the logs is shown.
    logs: bool,
    titles: Vec<StepTitle>,
    running: Option<Running>,
    finished: usize,
    took: Duration,
    /// What an undone run leaves.
    stays: Vec<String>,
    last_line: Instant,
}

struct Running {
    step: usize,
    since: Instant,
    /// The command that it is at, and since when.
    command: Option<(String, Instant)>,
    tail: VecDeque<String>,
}

impl Steps {
    pub(super) fn new(style: Style, logs: bool, titles: &[StepTitle], now: Instant) -> Self {
        Self {
            style,
            logs,
            titles: titles.to_vec(),
            running: None,
            finished: 0,
            took: Duration::ZERO,
            stays: Vec::new(),
            last_line: now,
        }
    }

    /// The lines that an event adds to the screen.
    pub(super) fn event(&mut self, event: &Event, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        match event {
            Event::StepStarted { step } => {
                self.start(*step, now);
                if self.style == Style::Plain {
                    lines.push(format!("{} {}", paint(PLACE, '▸'), self.title(*step)));
                }
            }
            Event::Log { step, line } => {
                let running = self.start(*step, now);
                if running.tail.len() == TAIL {
                    running.tail.pop_front();
                }
                running.tail.push_back(line.clone());
                if self.logs {
                    lines.push(log_line(line));
                }
            }
            Event::Command {
                step,
                command,
                state,
            } => lines.extend(self.command(*step, command, *state, now)),
            Event::StepFinished { step, took } => {
                self.running = None;
                self.finished += 1;
                self.took += *took;
                let took = paint(DIM, seconds(*took));
                lines.push(format!(
                    "{} {}  {took}",
                    paint(GOOD, '✓'),
                    self.title(*step)
                ));
            }
            Event::StepFailed { step, status } => {
                let failed = format!("failed with status {status}");
                lines.push(format!(
                    "{} {}  {}",
                    paint(BAD, '✗'),
                    paint(BOLD, self.title(*step)),
                    paint(BAD, failed)
                ));
                let tail = self.running.take().map(|running| running.tail);
                if !self.logs {
                    lines.extend(tail.iter().flatten().map(|line| log_line(line)));
                }
            }
            Event::Finished { generation } => {
                let steps = count(self.finished, "step");
                let took = seconds(self.took);
                lines.push(format!(
                    "{steps} in {took}; this is generation {generation}"
                ));
            }
            Event::Proving { verdict } => {
                if self.style == Style::Plain {
                    let waits = if *verdict {
                        "do the services stay up, and do the checks pass?"
                    } else {
                        "do the services stay up?"
                    };
                    lines.push(format!("{} {waits}", paint(PLACE, '▸')));
                }
            }
            Event::Unverified { why } => {
                let text = format!("not proven, and kept as it is: {}", visible(why));
                lines.push(format!("{} {}", paint(BAD, '✗'), paint(BOLD, text)));
            }
            Event::Unproven { why } => {
                lines.push(format!("{} {}", paint(BAD, '✗'), paint(BOLD, visible(why))));
            }
            Event::Waiting { holder } => {
                let text = format!("waiting for a job of the server: {}", visible(holder));
                lines.push(format!("{} {text}", paint(PLACE, '▸')));
            }
            Event::Said { line } => lines.push(log_line(line)),
            Event::Undoing => lines.push(format!(
                "{} putting back what was touched",
                paint(PLACE, '↺')
            )),
            Event::PutBack { what } => {
                lines.push(format!("  put back: {}", visible(what)));
            }
            Event::Stays { what } => self.stays.push(visible(what).into_owned()),
            Event::Undone => {
                let what = if self.stays.is_empty() {
                    "everything is"
                } else {
                    "files, links, services and the release are"
                };
                lines.push(format!("{} {what} as before the run", paint(GOOD, '✓')));
                if !self.stays.is_empty() {
                    let stays = self.stays.join(", ");
                    lines.push(format!("  what stays of it: {stays}"));
                }
            }
            Event::UndoFailed { what } => {
                let text = format!("could not be put back: {}", visible(what));
                lines.push(format!("{} {}", paint(BAD, '✗'), paint(BAD, text)));
            }
            // The run's begin says nothing new, its other ends come as errors, and the verdict has
            // been shown as a report.
            Event::Started { .. }
            | Event::Judged { .. }
            | Event::Stopped { .. }
            | Event::Failed
            | Event::Locked { .. }
            | Event::Moved { .. } => {}
        }
        if !lines.is_empty() {
            self.last_line = now;
        }
        lines
    }

    /// The line for a long silence, if it is time for one.
    pub(super) fn heartbeat(&mut self, now: Instant) -> Option<String> {
        let running = self.running.as_ref()?;
        if self.style == Style::Live || now.duration_since(self.last_line) < HEARTBEAT {
            return None;
        }
        self.last_line = now;
        let (title, since) = self.goes_on(running);
        let since = seconds(now.duration_since(since));
        let tail = running.tail.back().map(|line| plain_log(line));
        let tail = paint(DIM, tail.unwrap_or_default());
        Some(format!("{} {title}  {since}  {tail}", paint(DIM, '…')))
    }

    /// What goes on, for a live line: the title, and the last line of its log.
    pub(super) fn live(&self) -> Option<(String, String)> {
        let running = self.running.as_ref()?;
        let tail = running.tail.back().map(|line| plain_log(line));
        Some((self.goes_on(running).0, tail.unwrap_or_default()))
    }

    /// What the step is at, and since when.
    fn goes_on(&self, running: &Running) -> (String, Instant) {
        let title = self.title(running.step);
        match &running.command {
            Some((command, since)) => (format!("{title}: {command}"), *since),
            None => (title, running.since),
        }
    }

    /// What became of a command of a step.
    fn command(
        &mut self,
        step: usize,
        command: &str,
        state: CommandState,
        now: Instant,
    ) -> Option<String> {
        let style = self.style;
        let running = self.start(step, now);
        let command = shortened(command);
        let (took, why) = match state {
            CommandState::Started => {
                let line = format!("  {} {command}", paint(PLACE, '▸'));
                running.command = Some((command, now));
                return (style == Style::Plain).then_some(line);
            }
            CommandState::Ended(took) => (took, ""),
            CommandState::Shared(took) => (took, ", shared with an earlier release"),
        };
        running.command = None;
        let took = paint(DIM, format_args!("{}{why}", seconds(took)));
        Some(format!("  {} {command}  {took}", paint(DIM, '•')))
    }

    fn start(&mut self, step: usize, now: Instant) -> &mut Running {
        let new = || Running {
            step,
            since: now,
            command: None,
            tail: VecDeque::new(),
        };
        let running = self.running.get_or_insert_with(new);
        if running.step != step {
            *running = new();
        }
        running
    }

    fn title(&self, step: usize) -> String {
        self.titles.get(step).map_or_else(
            || format!("step {}", step + 1),
            |known| visible(&known.title).into_owned(),
        )
    }
}

fn log_line(line: &str) -> String {
    format!("  {} {}", paint(DIM, '│'), visible_log(line))
}

/// Characters of a command that are shown: a script in one line may have thousands.
const COMMAND: usize = 72;

fn shortened(command: &str) -> String {
    let command = visible(command);
    match command.char_indices().nth(COMMAND) {
        Some((end, _)) => format!("{}…", &command[..end]),
        None => command.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;

    fn titles() -> Vec<StepTitle> {
        ["install 2 packages", "service nginx.service"]
            .map(|title| StepTitle {
                title: title.to_owned(),
                ids: Vec::new(),
            })
            .into()
    }

    fn shown(style: Style, logs: bool, stream: &str) -> String {
        let start = Instant::now();
        let mut steps = Steps::new(style, logs, &titles(), start);
        let mut text = String::new();
        for line in stream.lines() {
            let event = Event::parse(line).unwrap();
            for line in steps.event(&event, start) {
                text.push_str(&format!("{}\n", strip_str(&line)));
            }
        }
        text
    }

    const GOOD_RUN: &str = "started\tr1\nbegin\t0\nlog\t0\tUnpacking nginx\nend\t0\t1230\nbegin\t1\nend\t1\t20\nfinished\t7";

    #[test]
    fn a_plain_screen_gets_a_line_an_event() {
        assert_eq!(
            shown(Style::Plain, false, GOOD_RUN),
            "▸ install 2 packages\n\
             ✓ install 2 packages  12.3 s\n\
             ▸ service nginx.service\n\
             ✓ service nginx.service  0.2 s\n\
             2 steps in 12.5 s; this is generation 7\n"
        );
    }

    #[test]
    fn a_live_screen_gets_what_is_over_and_with_v_the_logs() {
        assert_eq!(
            shown(Style::Live, true, GOOD_RUN),
            "  │ Unpacking nginx\n\
             ✓ install 2 packages  12.3 s\n\
             ✓ service nginx.service  0.2 s\n\
             2 steps in 12.5 s; this is generation 7\n"
        );
    }

    #[test]
    fn a_failed_step_shows_the_end_of_its_own_log() {
        let mut stream = String::from("begin\t0\nlog\t0\tof another step\nend\t0\t1\nbegin\t1\n");
        for number in 1..=80 {
            stream.push_str(&format!("log\t1\tline {number}\u{1b}[31m\n"));
        }
        stream.push_str("failed-step\t1\t100\nfailed");
        let text = shown(Style::Live, false, &stream);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + 1 + TAIL, "{text}");
        assert_eq!(lines[1], "✗ service nginx.service  failed with status 100");
        assert_eq!(lines[2], "  │ line 21");
        assert_eq!(lines[61], "  │ line 80");
    }

    #[test]
    fn the_commands_of_a_step_have_their_times() {
        let stream = "begin\t0\ncommand\t0\tsame 30\t.venv\ncommand\t0\tstarted\tnpm ci\n\
                      log\t0\tadded 60 packages\ncommand\t0\tended 1230\tnpm ci\nend\t0\t1300";
        assert_eq!(
            shown(Style::Plain, true, stream),
            "▸ install 2 packages\n  • .venv  0.3 s, shared with an earlier release\n  ▸ npm ci\n  \
             │ added 60 packages\n  • npm ci  12.3 s\n✓ install 2 packages  13.0 s\n"
        );
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut steps = Steps::new(Style::Live, false, &titles(), start);
        for (line, second) in [
            ("begin\t0", 0),
            ("command\t0\tstarted\tnpm ci", 5),
            ("log\t0\t\u{1b}[32madded\u{1b}[0m", 6),
        ] {
            steps.event(&Event::parse(line).unwrap(), at(second));
        }
        let live = ("install 2 packages: npm ci".to_owned(), "added".to_owned());
        assert_eq!(steps.live(), Some(live));
    }

    #[test]
    fn a_step_without_a_title_has_its_number() {
        assert_eq!(shown(Style::Plain, false, "begin\t4"), "▸ step 5\n");
    }

    #[test]
    fn a_silence_has_a_heartbeat_every_ten_seconds() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut steps = Steps::new(Style::Plain, false, &titles(), start);
        assert_eq!(steps.heartbeat(at(60)), None, "nothing runs yet");
        steps.event(&Event::StepStarted { step: 0 }, at(60));
        let line = "Unpacking nginx".to_owned();
        steps.event(&Event::Log { step: 0, line }, at(61));
        assert_eq!(steps.heartbeat(at(69)), None);
        let beat = steps.heartbeat(at(70)).unwrap();
        assert_eq!(
            strip_str(&beat).to_string(),
            "… install 2 packages  10.0 s  Unpacking nginx"
        );
        assert_eq!(steps.heartbeat(at(79)), None);
        assert!(steps.heartbeat(at(80)).is_some());
        assert_eq!(
            steps.live(),
            Some((
                "install 2 packages".to_owned(),
                "Unpacking nginx".to_owned()
            ))
        );
    }
}
