//! From judgements to a report: what is skipped because of what, and where the chain breaks.

use super::{Check, Hop, Judgement, Question};
use crate::types::SiteName;
use serde::Serialize;
use std::collections::BTreeMap;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Not as it should be, or not known.
    Fail,
    /// Not asked, or the reply says nothing because something before it is broken.
    Skip,
}

/// The end of one check; its `Serialize` form is the `check` line of the JSON output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "check")]
pub struct Outcome {
    /// The part of the chain.
    pub hop: Hop,
    /// The site that it is about, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// What was checked.
    pub name: String,
    /// How it ended.
    pub outcome: Verdict,
    /// How long the reply took, in milliseconds; 0 when it was not asked. What is asked on the
    /// server is asked in one script, and has the time of the whole.
    pub ms: u64,
    /// What a healthy stack would have replied.
    pub expected: String,
    /// What came instead, or what was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Whether it is up to somebody else than the server.
    #[serde(skip)]
    pub awaited: bool,
    /// The unit whose log explains a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The last lines of that log; only at the first broken check.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// What became of the question of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There was a reply, or none came in time.
    Judged {
        /// What it says.
        judgement: Judgement,
        /// How long it took, in milliseconds.
        ms: u64,
    },
    /// It was not asked, with the reason.
    NotAsked(String),
}

/// Every outcome, in the order of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One a check.
    pub outcomes: Vec<Outcome>,
    /// The place in `outcomes` of the failure that explains the others.
    pub first_broken: Option<usize>,
}

impl Report {
    /// Every text in it that somebody else wrote, to be changed.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        self.outcomes.iter_mut().flat_map(|outcome| {
            let seen = outcome.actual.iter_mut().chain(&mut outcome.because);
            seen.chain(&mut outcome.log)
        })
    }

    /// Whether no check failed. A skipped check is no failure, and no proof either.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.first_broken.is_none()
    }

    /// Why a run is not proven: the first failure, but for what is up to somebody else than the
    /// server.
    #[must_use]
    pub fn first_unproven(&self) -> Option<&Outcome> {
        self.first_broken()
            .filter(|outcome| !outcome.awaited)
            .or_else(|| {
                let mut failed = self.outcomes.iter();
                failed.find(|outcome| outcome.outcome == Verdict::Fail && !outcome.awaited)
            })
    }

    /// What a change since `before` has broken: the first check that fails now and passed then;
    /// else, where a check that passed then cannot be asked any more, the failure that is in its
    /// way.
    #[must_use]
    pub fn first_regression(&self, before: &Self) -> Option<&Outcome> {
        let passed = |outcome: &&Outcome| {
            before.outcomes.iter().any(|earlier| {
                (earlier.hop, &earlier.site, &earlier.name, earlier.outcome)
                    == (outcome.hop, &outcome.site, &outcome.name, Verdict::Pass)
            })
        };
        let mut lost = self.outcomes.iter().filter(passed);
        let failed = lost
            .clone()
            .find(|outcome| outcome.outcome == Verdict::Fail && !outcome.awaited);
        let skipped = lost.any(|outcome| outcome.outcome == Verdict::Skip);
        failed.or_else(|| self.first_broken().filter(|_| skipped))
    }

    /// The failure that explains the others.
    #[must_use]
    pub fn first_broken(&self) -> Option<&Outcome> {
        self.first_broken.and_then(|place| self.outcomes.get(place))
    }
}

/// Checks in the order they are reported: by hop; in a hop units first, because a unit that
/// is down explains the rest; else as the roles declare them.
#[must_use]
pub fn in_chain_order(checks: &[Check]) -> Vec<&Check> {
    let mut ordered: Vec<&Check> = checks.iter().collect();
    ordered.sort_by_key(|check| (check.hop, !matches!(check.question, Question::Unit(_))));
    ordered
}

/// Draws the conclusion from what became of every question.
///
/// A check that needs a broken hop is skipped, and so is what needs the hop of such a skipped
/// check: all of them name the root. What is broken of one site is in the way of that site alone.
pub fn conclude<'a>(answers: impl IntoIterator<Item = (&'a Check, Answer)>) -> Report {
    let answers: Vec<(&Check, Answer)> = answers.into_iter().collect();
    let mut root_first: Vec<usize> = (0..answers.len()).collect();
    root_first.sort_by_key(|&place| answers[place].0.hop.rank());

    let mut broken: BTreeMap<(Hop, Option<&SiteName>), String> = BTreeMap::new();
    let mut skipped: BTreeMap<usize, String> = BTreeMap::new();
    let mut first_broken = None;
    let mut first_flawed = None;
    for place in root_first {
        let (check, answer) = &answers[place];
        let site = check.site.as_ref();
        let in_its_way = |hop: &Hop| broken.get(&(*hop, None)).or(broken.get(&(*hop, site)));
        if let Some(cause) = check.needs.iter().find_map(in_its_way).cloned() {
            let skipped_hop = broken.entry((check.hop, site));
            skipped_hop.or_insert_with(|| cause.clone());
            skipped.insert(place, cause);
            continue;
        }
        match answer {
            Answer::Judged {
                judgement: Judgement::Broken(_),
                ..
            } => {
                first_broken.get_or_insert(place);
                broken
                    .entry((check.hop, site))
                    .or_insert_with(|| format!("{} failed: {}", check.hop, check.title));
            }
            Answer::Judged {
                judgement: Judgement::Flawed(_) | Judgement::Awaited(_),
                ..
            } => {
                first_flawed.get_or_insert(place);
            }
            Answer::Judged {
                judgement: Judgement::Sound(_),
                ..
            }
            | Answer::NotAsked(_) => {}
        }
    }

    let outcomes = answers
        .into_iter()
        .enumerate()
        .map(|(place, (check, answer))| outcome(check, answer, skipped.remove(&place)))
        .collect();
    Report {
        outcomes,
        first_broken: first_broken.or(first_flawed),
    }
}

