//! The built-in roles, compiled for the documented inventory.

use super::*;
use crate::diagnostic::Source;
use crate::facts::{Facts, Os};
use crate::resource::SecretMaterial;
use crate::types::{Code, Node, Tree};

/// A server with these versions of the packages that roles ask for.
fn facts(os: (&str, &str, &str), packages: &[(&str, &str)]) -> Facts {
    let (id, version_id, codename) = os;
    let packages: BTreeMap<String, String> = packages
        .iter()
        .map(|(name, version)| ((*name).to_owned(), (*version).to_owned()))
        .collect();
    Facts {
        os: Os {
            id: id.into(),
            version_id: version_id.into(),
            version_codename: codename.into(),
            pretty_name: format!("{id} {codename}"),
        },
        architecture: "amd64".into(),
        cpus: 2,
        memory: 2 << 30,
        hostname: "box".into(),
        date: "20261122".into(),
        installed: packages.keys().map(|name| (name.clone(), false)).collect(),
        packages,
        ssh_port: 22,
        now: 1_795_000_000,
        package_lists_age: Some(10),
        dpkg_interrupted: Vec::new(),
        dpkg_broken: Vec::new(),
        unsettled: false,
        unverified: None,
        systemd: 257,
        generation: 0,
        maintenance: false,
        managed: Vec::new(),
        made: Vec::new(),
    }
}

fn trixie() -> Facts {
    let packages = [
        ("mysql-server", ""),
        ("mariadb-server", "1:11.8"),
        ("nginx", "1.26.3-3"),
    ];
    facts(("debian", "13", "trixie"), &packages)
}

fn inputs(inventory: &str) -> Inputs {
    let parsed = crate::inventory::parse(&Source::new("inventory.toml", inventory)).unwrap();
    let file = Node::File {
        executable: false,
        content: b"print()"[..].into(),
    };
    Inputs {
        sites: parsed
            .inventory
            .sites
            .iter()
            .map(|(name, site)| {
                let secrets = site.app.secrets.keys();
                let tree = Tree::new(vec![("app.py".into(), file.clone())]);
                let inputs = SiteInputs {
                    secrets: secrets
                        .map(|name| (name.clone(), SecretMaterial::Generated))
                        .collect(),
                    app: site.app.enabled.then(|| Code::new(tree, "", None)),
                };
                (name.clone(), inputs)
            })
            .collect(),
        inventory: parsed.inventory,
        roles: builtin(),
        files: BTreeMap::new(),
        sensitive_files: BTreeMap::new(),
    }
}

const REFERENCE: &str = include_str!("../../inventory/foobar.toml");

#[test]
fn the_documented_inventory_compiles() {
    let inputs = inputs(REFERENCE);
    let roles = Roles::read(&inputs.roles).unwrap();
    let stack = compile_one(&inputs, &roles, &ServerName::default(), &trixie()).unwrap();
    assert_eq!(
        stack.roles,
        ["base", "database", "app", "dns", "firewall", "tls", "web"]
    );
    assert!(
        stack
            .resources
            .iter()
            .any(|one| one.id.to_string() == "service:mariadb.service")
    );
    assert!(stack.checks.len() > 10);
}

#[test]
fn an_engine_the_distribution_lacks_is_an_error_that_says_what_to_do() {
    let text = REFERENCE.replace("# engine = \"auto\"", "engine = \"mysql\"");
    let inputs = inputs(&text);
    let roles = Roles::read(&inputs.roles).unwrap();
    let Diagnostics(mistakes) =
        compile_one(&inputs, &roles, &ServerName::default(), &trixie()).unwrap_err();
    assert_eq!(
        mistakes[0].message,
        "debian trixie has no package mysql-server"
    );
    assert!(mistakes[0].help.as_deref().unwrap().contains("mariadb"));
}
