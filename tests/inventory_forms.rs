//! The short form of an inventory and its long form are the same: every inventory of the cases is
//! written in both, and both compile to the same stack, byte by byte. Several sites on one server.
#![expect(clippy::unwrap_used, reason = "a test may end so")]

mod fixtures;

use foobar_stack::diagnostic::Source;
use foobar_stack::facts::{self, Facts};
use foobar_stack::inventory::{self, Inventory};
use foobar_stack::plan::Stack;
use foobar_stack::resource::SecretMaterial;
use foobar_stack::role::{Roles, builtin, compile};
use foobar_stack::types::{Fqdn, ServerName, SiteName};
use std::path::Path;
use toml::{Table, Value};

const REFERENCE: &str = include_str!("../inventory/foobar.toml");

/// What all sites share, and what stays at the top of the long form.
const SHARED: [(&str, &[&str]); 2] = [
    ("web", &["http_port", "https_port", "http3"]),
    (
        "database",
        &["engine", "listen", "buffer_pool", "max_connections"],
    ),
];

/// The same inventory in the long form, with the names that the short form stands for.
fn long_form(short: &str) -> Option<String> {
    let mut short: Table = short.parse().ok()?;
    if short.contains_key("sites") || short.contains_key("servers") {
        return None;
    }
    let mut long = Table::new();
    let mut site = short.remove("site")?.as_table()?.clone();
    for section in ["dns", "tls", "app", "web", "database", "cache"] {
        let Some(Value::Table(table)) = short.remove(section) else {
            continue;
        };
        let of_all = SHARED.iter().find(|(name, _)| *name == section);
        let is_shared = |key: &str| of_all.is_some_and(|(_, keys)| keys.contains(&key));
        let (shared, own): (Table, Table) = table.into_iter().partition(|(key, _)| is_shared(key));
        if !shared.is_empty() {
            long.insert(section.to_owned(), shared.into());
        }
        site.insert(section.to_owned(), own.into());
    }
    let named = |name: &str, table: Table| Table::from_iter([(name.to_owned(), table.into())]);
    let server = short.remove("server")?.as_table()?.clone();
    long.insert("servers".to_owned(), named("server", server).into());
    long.insert("sites".to_owned(), named("site", site).into());
    long.extend(short);
    Some(toml::to_string(&long).unwrap())
}

fn parsed(text: &str) -> Option<Inventory> {
    let parsed = inventory::parse(&Source::new("inventory.toml", text));
    parsed.ok().map(|parsed| parsed.inventory)
}

fn facts() -> Facts {
    let text = "os.id debian\nos.version_id 13\nos.version_codename trixie\n\
                os.pretty_name Debian\nhostname web1\ncpus 0-1\nmemory 8000000\nnow 1795376400\n\
                connection 10.0.0.1 5 10.0.0.2 22\nlogin root\nsystemd.running yes\ngeneration 0\napt yes\n\
                package ii |dpkg|1.22|amd64\npackage ii |systemd|257|amd64\nlists 1795376000\n\
                nginx:\n  Candidate: 1.26.3\nmariadb-server:\n  Candidate: 1:11.8.6\n\
                mysql-server:\n  Candidate: 8.4\nvalkey-tools:\n  Candidate: 8.1\nend facts\n";
    let asked = ["nginx", "mysql-server", "mariadb-server", "valkey-tools"].map(str::to_owned);
    facts::parse(text, &asked).unwrap()
}

fn stack(inventory: Inventory) -> Result<Stack, String> {
    let inputs = fixtures::inputs(inventory, "x", builtin());
    let roles = Roles::read(&inputs.roles).unwrap();
    let facts = [(ServerName::default(), facts())].into();
    let fleet = compile(&inputs, &roles, &facts).map_err(|found| format!("{:#?}", found.0))?;
    Ok(fleet.stacks.into_values().next().unwrap())
}

/// Everything of a stack as a text.
fn written(stack: &Result<Stack, String>) -> String {
    format!("{stack:#?}")
}