fn outcome(check: &Check, answer: Answer, cause: Option<String>) -> Outcome {
    let awaited = matches!(
        &answer,
        Answer::Judged {
            judgement: Judgement::Awaited(_),
            ..
        }
    );
    let (verdict, ms, actual, because) = match (cause, answer) {
        (Some(cause), _) | (None, Answer::NotAsked(cause)) => (Verdict::Skip, 0, None, Some(cause)),
        (None, Answer::Judged { judgement, ms }) => match judgement {
            Judgement::Sound(seen) => (Verdict::Pass, ms, Some(seen), None),
            Judgement::Flawed(seen) | Judgement::Awaited(seen) | Judgement::Broken(seen) => {
                (Verdict::Fail, ms, Some(seen), None)
            }
        },
    };
    Outcome {
        hop: check.hop,
        site: check.site.clone(),
        name: check.title.clone(),
        outcome: verdict,
        awaited,
        ms,
        expected: check.question.expected(),
        actual,
        because,
        unit: check.unit.clone(),
        log: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stack of one check a line: `<kind> <title> <hop>`, all with their kind's own needs.
    fn stack() -> Vec<Check> {
        [
            ("http", "title = 'page'\nurl = 'https://foobar.com/'"),
            (
                "http",
                "title = 'health'\nhop = 'app'\nurl = 'https://foobar.com/healthz'",
            ),
            (
                "http",
                "title = 'redirect'\nurl = 'http://foobar.com/'\nlocation = 'https://foobar.com/'",
            ),
            ("certificate", "title = 'certificate'\nname = 'foobar.com'"),
            ("port", "title = 'https'\nport = 443"),
            ("port", "title = '3306 closed'\nport = 3306\nopen = false"),
            ("dns", "title = 'A'\nname = 'foobar.com'\ntype = 'A'"),
            (
                "unit",
                "title = 'named'\nname = 'named.service'\nhop = 'dns'",
            ),
            (
                "unit",
                "title = 'nginx'\nname = 'nginx.service'\nhop = 'web'",
            ),
            (
                "unit",
                "title = 'app'\nname = 'foobar.service'\nhop = 'app'",
            ),
            (
                "unit",
                "title = 'mysql'\nname = 'mysql.service'\nhop = 'database'",
            ),
            (
                "database",
                "title = 'data'\nuser = 'foobar'\ndatabase = 'foobar'\nclient = 'mysql'",
            ),
        ]
        .map(|(kind, entry)| Check::from_entry("role", kind, entry.parse().unwrap()).unwrap())
        .into()
    }

    /// The report, when the checks of these titles are broken, flawed or not asked.
    fn conclusion(broken: &[&str], flawed: &[&str], not_asked: &[&str]) -> Report {
        let checks = stack();
        conclude(in_chain_order(&checks).into_iter().map(|check| {
            let title = check.title.as_str();
            let answer = if not_asked.contains(&title) {
                Answer::NotAsked("no connection".to_owned())
            } else {
                let judgement = if broken.contains(&title) {
                    Judgement::Broken("gone".to_owned())
                } else if flawed.contains(&title) {
                    Judgement::Flawed("odd".to_owned())
                } else {
                    Judgement::Sound("well".to_owned())
                };
                Answer::Judged { judgement, ms: 1 }
            };
            (check, answer)
        }))
    }

    /// The same as text.
    fn report(broken: &[&str], flawed: &[&str], not_asked: &[&str]) -> String {
        let report = conclusion(broken, flawed, not_asked);
        let mut text = String::new();
        for outcome in &report.outcomes {
            let verdict = match outcome.outcome {
                Verdict::Pass => continue,
                Verdict::Fail => "fail",
                Verdict::Skip => "skip",
            };
            let because = outcome.because.as_deref().unwrap_or("-");
            text.push_str(&format!("{verdict} {} ({because})\n", outcome.name));
        }
        let root = report
            .first_broken()
            .map_or("none", |outcome| outcome.name.as_str());
        format!("{text}root: {root}")
    }

    #[test]
    fn a_sound_stack_is_healthy() {
        assert_eq!(report(&[], &[], &[]), "root: none");
    }

    #[test]
    fn what_failed_before_is_no_regression() {
        let regression = |before: &Report, after: &Report| {
            let broken = after.first_regression(before);
            broken.map(|outcome| outcome.name.clone())
        };
        let sound = conclusion(&[], &[], &[]);
        let no_mysql = conclusion(&["mysql", "data"], &[], &[]);
        let odd_mysql = conclusion(&[], &["mysql"], &[]);
        for (before, after, broken) in [
            (&sound, &sound, None),
            (&no_mysql, &sound, None),
            (&no_mysql, &no_mysql, None),
            (&sound, &no_mysql, Some("mysql")),
            (&sound, &odd_mysql, Some("mysql")),
            // It failed before, and now others cannot be asked because of it.
            (&odd_mysql, &conclusion(&["mysql"], &[], &[]), Some("mysql")),
            (
                &no_mysql,
                &conclusion(&["mysql", "data", "A"], &[], &[]),
                Some("A"),
            ),
            // What nobody could ask says nothing.
            (&sound, &conclusion(&[], &[], &["A"]), None),
        ] {
            assert_eq!(regression(before, after).as_deref(), broken);
        }
    }

    #[test]
    fn the_report_is_in_the_order_of_the_chain() {
        let checks = stack();
        let titles: Vec<&str> = in_chain_order(&checks)
            .iter()
            .map(|check| check.title.as_str())
            .collect();
        assert_eq!(
            titles,
            [
                "named",
                "A",
                "https",
                "certificate",
                "nginx",
                "page",
                "redirect",
                "app",
                "health",
                "mysql",
                "data",
                "3306 closed"
            ]
        );
    }

    #[test]
    fn a_stopped_mysql_is_named_and_the_page_is_skipped_because_of_it() {
        assert_eq!(
            report(&["mysql", "data", "health", "page"], &[], &[]),
            "skip page (database failed: mysql)\n\
             skip health (database failed: mysql)\n\
             fail mysql (-)\n\
             fail data (-)\n\
             root: mysql"
        );
    }

    #[test]
    fn an_app_that_died_of_its_database_is_not_the_root() {
        let text = report(&["mysql", "data", "app", "health", "page"], &[], &[]);
        assert!(text.contains("fail app (-)"), "{text}");
        assert!(text.ends_with("root: mysql"), "{text}");
    }

    #[test]
    fn a_stopped_nginx_breaks_tcp_first() {
        assert_eq!(
            report(
                &[
                    "https",
                    "certificate",
                    "nginx",
                    "page",
                    "health",
                    "redirect"
                ],
                &[],
                &[]
            ),
            "fail https (-)\n\
             skip certificate (tcp failed: https)\n\
             fail nginx (-)\n\
             skip page (tcp failed: https)\n\
             skip redirect (tcp failed: https)\n\
             skip health (tcp failed: https)\n\
             root: https"
        );
    }

    #[test]
    fn a_stopped_named_is_named_first_and_the_page_by_name_is_skipped() {
        let text = report(&["named", "A", "page", "health", "redirect"], &[], &[]);
        assert!(text.starts_with("fail named (-)\nfail A (-)\nskip page (dns failed: named)"));
        assert!(text.ends_with("root: named"), "{text}");
    }

    #[test]
    fn a_bad_certificate_leaves_plain_http_alone() {
        assert_eq!(
            report(&["certificate", "page", "health"], &[], &[]),
            "fail certificate (-)\n\
             skip page (tls failed: certificate)\n\
             skip health (tls failed: certificate)\n\
             root: certificate"
        );
    }

    #[test]
    fn a_stopped_app_is_the_root_of_the_page() {
        assert_eq!(
            report(&["app", "health", "page"], &[], &[]),
            "skip page (app failed: app)\nfail app (-)\nfail health (-)\nroot: app"
        );
    }

    #[test]
    fn a_flaw_hides_nothing_and_is_no_root_where_something_is_broken() {
        assert_eq!(report(&[], &["named"], &[]), "fail named (-)\nroot: named");
        assert_eq!(
            report(&["page"], &["named"], &[]),
            "fail named (-)\nfail page (-)\nroot: page"
        );
    }

    #[test]
    fn what_was_not_asked_is_skipped_and_breaks_nothing() {
        assert_eq!(
            report(&[], &[], &["mysql", "data"]),
            "skip mysql (no connection)\nskip data (no connection)\nroot: none"
        );
    }

    #[test]
    fn an_outcome_is_the_json_line_of_the_command_line() {
        let checks = stack();
        let answer = Answer::Judged {
            judgement: Judgement::Broken("closed".to_owned()),
            ms: 12,
        };
        let report = conclude([(&checks[4], answer)]);
        assert_eq!(
            serde_json::to_string(&report.outcomes[0]).unwrap(),
            r#"{"type":"check","hop":"tcp","name":"https","outcome":"fail","ms":12,"expected":"open","actual":"closed"}"#
        );
        let skipped = conclude([(&checks[4], Answer::NotAsked("offline".to_owned()))]);
        assert_eq!(
            serde_json::to_string(&skipped.outcomes[0]).unwrap(),
            r#"{"type":"check","hop":"tcp","name":"https","outcome":"skip","ms":0,"expected":"open","because":"offline"}"#
        );
    }
}
