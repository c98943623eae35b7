//! What a plan costs the server.

use crate::server::{Server, Site};

const MANY: &str = r#"
[[directory]]
for_each = "range(end=40)"
path = "/srv/many/{{ item }}"

[[file]]
for_each = "range(end=40)"
path = "/srv/many/{{ item }}/file"
content = "{{ item }}\n"

[[file]]
for_each = "range(end=40)"
path = "/srv/many/{{ item }}.txt"
content = "{{ item }}\n"

[[file]]
for_each = "range(end=2)"
path = "/srv/many/{{ item }}.secret"
content = "{{ item }}\n"
mode = "0600"

[[link]]
for_each = "range(end=40)"
path = "/srv/many/{{ item }}/link"
target = "file"

[[command]]
for_each = "range(end=40)"
name = "many-{{ item }}"
command = ["true"]
key = "1"
"#;

/// How many processes a plan makes on the server: the container counts its process ids by itself.
/// The least of three, since other things happen there, too.
fn processes(server: &Server, site: &Site) -> u32 {
    let last = || {
        let said = server.on("cut -d ' ' -f 5 /proc/loadavg");
        said.trim().parse::<u32>().unwrap_or_default()
    };
    let mut measured = Vec::new();
    for _ in 0..3 {
        let before = last();
        assert_eq!(site.plan().changes(), []);
        measured.push(last().saturating_sub(before));
    }
    measured.into_iter().min().unwrap_or_default()
}

pub(crate) fn a_plan_costs_the_same_for_many_resources(server: &Server) {
    let few = processes(server, &server.site);
    let site = server.site_with("many", |text| text);
    let lab = include_str!("lab.toml");
    site.write("roles/lab/role.toml", &format!("{lab}{MANY}"));
    site.run(&["apply", "--yes"]).exits(0);
    // One folder, files of two modes, and nothing else of ours.
    let found = server.on(
        "cd /srv/many && cat 7.txt && stat -c '%a %U' 7.txt 1.secret && find . -name '.*' ! -name .",
    );
    assert_eq!(found, "7\n644 root\n600 root\n");
    let many = processes(server, &site);
    crate::note(&format!(
        "a plan makes {few} processes, with 202 resources more {many}"
    ));
    assert!(
        many > 10 && many < few + 20,
        "{few} processes, and then {many}"
    );
    assert!(many < 150, "{many} processes");

    // So many things do not leave by accident.
    let words = ["the plan removes 122 of the ", "--delete-many"];
    server.run(&["apply", "--yes"]).exits(1).says(&words);
    server.converge();
    server.on(
        "test ! -e /srv/many/1/link && test ! -e /srv/many/1/file && test ! -e /srv/many/1.txt",
    );
}