#[test]
fn both_forms_of_every_inventory_are_the_same() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/inventory");
    let mut texts = vec![REFERENCE.to_owned()];
    for entry in std::fs::read_dir(cases).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    let (mut same, mut wrong) = (0, 0);
    for text in &texts {
        let Some(long) = long_form(text) else {
            continue;
        };
        match (parsed(text), parsed(&long)) {
            (Some(short), Some(long)) => {
                assert_eq!(short, long, "{text}");
                assert_eq!(written(&stack(short)), written(&stack(long)), "{text}");
                same += 1;
            }
            (None, None) => wrong += 1,
            (short, _) => panic!(
                "only the {} form is right:\n{text}\n{long}",
                if short.is_some() { "short" } else { "long" }
            ),
        }
    }
    assert!(same >= 12 && wrong >= 60, "{same} and {wrong}");
}

const TWO: &str = r#"
[server]
ipv4 = "192.0.2.7"
[sites.shop]
domain = "shop.example"
[sites.shop.app]
source = "shop"
command = "serve"
packages = ["gunicorn", "acl"]
[sites.blog]
domain = "blog.example"
[sites.blog.app]
source = "blog"
command = "serve"
packages = ["gunicorn"]
health = "/healthz"
"#;

#[test]
fn two_sites_share_a_server_and_nothing_else() {
    let stack = stack(parsed(TWO).unwrap()).unwrap();
    let of = |site: &str| {
        let name = SiteName::new(site).unwrap();
        let own = stack
            .resources
            .iter()
            .filter(move |one| one.site.as_ref() == Some(&name));
        own.map(|one| one.id.to_string()).collect::<Vec<_>>()
    };
    let shared: Vec<String> = stack
        .resources
        .iter()
        .filter(|one| one.site.is_none())
        .map(|one| one.id.to_string())
        .collect();
    for site in ["shop", "blog"] {
        let own = of(site);
        for id in [
            format!("release:/srv/{site}"),
            format!("deployment:{site}-app"),
            format!("database:{site}"),
            format!("database_user:{site}"),
            format!("zone:{site}.example"),
            format!("certificate:/etc/ssl/foobar-stack/{site}.example.pem"),
            format!("file:/etc/nginx/sites-available/{site}.example.conf"),
        ] {
            assert!(own.contains(&id), "no {id} in {own:#?}");
        }
    }
    for id in [
        "package:gunicorn",
        "package:acl",
        "file:/etc/nginx/nginx.conf",
        "service:nginx.service",
        "service:mysql.service",
        "service:named.service",
    ] {
        assert!(shared.iter().any(|one| one == id), "no {id} in {shared:#?}");
    }
    let deployment = |name: &str| {
        let mut all = stack.resources.iter();
        let found = all.find(|one| one.id.to_string() == format!("deployment:{name}-app"));
        format!("{:?}", found.unwrap().spec)
    };
    // The first of the text has the first port; the other one begins beyond all that it can take.
    assert!(deployment("shop").contains("8000") && deployment("blog").contains("8128"));
}

#[test]
fn a_site_below_another_one_has_its_records_there() {
    let text = TWO.replace("blog.example", "blog.shop.example");
    let inventory = parsed(&text).unwrap();
    let site = |name: &str| &inventory.sites[&SiteName::new(name).unwrap()];
    let (shop, blog) = (&site("shop").dns, &site("blog").dns);
    assert!(blog.shared && !shop.shared);
    assert_eq!(blog.zone.as_str(), "shop.example");
    let names: Vec<String> = shop
        .records
        .iter()
        .map(|one| format!("{} {}", one.name, one.kind))
        .collect();
    for record in [
        "blog.shop.example A",
        "www.blog.shop.example CNAME",
        "shop.example A",
    ] {
        assert!(
            names.iter().any(|one| one == record),
            "no {record} in {names:?}"
        );
    }
    let stack = stack(inventory).unwrap();
    let zones = stack.resources.iter().filter(|one| one.id.kind == "zone");
    assert_eq!(zones.count(), 1);
}

