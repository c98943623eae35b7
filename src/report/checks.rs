//! Checks for people: one line each in the order of the chain, and where the chain breaks.

use super::text::{BAD, BOLD, DIM, GOOD, count, paint, visible, visible_line, visible_text};
use crate::check::{Outcome, Report, Verdict};
use std::time::Duration;

/// Titles longer than this push their line out of the columns.
const TITLE: usize = 40;

/// Draws every outcome.
pub(super) fn draw(report: &Report) -> String {
    let title = report
        .outcomes
        .iter()
        .map(|outcome| visible(&title_of(outcome)).chars().count())
        .max()
        .unwrap_or(0)
        .min(TITLE);
    let mut text = String::new();
    for outcome in &report.outcomes {
        text.push_str(&draw_outcome(outcome, title));
    }
    text
}

/// Draws the last words: that the stack is healthy, or what broke first or is waited for, with the log that
/// explains it.
pub(super) fn conclusion(report: &Report, took: Duration) -> String {
    let number = |verdict| {
        let of = |outcome: &&Outcome| outcome.outcome == verdict;
        report.outcomes.iter().filter(of).count()
    };
    let (failed, skipped) = (number(Verdict::Fail), number(Verdict::Skip));
    let checks = count(report.outcomes.len(), "check");
    let took = format!("{:.2} s", took.as_secs_f64());
    let skips = if skipped > 0 {
        format!(", {skipped} of them skipped")
    } else {
        String::new()
    };
    let Some(root) = report.first_broken() else {
        let word = paint(GOOD.bold(), "healthy");
        return format!("{word}: {checks} in {took}{skips}\n");
    };

    // Nothing is wrong where all that failed is up to somebody else, as an authority.
    let mut failures = report.outcomes.iter();
    let waits = failures.all(|outcome| outcome.outcome != Verdict::Fail || outcome.awaited);
    let (word, whole) = if waits {
        ("waits", "not complete yet")
    } else {
        ("broken", "unhealthy")
    };
    let mut text = format!(
        "{} at {}: {}\n",
        paint(BAD.bold(), word),
        root.hop,
        paint(BOLD, visible(&title_of(root)))
    );
    text.push_str(&expectation(root));
    if let (Some(unit), false) = (&root.unit, root.log.is_empty()) {
        text.push_str(&format!("  the last lines of {}:\n", visible(unit)));
        for line in &root.log {
            text.push_str(&format!("    {} {}\n", paint(DIM, "│"), visible_line(line)));
        }
    }
    let word = paint(BAD.bold(), whole);
    text.push_str(&format!(
        "{word}: {failed} of {checks} failed in {took}{skips}\n"
    ));
    text
}

/// What was checked, and of which site, where there are several.
fn title_of(outcome: &Outcome) -> String {
    match &outcome.site {
        Some(site) => format!("{site}: {}", outcome.name),
        None => outcome.name.clone(),
    }
}

fn draw_outcome(outcome: &Outcome, width: usize) -> String {
    let (mark, style) = match outcome.outcome {
        Verdict::Pass => ('✓', GOOD),
        Verdict::Fail => ('✗', BAD),
        Verdict::Skip => ('–', DIM),
    };
    let head = format!(
        "{} {:8}  {:width$}",
        paint(style, mark),
        outcome.hop.to_string(),
        visible(&title_of(outcome))
    );
    let ms = paint(DIM, format_args!("{} ms", outcome.ms));
    match outcome.outcome {
        Verdict::Pass => {
            let seen = visible(outcome.actual.as_deref().unwrap_or(&outcome.expected));
            format!("{head}  {seen}  {ms}\n")
        }
        Verdict::Fail => format!("{head}  {ms}\n{}", expectation(outcome)),
        Verdict::Skip => {
            let cause = visible(outcome.because.as_deref().unwrap_or("it was not asked"));
            let skipped = paint(DIM, format_args!("skipped: because {cause}"));
            format!("{head}  {skipped}\n")
        }
    }
}

fn expectation(outcome: &Outcome) -> String {
    let actual = outcome.actual.as_deref().unwrap_or("nothing");
    // Of several lines each stands below the first.
    let aligned = |text: &str| visible_text(text).replace('\n', "\n            ");
    format!(
        "  expected  {}\n  actual    {}\n",
        aligned(&outcome.expected),
        paint(BAD, aligned(actual))
    )
}
