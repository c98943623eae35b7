//! `load`: requests to a real server, counted, and the server looked at meanwhile.

use crate::server::Server;

pub(crate) fn load_is_made_counted_and_explained(server: &Server) {
    let page = server.site.folder.join("load.html");
    let page = page.display().to_string();
    let load = server
        .run(&[
            "load",
            "--json",
            "--duration=5s",
            "--rate=20",
            "--path=3:/",
            "--path=/healthz",
            "--timeout=30s",
            "--slow=/",
            "--fresh=50",
            "--html",
            &page,
        ])
        .exits(0);
    let sum = load.summary()["load"].clone();
    let number = |name: &str| sum[name].as_u64().unwrap_or(u64::MAX);
    assert_eq!(number("failed"), 0, "{}", load.said());
    // A machine that is busy with other things may not get to the last ones.
    assert_eq!(number("requests") + number("unsent"), 100, "{sum}");
    assert!((50..=100).contains(&number("requests")), "{sum}");
    assert!(sum["latency"]["p999"].as_f64() > Some(0.1), "{sum}");
    assert!(sum["slow"]["answered"].as_u64() > Some(0), "{sum}");
    let answered = load
        .lines("second")
        .iter()
        .filter_map(|line| line["answered"].as_u64())
        .sum::<u64>();
    assert_eq!(answered, number("requests"), "each reply is in its second");

    let seen = load.lines("saturation").remove(0);
    let units = seen["units"].as_array().cloned().unwrap_or_default();
    for role in ["web", "app", "database", "dns"] {
        let unit = units.iter().find(|unit| unit["role"] == role);
        assert!(
            unit.is_some_and(|unit| unit["memory"].as_u64() > Some(1 << 20)),
            "{role}: {seen}"
        );
    }
    assert!(seen["uses"].to_string().contains("processors"), "{seen}");

    // What fails is told apart from what does not, and the exit status says it.
    let missing = server
        .run(&[
            "load",
            "--json",
            "--duration=1s",
            "--rate=5",
            "--path=/not-there",
            "--outside",
            "--http=1.1",
        ])
        .exits(1);
    let failure = missing.lines("failure").remove(0);
    assert_eq!(failure["kind"], "status 404", "{failure}");
    assert!(
        failure["first"]
            .as_str()
            .unwrap_or_default()
            .starts_with("GET /not-there: 404"),
        "{failure}"
    );
    let let_pass = [
        "load",
        "--duration=1s",
        "--rate=5",
        "--path=/not-there",
        "--outside",
        "--max-errors=5",
    ];
    server
        .run(&let_pass)
        .exits(0)
        .says(&["status 404", "it was not looked at"]);
}
