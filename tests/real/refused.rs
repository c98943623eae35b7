//! What a server does not take: nothing on it is touched, or everything is put back.

use crate::page::page;
use crate::server::Server;

/// Everything that a run could change, and what runs, one line each.
const FINGERPRINT: &str = r"
    cd /
    find etc srv var/www usr/sbin/policy-rc.d var/lib/foobar-stack/commands \
        var/lib/foobar-stack/pending -printf '%p %y %m %u %g %s %T@ %l\n' 2>/dev/null | sort
    find etc srv var/www -xdev -type f -print0 | sort -z | xargs -0 sha256sum
    systemctl list-unit-files --no-pager --no-legend nginx* named* my* mariadb* foobar* nft* lab*
    systemctl show -p Id,ActiveState,MainPID,InvocationID,NRestarts,ExecMainStartTimestampMonotonic \
        nginx named mysql mariadb nftables lab foobar-app-blue@8000 foobar-app-green@8001
    nft list ruleset
    getent passwd
";

/// What stands in one of two texts only.
fn difference(before: &str, after: &str) -> String {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(before), lines(after));
    let only = |these: &[String], those: &[String], mark: &str| -> String {
        let lines = these.iter().filter(|line| !those.contains(line));
        lines.map(|line| format!("{mark}{line}\n")).collect()
    };
    only(&before, &after, "-") + &only(&after, &before, "+")
}

pub(crate) fn a_broken_template_is_refused_with_nothing_touched(server: &Server) {
    let before = server.on(FINGERPRINT);
    let (database, cnf) = match server.engine() {
        "mysql" => ("MySQL", include_str!("../../templates/database/mysql.cnf")),
        _ => (
            "MariaDB",
            include_str!("../../templates/database/mariadb.cnf"),
        ),
    };
    let cnf_name = format!("database/{}.cnf", server.engine());
    for (template, text, validator, words) in [
        (
            "web/nginx.conf",
            include_str!("../../templates/web/nginx.conf"),
            "Nginx",
            "unknown directive \"nonsense\"",
        ),
        (
            "dns/named.conf",
            include_str!("../../templates/dns/named.conf"),
            "BIND",
            "unknown option 'nonsense'",
        ),
        (
            "firewall/nftables.conf",
            include_str!("../../templates/firewall/nftables.conf"),
            "nftables",
            "syntax error",
        ),
        (cnf_name.as_str(), cnf, database, "nonsense"),
    ] {
        let site = server.site_with(&format!("broken-{validator}"), |text| text);
        site.write(
            &format!("templates/{template}"),
            &format!("{text}\nnonsense 1;\n"),
        );
        // A change that would be made, were it not for the other.
        site.write("templates/web/unavailable.html", "changed\n");
        let plan = site.plan();
        assert!(plan.changes().len() >= 2, "{}", plan.said());
        let refusal = format!("{validator} refuses the new configuration:");
        // Others that look at the same files are asked in the same step.
        let step = format!("the step 'validate with {validator}");
        site.run(&["apply", "--yes"])
            .exits(1)
            .says(&[&refusal, words, &step]);
        page(server);
    }
    let after = server.on(FINGERPRINT);
    assert!(before == after, "touched:\n{}", difference(&before, &after));

    a_file_of_somebody_else(server);
    let after = server.on(FINGERPRINT);
    assert!(before == after, "touched:\n{}", difference(&before, &after));

    a_template_that_does_not_render(server);
    let after = server.on(FINGERPRINT);
    assert!(before == after, "touched:\n{}", difference(&before, &after));
    a_release_that_does_not_run(server);
}

/// Nothing of ours changes in Nginx, which would read it all the same.
fn a_file_of_somebody_else(server: &Server) {
    let path = "/etc/nginx/conf.d/broken.conf";
    let folder = "/etc/nginx/conf.d";
    server.on(&format!(
        "touch -r {folder} /run/moment && echo 'broken;' >{path}"
    ));
    let not_ours = format!("{path} is not managed by foobar-stack");
    server.run(&["apply", "--yes"]).exits(1).says(&[
        "Nginx refuses the present configuration:",
        "unknown directive \"broken\"",
        &not_ours,
    ]);
    server.on(&format!(
        "rm {path} && touch -r /run/moment {folder} && rm /run/moment"
    ));
    server.run(&["plan"]).exits(0).says(&["No changes."]);
}

/// It is shown at its place, and no run begins.
fn a_template_that_does_not_render(server: &Server) {
    let site = server.site_with("unrendered", |text| text);
    site.write(
        "templates/web/headers.conf",
        "# fine\nadd_header X {{ site.dmoain }};\n",
    );
    for command in [["validate", "-v"], ["plan", "-v"], ["apply", "--yes"]] {
        let said = site.run(&command).exits(65);
        let said = said.says(&["templates/web/headers.conf:2:", "{{ site.dmoain }}", "^"]);
        assert!(!said.out.contains("steps in"), "{}", said.said());
    }
}

/// Its visitors stay with the old one, and so does the zone, whose reload had worked.
fn a_release_that_does_not_run(server: &Server) {
    let site = server.site_with("dead-app", |text| {
        text.replacen("\n[app]\n", "\n[app]\nstart_timeout = \"10s\"\n", 1)
            + "\n[[dns.records]]\nname = \"dead\"\ntype = \"A\"\nvalue = \"192.0.2.9\"\n"
    });
    site.write("app/app.py", "raise SystemExit('this app does not live')\n");
    let planned = site.plan().changes();
    site.run(&["apply", "--yes"])
        .exits(6)
        .says(&["this app does not live", "rolled back"]);
    page(server);
    assert_eq!(
        site.plan().changes(),
        planned,
        "what was undone is not what was done"
    );
    server.run(&["verify"]).exits(0);
    server.converge();
    server.run(&["plan"]).exits(0).says(&["No changes."]);
}
