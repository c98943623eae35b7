//! A server with nothing on it: the plan, and whether it comes true.

use crate::server::Server;
use crate::support::{Change, Ending};
use std::collections::BTreeSet;

/// The ids of the steps that a run finished.
fn finished(run: &Ending) -> BTreeSet<String> {
    let steps = run.lines("step").into_iter();
    steps
        .filter(|step| step["state"] == "finished")
        .flat_map(|step| step["ids"].as_array().cloned().unwrap_or_default())
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect()
}

pub(crate) fn a_bare_server_becomes_what_the_plan_says(server: &Server) {
    // An image may come without the package lists, which the first look fetches.
    server.run(&["plan"]).exits(0);

    let plan = server
        .run(&["plan", "--json", "--detailed-exitcode"])
        .exits(2);
    let planned = plan.changes();
    let ids: BTreeSet<String> = planned.iter().map(|change| change.id.clone()).collect();
    assert!(planned.len() > 40, "{planned:#?}");
    assert_eq!(ids.len(), planned.len(), "an id twice: {planned:#?}");
    for (action, id) in [
        ("create", "package:nginx"),
        ("create", "file:/etc/nginx/nginx.conf"),
        ("create", "zone:foobar.com"),
        ("create", "certificate:/etc/ssl/foobar-stack/foobar.com.pem"),
        (
            "create",
            "secret:/etc/foobar-stack/secrets/foobar.SESSION_KEY",
        ),
        ("create", "release:/srv/foobar"),
        ("create", "database:foobar"),
        ("create", "database_user:foobar"),
        ("create", "service:nginx.service"),
        ("run", "command:foobar-migrate"),
        // What a package brings and the stack does not want is known beforehand.
        ("delete", "absent:/etc/nginx/sites-enabled/default"),
    ] {
        let change = Change {
            action: action.to_owned(),
            id: id.to_owned(),
        };
        assert!(planned.contains(&change), "no {change:?} in {planned:#?}");
    }
    for change in plan.lines("change") {
        let text = |key: &str| change[key].as_str().unwrap_or_default().to_owned();
        assert!(
            !text("because").is_empty() && !text("impact").is_empty(),
            "{change}"
        );
        if text("id").starts_with("file:") && !text("id").ends_with("lab.key") {
            assert!(text("diff").contains("\n+"), "no content: {change}");
        }
    }
    let again = server.run(&["plan", "--json"]).exits(0).changes();
    assert_eq!(again, planned, "the same server, another plan");

    let run = server.run(&["apply", "--yes", "--json"]).exits(0);
    assert_eq!(
        run.lines("plan").len(),
        1,
        "one plan is enough: {}",
        run.said()
    );
    assert_eq!(run.changes(), planned, "apply has a plan of its own");
    assert_eq!(finished(&run), ids, "what ran is not what was planned");
    assert_eq!(run.summary()["checks"]["healthy"], true);

    server.run(&["plan"]).exits(0).says(&["No changes."]);
    let plan = server
        .run(&["plan", "--json", "--detailed-exitcode"])
        .exits(0);
    assert_eq!(plan.changes(), []);
    let idle = server.run(&["apply", "--yes", "--json"]).exits(0);
    assert!(
        idle.lines("run").is_empty(),
        "a run for nothing: {}",
        idle.said()
    );

    let verify = server.run(&["verify", "--json"]).exits(0);
    let hops: BTreeSet<String> = verify
        .lines("check")
        .iter()
        .inspect(|check| assert_eq!(check["outcome"], "pass", "{check}"))
        .filter_map(|check| check["hop"].as_str().map(str::to_owned))
        .collect();
    let all = ["app", "database", "dns", "server", "tcp", "tls", "web"];
    assert_eq!(hops, all.map(str::to_owned).into());
    let client = server.on("command -v mysqld mariadbd || true");
    let daemon = format!("{}d", server.engine());
    assert!(client.contains(&daemon), "{client} is not {daemon}");
}
