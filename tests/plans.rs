//! Plans of generated inventories on generated servers: what was applied needs no change.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

#[path = "fixtures/applied.rs"]
mod applied;
mod fixtures;

use applied::{NOW, Seen, applied};
use foobar_stack::diagnostic::Source;
use foobar_stack::facts::{Facts, Os};
use foobar_stack::inventory;
use foobar_stack::plan::{Basis, Plan, Shown, Stack, affected, plan};
use foobar_stack::resource::{ExecutionPlan, Observed, State, kinds};
use foobar_stack::role::{RoleSource, Roles, builtin, compile_one};
use foobar_stack::types::ServerName;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A server: its release, and the versions of the packages that roles ask for.
const SERVERS: [(&str, &str, &str, &str, &str); 5] = [
    ("debian", "12", "bookworm", "1.22.1-9", ""),
    ("debian", "13", "trixie", "1.26.3-3", ""),
    ("debian", "", "sid", "1.30.1-1", "9.7.0-1"),
    ("ubuntu", "24.04", "noble", "1.24.0-2ubuntu7", "8.0.42"),
    ("ubuntu", "22.04", "jammy", "1.22.0-1", "8.0.42"),
];

/// Everything that a generated case may choose.
#[derive(Debug, Clone)]
struct Choice {
    server: usize,
    memory: u64,
    domain: &'static str,
    tls: usize,
    hsts: u8,
    dns: bool,
    firewall: bool,
    database: bool,
    app: bool,
    socket: bool,
    migrate: bool,
    hostname: bool,
    aliases: usize,
    records: Vec<(String, u8)>,
    secrets: BTreeSet<String>,
    environment: BTreeMap<String, String>,
    openings: BTreeSet<u16>,
    code: String,
}

fn choice() -> impl Strategy<Value = Choice> {
    let site = (
        0..SERVERS.len(),
        1_u64..64,
        prop::sample::select(vec!["foobar.com", "a.example"]),
        0_usize..4,
        0_u8..3,
    );
    let toggles = prop::collection::vec(any::<bool>(), 7);
    let lists = (
        0_usize..3,
        prop::collection::vec(("[a-z]{3,8}", any::<u8>()), 0..4),
        prop::collection::btree_set("[A-Z]{4,8}", 0..3),
        prop::collection::btree_map("[A-Z]{4,8}", "[ -~]{0,12}", 0..3),
        prop::collection::btree_set(10_000_u16..20_000, 0..3),
        "[a-z]{0,5}",
    );
    (site, toggles, lists).prop_map(|(site, on, lists)| {
        let (server, memory, domain, tls, hsts) = site;
        let (aliases, records, secrets, environment, openings, code) = lists;
        Choice {
            server,
            memory: memory << 28,
            domain,
            tls,
            hsts,
            dns: on[0],
            firewall: on[1],
            database: on[2],
            app: on[3],
            migrate: on[4],
            hostname: on[5],
            socket: on[6],
            aliases,
            records,
            secrets,
            environment,
            openings,
            code,
        }
    })
}