#[test]
fn each_of_several_servers_has_what_it_does_and_nothing_else() {
    let text = "[servers.app1]\nipv4 = \"203.0.113.1\"\nroles = [\"web\", \"app\", \"database\"]\n\
                [servers.ns1]\nipv4 = \"203.0.113.2\"\nroles = [\"dns\"]\n\
                [site]\ndomain = \"foobar.example\"\n\
                [app]\nsource = \"app\"\ncommand = \"/bin/app\"\n\
                [backup]\nrepository = \"sftp:backup@203.0.113.9:/srv/backup\"\n";
    let inventory = parsed(text).unwrap();
    let names: Vec<ServerName> = inventory.servers.keys().cloned().collect();
    let inputs = fixtures::inputs(inventory, "x", builtin());
    let roles = Roles::read(&inputs.roles).unwrap();
    let facts = names.into_iter().map(|name| (name, facts())).collect();
    let fleet = compile(&inputs, &roles, &facts).unwrap();
    let roles_of = |name: &str| {
        let stack = &fleet.stacks[&ServerName::new(name).unwrap()];
        stack.roles.join(" ")
    };
    assert_eq!(roles_of("ns1"), "base dns firewall");
    assert_eq!(
        roles_of("app1"),
        "base database app firewall tls web backup"
    );
    let written_on = |name: &str| {
        let stack = &fleet.stacks[&ServerName::new(name).unwrap()];
        written(&Ok(stack.clone()))
    };
    let ns1 = written_on("ns1");
    for record in ["A 203.0.113.1", "A 203.0.113.2"] {
        let (kind, address) = record.split_once(' ').unwrap();
        assert!(ns1.contains(address), "{kind} {address}");
    }
}

#[test]
fn a_second_name_server_copies_what_the_first_one_has() {
    let text = "[servers.web1]\nipv4 = \"203.0.113.1\"\nipv6 = \"2001:db8::1\"\n\
                [servers.a]\nipv4 = \"203.0.113.2\"\nroles = [\"dns\"]\n\
                [site]\ndomain = \"foobar.example\"\n[app]\nenabled = false\n\
                [dns]\ndnssec = true\n[[dns.zones]]\nname = \"other.example\"\n\
                [[dns.secondaries]]\nname = \"ns2.foobar.example\"\naddress = \"203.0.113.9\"\n";
    let inventory = parsed(text).unwrap();
    let dns = &inventory.sites.first_key_value().unwrap().1.dns;
    let names: Vec<&str> = dns.nameservers.iter().map(Fqdn::as_str).collect();
    let expected = [
        "ns1.foobar.example",
        "ns3.foobar.example",
        "ns2.foobar.example",
    ];
    assert_eq!(names, expected);
    let address = |name: &str| {
        let mut records = dns.records.iter();
        let found = records.find(|one| one.name.as_str() == name && one.kind == "A");
        found.map(|one| one.value.clone())
    };
    for (name, expected) in [
        ("ns1", "203.0.113.1"),
        ("ns3", "203.0.113.2"),
        ("ns2", "203.0.113.9"),
    ] {
        let found = address(&format!("{name}.foobar.example"));
        assert_eq!(found.as_deref(), Some(expected), "{name}");
    }
    let mut inputs = fixtures::inputs(inventory, "x", builtin());
    let name = "dns.key.foobar.example-ns3.foobar.example".to_owned();
    let site = inputs.sites.entry(SiteName::default()).or_default();
    site.secrets.insert(name, SecretMaterial::Generated);
    let roles = Roles::read(&inputs.roles).unwrap();
    let names: Vec<ServerName> = inputs.inventory.servers.keys().cloned().collect();
    let facts = names.into_iter().map(|name| (name, facts())).collect();
    let fleet = compile(&inputs, &roles, &facts).unwrap();
    let configuration = |name: &str| {
        let stack = &fleet.stacks[&ServerName::new(name).unwrap()];
        let mut files = stack
            .resources
            .iter()
            .flat_map(|one| one.spec.rendered("20260101"));
        let found = files.find(|file| file.path.as_str() == "/etc/bind/named.conf");
        let file = found.unwrap();
        String::from_utf8_lossy(&file.content.unwrap_or_default()).into_owned()
    };
    let (first, copy) = (configuration("web1"), configuration("a"));
    let key = "key \"foobar.example-ns3.foobar.example\"";
    assert!(
        first.contains(&format!(
            "also-notify {{ 203.0.113.9; 203.0.113.2 {key}; }};"
        )),
        "{first}"
    );
    assert!(!first.contains("type secondary"), "{first}");
    let primaries = format!("primaries {{ 203.0.113.1 {key}; 2001:db8::1 {key}; }};");
    assert_eq!(copy.matches(&primaries).count(), 2, "{copy}");
    assert!(
        !copy.contains("type primary") && !copy.contains("dnssec-policy"),
        "{copy}"
    );
    let zones = |name: &str| {
        let stack = &fleet.stacks[&ServerName::new(name).unwrap()];
        stack
            .resources
            .iter()
            .filter(|one| one.id.kind == "zone")
            .count()
    };
    assert_eq!((zones("web1"), zones("a")), (2, 0));
}
