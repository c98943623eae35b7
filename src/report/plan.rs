//! A plan for people: the changes grouped by role, each with its difference, and what visitors
//! notice.

use super::diff;
use super::text::{BAD, BOLD, CHANGED, DIM, GOOD, PLACE, paint, visible};
use crate::plan::Plan;
use crate::resource::{Action, Change, FieldChange, Impact};
use anstyle::Style;

/// A headline that grows beyond this many characters puts its cause on a line of its own.
const WIDTH: usize = 96;
const INDENT: &str = "      ";

/// Draws the plan; with `all` every line of every text.
pub(super) fn draw(plan: &Plan, all: bool) -> String {
    let mut lines = Vec::new();
    let partial = plan
        .target
        .as_ref()
        .map(|roles| format!("This plan is partial: only {}.", visible(&roles.join(", "))));
    if plan.is_empty() {
        lines.extend(partial);
        lines.push("No changes.".to_owned());
        return joined(&lines);
    }

    let mut part = None;
    for change in &plan.changes {
        if part != Some((&change.role, &change.site)) {
            if part.is_some() {
                lines.push(String::new());
            }
            lines.push(match &change.site {
                Some(site) => paint(BOLD, format_args!("{} of {site}", visible(&change.role))),
                None => paint(BOLD, visible(&change.role)),
            });
            part = Some((&change.role, &change.site));
        }
        draw_change(change, all, &mut lines);
    }
    lines.push(String::new());
    for (id, unit) in &plan.hidden {
        let id = visible(&id.to_string()).into_owned();
        lines.push(format!(
            "{id} is made if it is missing, and compared once {} runs.",
            visible(unit)
        ));
    }
    lines.push(impact_of_all(&plan.changes));
    lines.extend(partial.map(|partial| paint(CHANGED, partial)));
    lines.push(paint(BOLD, format_args!("Plan: {}", plan.summary())));
    joined(&lines)
}

fn draw_change(change: &Change, all: bool, lines: &mut Vec<String>) {
    let (sign, word, style) = sign(change.action);
    let subject = visible(&change.id.to_string()).into_owned();
    let mut cause = format!("because {}", visible(&change.because));
    if let Some(impact) = impact(change) {
        cause.push_str(&format!("; visitors: {impact}"));
    }
    // sign and word take twelve columns
    let length = 14 + subject.chars().count() + cause.chars().count();
    let head = format!(
        "  {} {subject}",
        paint(style, format_args!("{sign} {word:7}"))
    );
    if length <= WIDTH {
        lines.push(format!("{head}  {}", paint(DIM, cause)));
    } else {
        lines.push(head);
        lines.push(format!("{INDENT}{}", paint(DIM, cause)));
    }

    draw_fields(&change.diff.fields, lines);
    if let Some(text) = &change.diff.text {
        let drawn = diff::lines(text, all);
        lines.extend(drawn.into_iter().map(|line| format!("{INDENT}{line}")));
    }
}

/// Fields of something new or removed stand on one line, those that change below each other.
fn draw_fields(fields: &[FieldChange], lines: &mut Vec<String>) {
    let one_sided: Vec<String> = fields
        .iter()
        .filter_map(|field| match (&field.before, &field.after) {
            (None, Some(value)) | (Some(value), None) => {
                Some(format!("{} {}", visible(&field.name), visible(value)))
            }
            _ => None,
        })
        .collect();
    if one_sided.len() == fields.len() {
        if !fields.is_empty() {
            lines.push(format!("{INDENT}{}", one_sided.join(", ")));
        }
        return;
    }
    let width = fields.iter().map(|field| field.name.chars().count()).max();
    for field in fields {
        let side = |value: &Option<String>, style| match value {
            Some(value) => paint(style, visible(value)),
            None => paint(DIM, "(none)"),
        };
        lines.push(format!(
            "{INDENT}{:width$}  {} → {}",
            visible(&field.name),
            side(&field.before, BAD),
            side(&field.after, GOOD),
            width = width.unwrap_or(0)
        ));
    }
}

fn sign(action: Action) -> (char, &'static str, Style) {
    match action {
        Action::Create => ('+', "create", GOOD),
        Action::Update => ('~', "update", CHANGED),
        Action::Delete => ('-', "delete", BAD),
        Action::Reload => ('↻', "reload", PLACE),
        Action::Restart => ('↻', "restart", CHANGED),
        Action::Run => ('▸', "run", PLACE),
    }
}

fn impact(change: &Change) -> Option<String> {
    let name = visible(&change.id.name);
    match change.impact {
        Impact::None => None,
        Impact::Reload => Some(format!("reload of {name}")),
        // It stops for good.
        Impact::Restart if change.action == Action::Delete => Some(format!("the end of {name}")),
        Impact::Restart => Some(format!("restart of {name}")),
    }
}

fn impact_of_all(changes: &[Change]) -> String {
    let all: Vec<String> = changes.iter().filter_map(impact).collect();
    if all.is_empty() {
        "Visitors: none of this is noticed.".to_owned()
    } else {
        format!("Visitors: {}.", all.join(", "))
    }
}

fn joined(lines: &[String]) -> String {
    let mut text = lines.join("\n");
    text.push('\n');
    text
}