impl Choice {
    fn inventory(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut text = "[server]\nipv4 = \"192.0.2.1\"\n".to_owned();
        if self.hostname {
            text += "sources.foreign = { url = \"https://deb.example.net\", key = \"key.asc\", packages = [\"tiny*\"] }\n";
            text += "hostname = \"web1\"\ntimezone = \"Etc/UTC\"\n";
        }
        let aliases: Vec<String> = ["www", "web"]
            .iter()
            .take(self.aliases)
            .map(|name| format!("\"{name}.{}\"", self.domain))
            .collect();
        let _ = writeln!(
            text,
            "[site]\ndomain = {:?}\naliases = [{}]",
            self.domain,
            aliases.join(", ")
        );
        let tls = ["self-signed", "off", "files", "acme"][self.tls];
        let _ = writeln!(text, "[tls]\nmode = \"{tls}\"");
        if tls == "files" {
            text += "certificate = \"tls/site.pem\"\nkey = \"tls/site.key\"\n";
        }
        if tls == "acme" && self.dns {
            text += "challenge = \"dns\"\n";
        }
        let _ = writeln!(text, "[web]\nhsts = \"{}d\"", self.hsts);
        let _ = writeln!(text, "[dns]\nenabled = {}", self.dns);
        let mut seen = BTreeSet::new();
        for (name, number) in &self.records {
            let name = format!("x-{name}");
            if self.dns && seen.insert(name.clone()) {
                let _ = writeln!(
                    text,
                    "[[dns.records]]\nname = \"{name}\"\ntype = \"A\"\nvalue = \"198.51.100.{number}\""
                );
            }
        }
        let _ = writeln!(text, "[database]\nenabled = {}", self.database);
        let _ = writeln!(text, "[firewall]\nenabled = {}", self.firewall);
        for port in &self.openings {
            let _ = writeln!(
                text,
                "[[firewall.allow]]\nport = {port}\nprotocol = \"tcp\""
            );
        }
        if !self.app {
            return text + "[app]\nenabled = false\n";
        }
        text += "[app]\nsource = \"app\"\nhealth = \"/up\"\n";
        text += if self.socket {
            "listen = \"socket\"\ncommand = \"bin/serve --at ${SOCKET}\"\n"
        } else {
            "command = \"bin/serve --port ${PORT}\"\n"
        };
        if self.migrate {
            text += "migrate = \"bin/migrate\"\n";
            text += "build = [\"make\"]\npython = {}\npersistent = [\"up/loads\"]\n";
        }
        text += "[app.env]\n";
        for (name, value) in &self.environment {
            let _ = writeln!(text, "X{name} = {}", quoted(value));
        }
        text += "[app.secrets]\n";
        for name in &self.secrets {
            let _ = writeln!(text, "Y{name} = {{ generate = true }}");
        }
        text
    }

    fn facts(&self) -> Facts {
        let (id, version_id, codename, nginx, mysql) = SERVERS[self.server];
        let packages: BTreeMap<String, String> = [
            ("nginx", nginx),
            ("mysql-server", mysql),
            ("mariadb-server", "1:11.8"),
        ]
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .into();
        let os = Os {
            id: id.into(),
            version_id: version_id.into(),
            version_codename: codename.into(),
            pretty_name: format!("{id} {codename}"),
        };
        Facts {
            memory: self.memory,
            hostname: "box".into(),
            date: "20261122".into(),
            now: NOW,
            ..Facts::fresh(os, packages)
        }
    }

    fn stack(&self) -> Stack {
        let text = self.inventory();
        let parsed = inventory::parse(&Source::new("inventory.toml", text.clone()));
        let inventory = match parsed {
            Ok(parsed) => parsed.inventory,
            Err(found) => panic!("{text}\n{:#?}", found.0),
        };
        let mut roles = builtin();
        roles.push(RoleSource {
            name: "lab".to_owned(),
            manifest: Source::new("lab.toml", include_str!("real/lab.toml")),
            templates: BTreeMap::new(),
        });
        let inputs = fixtures::inputs(inventory, &self.code, roles);
        let roles = Roles::read(&inputs.roles).unwrap();
        match compile_one(&inputs, &roles, &ServerName::default(), &self.facts()) {
            Ok(stack) => stack,
            Err(found) => panic!("{text}\n{:#?}", found.0),
        }
    }
}

fn plan_on(stack: &Stack, seen: &Seen) -> Plan {
    work_on(stack, seen).0
}

