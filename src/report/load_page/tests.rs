//! The page of a load, against what should stand on it.

use super::super::load::Loaded;
use super::page;
use crate::operate::saturation::{Saturation, UnitUse, Use};
use foobar_stack_load::{Outcome, Profile, Record, Request};
use std::time::Duration;

fn outcome(due: u64, took: u64, result: Result<u64, (&str, &str)>) -> Outcome {
    Outcome {
        due: Duration::from_millis(due),
        ended: Duration::from_millis(due + took),
        retried: due == 2400,
        result: result.map_err(|(kind, first)| (kind.to_owned(), first.to_owned())),
    }
}

/// Twelve seconds; the server stands still for one of them, and then refuses some.
fn record() -> Record {
    let mut record = Record::default();
    for due in (0..12_000).step_by(50) {
        let took = match due {
            5000..6000 => 6000 - due,
            _ => 2 + due % 70 / 5,
        };
        let result = match due {
            6000..6400 => Err(("status 502", "GET /: 502 Bad Gateway")),
            _ => Ok(1000),
        };
        record.add(outcome(due, took, result));
    }
    record.elapsed = Duration::from_secs(12);
    record
}

#[test]
fn a_page_has_figures_charts_and_tables() {
    let record = record();
    let saturation = Saturation {
        sentence: "bottleneck: processors, 97 % of 2 busy, at most 100 %".to_owned(),
        uses: vec![
            Use {
                what: "processors".to_owned(),
                share: 0.97,
                figures: "97 % of 2 busy, at most 100 %".to_owned(),
                since: Some(0.0),
            },
            Use {
                what: "memory".to_owned(),
                share: 0.5,
                figures: "at least 1024 MiB of 2048 MiB were available".to_owned(),
                since: None,
            },
        ],
        units: vec![UnitUse {
            unit: "foobar-app@1.service".to_owned(),
            role: "app".to_owned(),
            processors: 1.5,
            memory: Some(100 << 20),
        }],
    };
    let profile = Profile {
        rate: 20.0,
        requests: ["3:/", "/healthz?a=1&b=2"]
            .map(|text| Request::get(text).unwrap())
            .into(),
        ..Profile::default()
    };
    let loaded = Loaded {
        site: "https://foobar.com",
        profile: &profile,
        record: &record,
        saturation: &saturation,
    };
    let page = page(&loaded).unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../tests/cases/report");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("load-page", page));
}

#[test]
fn what_comes_from_a_server_is_text_on_the_page() {
    let mut record = Record::default();
    record.add(outcome(100, 20, Ok(5)));
    let hostile = ("<kind>", "<script>x</script>");
    record.add(outcome(1200, 20, Err(hostile)));
    record.elapsed = Duration::from_secs(2);
    let saturation = Saturation {
        sentence: "<b>nothing</b> is known".to_owned(),
        uses: Vec::new(),
        units: Vec::new(),
    };
    let loaded = Loaded {
        site: "https://foobar.com",
        profile: &Profile::default(),
        record: &record,
        saturation: &saturation,
    };
    let page = page(&loaded).unwrap();
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;x&lt;/script&gt;") && page.contains("&lt;kind&gt;"));
    assert!(page.contains("&lt;b&gt;nothing"), "{page}");
    assert!(
        !page.contains("http://") && !page.contains("src="),
        "nothing from elsewhere"
    );
    assert_eq!(page.matches("<svg").count(), 2);
    assert!(!page.contains("NaN") && !page.contains("inf"));
}