fn work_on(stack: &Stack, seen: &Seen) -> (Plan, ExecutionPlan) {
    let basis = Basis {
        generation: 1,
        now: NOW + 60,
        date: "20261123".to_owned(),
    };
    let absent = Observed::Absent;
    let observed: Vec<Observed<State>> = stack
        .resources
        .iter()
        .map(|resource| seen.get(&resource.id).unwrap_or(&absent).clone())
        .collect();
    plan(stack, &observed, basis, None).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_applied_needs_no_change(first in choice(), second in choice()) {
        let (old, new) = (first.stack(), second.stack());
        let bare = plan_on(&old, &Seen::new());
        let planned: BTreeSet<_> = bare.changes.iter().map(|change| &change.id).collect();
        prop_assert_eq!(planned.len(), bare.changes.len(), "an id twice");
        for resource in &old.resources {
            let there_already = ["absent", "service"].contains(&resource.id.kind);
            prop_assert!(there_already || planned.contains(&resource.id), "no {}", resource.id);
        }
        let after = applied(&old, &Seen::new());
        let left = plan_on(&old, &after).changes;
        prop_assert!(left.is_empty(), "after the first: {left:#?}");

        // Another inventory on the same server.
        let after = applied(&new, &after);
        let left = plan_on(&new, &after).changes;
        prop_assert!(left.is_empty(), "after the second: {left:#?}");
    }

    #[test]
    fn a_stack_is_the_same_each_time(choice in choice()) {
        let ids = |stack: &Stack| {
            let ids = stack.resources.iter().map(|resource| resource.id.to_string());
            ids.collect::<Vec<_>>()
        };
        let (first, second) = (choice.stack(), choice.stack());
        prop_assert_eq!(ids(&first), ids(&second));
        let (first, second) = (plan_on(&first, &Seen::new()), plan_on(&second, &Seen::new()));
        prop_assert_eq!(first, second);
    }
}

/// One with everything that can be had at once.
fn everything() -> Choice {
    Choice {
        server: 1,
        memory: 1 << 30,
        domain: "foobar.com",
        tls: 0,
        hsts: 1,
        dns: true,
        firewall: true,
        database: true,
        app: true,
        socket: true,
        migrate: true,
        hostname: true,
        aliases: 1,
        records: vec![("mail".to_owned(), 1)],
        secrets: ["KEY".to_owned()].into(),
        environment: BTreeMap::new(),
        openings: BTreeSet::new(),
        code: String::new(),
    }
}

/// Somebody else may have broken what a service reads.
#[test]
fn a_service_that_reads_its_configuration_has_it_validated_first() {
    for (unit, validator) in [
        ("nginx.service", "Nginx"),
        ("named.service", "BIND"),
        ("nftables.service", "nftables"),
        ("mariadb.service", "MariaDB"),
    ] {
        let stack = everything().stack();
        let mut seen = applied(&stack, &Seen::new());
        let none: Vec<&str> = Vec::new();
        let asked = |seen: &Seen| -> Vec<String> {
            let (_, work) = work_on(&stack, seen);
            let asked = affected(&stack, &work).into_iter();
            asked
                .filter(|(_, shown)| *shown == Shown::Present)
                .map(|(validator, _)| validator.name.clone())
                .collect()
        };
        assert_eq!(asked(&seen), none);
        let service = stack.resources.iter().find(|one| one.id.name == unit);
        seen.insert(service.unwrap().id.clone(), Observed::Absent);
        let asked = asked(&seen);
        assert!(asked.iter().any(|name| name == validator), "{asked:?}");
    }
}

#[test]
fn the_generated_stacks_have_every_kind() {
    let all = everything();
    // A site has either sort of certificate.
    let another = Choice {
        tls: 3,
        ..all.clone()
    };
    let stacks = [all.stack(), another.stack()];
    let have: BTreeSet<&str> = stacks
        .iter()
        .flat_map(|stack| &stack.resources)
        .map(|resource| resource.id.kind)
        .collect();
    // What an earlier stack has left: the server's record or its releases make it.
    let left = ["retired", "orphan", "orphan_package", "old_release"];
    let all = kinds().iter().copied().filter(|kind| !left.contains(kind));
    assert_eq!(have, all.collect());
}
