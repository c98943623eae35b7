//! Two sites on one server: they are set up and proven together, each is deployed without a request
//! of either being lost, one goes back to a release while the other stays, and one is taken out of
//! the inventory without the other noticing.

use crate::note;
use crate::server::{Server, Site};
use crate::support::until;
use foobar_stack_load::{Background, Profile, Target, Trust};
use std::net::SocketAddr;
use std::time::Duration;

/// The sections of a site, in the form that a site has alone.
const SECTIONS: [&str; 5] = ["dns", "tls", "web", "app", "database"];

/// The inventory of the only site as that of two: `shop`, which lets `guest` in during maintenance,
/// and `blog` beside it.
fn inventory(text: &str, guest: &str) -> String {
    let mut table: toml::Table = text.parse().unwrap_or_default();
    let mut site = toml::Table::new();
    for section in SECTIONS {
        site.extend(
            table
                .remove(section)
                .map(|value| (section.to_owned(), value)),
        );
    }
    table.remove("site");
    let named = |name: &str| {
        let mut site = site.clone();
        site.insert("domain".to_owned(), format!("{name}.example").into());
        if let Some(app) = site.get_mut("app").and_then(toml::Value::as_table_mut) {
            app.insert("source".to_owned(), name.into());
            app.insert("drain".to_owned(), "4s".into());
        }
        if let Some(web) = site.get_mut("web").and_then(toml::Value::as_table_mut)
            && name == "shop"
        {
            web.insert("maintenance_allow".to_owned(), vec![guest].into());
        }
        (name.to_owned(), toml::Value::from(site))
    };
    table.insert(
        "sites".to_owned(),
        toml::Table::from_iter(["shop", "blog"].map(named)).into(),
    );
    toml::to_string(&table).unwrap_or_default()
}

/// The page that a site shows to everybody, from outside.
fn page(server: &Server, site: &str) -> String {
    let address = server.address;
    server.on(&format!(
        "curl -sk --fail --connect-to ::{address}: https://{site}.example/"
    ))
}

/// Load on a site of the server, in the background.
fn load(server: &Server, site: &str) -> Background {
    let target = Target {
        https: true,
        host: format!("{site}.example"),
        port: 443,
        address: server.address,
        trust: Trust::Anybody,
    };
    let profile = Profile {
        rate: 30.0,
        duration: Duration::from_secs(3600),
        connections: 8,
        timeout: Duration::from_secs(30),
        ..Profile::default()
    };
    match Background::start(&target, profile) {
        Ok(load) => load,
        Err(error) => panic!("{error}"),
    }
}

/// Not a request was lost.
#[track_caller]
fn nothing_lost(site: &str, load: Background) {
    let good = until("enough requests", || {
        Some(load.so_far().0).filter(|good| *good > 100)
    });
    let record = load.end();
    note(&format!(
        "{site}: {good} requests, {} failed",
        record.failed()
    ));
    assert_eq!(record.failed(), 0, "{site}: {record:?}");
}

/// Changes the app of a site, and says which words its page has from now on.
fn change(folder: &Site, site: &str, words: &str) {
    let path = format!("{site}/pages.py");
    let text = folder.read(&path);
    assert!(text.contains("<h1>"), "{text}");
    folder.write(&path, &text.replace("<h1>", &format!("<h1>{words} ")));
}

/// What of the server belongs to one site, with the times at which it was made.
fn own(server: &Server, site: &str) -> String {
    server.on(&format!(
        "systemctl show --value -p InvocationID '{site}-app-*'
        stat -c '%n %Y %i' /etc/nginx/sites-available/{site}.example.conf /etc/bind/zones/{site}.example.zone \
            /etc/ssl/foobar-stack/{site}.example.* /etc/foobar-stack/secrets/{site}.* /srv/{site}/current
        mariadb -N -e 'SELECT COUNT(*) FROM {site}.entries'"
    ))
}

pub(crate) fn sites_share_a_server_and_nothing_else(server: &Server) {
    let guest = server.gateway();
    let both = server.site_with("both", |text| inventory(&text, &guest));
    for site in ["shop", "blog"] {
        crate::server::copy(&both.folder.join("app"), &both.folder.join(site));
    }
    // A role of one site alone: what it makes has the same name for each.
    both.run(&["validate"]).exits(65).says(&[
        "is not the same for the sites blog and shop",
        "which is then compiled once",
    ]);
    let _ = std::fs::remove_dir_all(both.folder.join("roles"));
    let plan = both.run(&["plan", "--json"]).exits(0);
    let of_site = |site: &str| {
        let lines = plan.lines("change");
        lines.iter().filter(|line| line["site"] == site).count()
    };
    assert!(of_site("shop") > 15 && of_site("shop") == of_site("blog"));
    let apply = both.run(&["apply", "--yes", "--json"]).exits(0);
    for site in ["shop", "blog"] {
        let checks = apply.lines("check");
        assert!(checks.iter().all(|line| line["server"] == "server"));
        let own = checks.iter().filter(|line| line["site"] == site);
        assert!(own.count() > 8, "{}", apply.said());
        assert!(page(server, site).contains("<h1>"));
    }
    assert!(both.run(&["plan", "--json"]).exits(0).changes().is_empty());
    each_says_who_passes(&both);
    one_is_closed(server, &both);
    one_is_deployed(server, &both);
    one_goes_back(server, &both);
    one_is_broken(server, &both);
    one_goes(server, &both);
}

/// Maintenance is on for both, and this machine passes at one.
fn each_says_who_passes(both: &Site) {
    let visit = |site: &str, code: i32| {
        let ask = [
            "load",
            "--outside",
            "--duration=1s",
            "--rate=5",
            "--site",
            site,
        ];
        both.run(&ask).exits(code)
    };
    both.run(&["maintenance", "on"]).exits(0);
    visit("shop", 0);
    visit("blog", 1).says(&["503"]);
    both.run(&["maintenance", "off"]).exits(0);
    visit("blog", 0);
}

/// What the page of a site answers with to a visitor from here: the status, and in how many seconds
/// to come back.
fn reply(server: &Server, site: &str) -> (u16, Option<String>) {
    let name = format!("{site}.example");
    let asked = async {
        let client = foobar_stack_load::http_client()
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .resolve(&name, SocketAddr::new(server.address, 0))
            .build()?;
        client.get(format!("https://{name}/")).send().await
    };
    let runtime = tokio::runtime::Runtime::new();
    match runtime.map(|runtime| runtime.block_on(asked)) {
        Ok(Ok(reply)) => {
            let retry = reply.headers().get("retry-after");
            let retry = retry.and_then(|value| value.to_str().ok());
            (reply.status().as_u16(), retry.map(str::to_owned))
        }
        ended => panic!("{ended:?}"),
    }
}

/// One is in maintenance, and the other does not lose a request.
fn one_is_closed(server: &Server, both: &Site) {
    let traffic = load(server, "shop");
    let on = ["maintenance", "on", "--site", "blog", "--retry-after=90s"];
    both.run(&on).exits(0).says(&["on for blog.example"]);
    assert_eq!(reply(server, "blog"), (503, Some("90".to_owned())));
    let verify = both.run(&["verify", "--json"]).exits(0);
    let checks = verify.lines("check");
    let skipped = checks.iter().filter(|check| check["outcome"] == "skip");
    let skipped: Vec<_> = skipped.map(|check| &check["site"]).collect();
    assert!(skipped.len() >= 2, "{}", verify.said());
    assert!(skipped.iter().all(|site| *site == "blog"), "{skipped:?}");
    both.run(&["plan", "--detailed-exitcode"])
        .exits(0)
        .says(&["maintenance is on for blog.example", "No changes"]);
    both.run(&["status"])
        .exits(0)
        .says(&["visitors of blog.example get 503"]);
    nothing_lost("shop", traffic);
    // Every site is closed, as with a program that knew no other way, and then one no longer.
    both.run(&["maintenance", "on"]).exits(0);
    both.run(&["maintenance", "off", "--site=shop"]).exits(0);
    assert_eq!(reply(server, "blog"), (503, Some("600".to_owned())));
    both.run(&["maintenance", "off", "--site=blog"]).exits(0);
    assert_eq!(reply(server, "blog"), (200, None));
    server.on("test \"$(ls /etc/nginx/maintenance)\" = sites");
}

/// A deploy of one site starts nothing of the other, and neither loses a request.
fn one_is_deployed(server: &Server, both: &Site) {
    let blog = own(server, "blog");
    let loads = ["shop", "blog"].map(|site| (site, load(server, site)));
    change(both, "shop", "sale");
    let apply = both.run(&["apply", "--yes", "--json"]).exits(0);
    for change in apply.lines("change") {
        let proxy = change["id"] == "service:nginx.service" && change["action"] == "reload";
        assert!(change["site"] == "shop" || proxy, "{change}");
    }
    assert!(page(server, "shop").contains("sale "));
    assert!(!page(server, "blog").contains("sale "));
    for (site, load) in loads {
        nothing_lost(site, load);
    }
    assert_eq!(own(server, "blog"), blog);
}

/// One goes back to the release before, and the other stays at its own.
fn one_goes_back(server: &Server, both: &Site) {
    let blog = own(server, "blog");
    both.run(&["rollback", "--release", "--yes"])
        .exits(64)
        .says(&["--site: blog, shop"]);
    both.run(&["rollback", "--release", "--site", "shop", "--yes"])
        .exits(0);
    assert!(!page(server, "shop").contains("sale "));
    assert_eq!(own(server, "blog"), blog);
    both.run(&["apply", "--yes"]).exits(0);
    assert!(page(server, "shop").contains("sale "));
}

/// A release of one that does not start is undone; visitors of neither notice it.
fn one_is_broken(server: &Server, both: &Site) {
    let shop = own(server, "shop");
    let loads = ["shop", "blog"].map(|site| (site, load(server, site)));
    let before = both.read("blog/app.py");
    both.write(
        "blog/app.py",
        "raise SystemExit('this app does not live')\n",
    );
    both.run(&["apply", "--yes"]).exits(6);
    both.write("blog/app.py", &before);
    for (site, load) in loads {
        nothing_lost(site, load);
    }
    assert_eq!(own(server, "shop"), shop);
    // What is broken of one site says nothing of the other.
    server.on("systemctl stop 'blog-app-*.target' 'blog-app-*@*.service'");
    let verify = both.run(&["verify", "--json"]).exits(3);
    let checks = verify.lines("check");
    let not_well = |line: &&serde_json::Value| line["outcome"] != "pass";
    let broken: Vec<_> = checks.iter().filter(not_well).collect();
    assert!(!broken.is_empty());
    for check in broken {
        assert_eq!(check["site"], "blog", "{check}");
    }
    both.run(&["apply", "--yes"]).exits(0);
}

/// One leaves the inventory: what served it goes, its data stays, and the other does not notice.
fn one_goes(server: &Server, both: &Site) {
    let shop = own(server, "shop");
    let mut table: toml::Table = both.read("inventory.toml").parse().unwrap_or_default();
    if let Some(sites) = table.get_mut("sites").and_then(toml::Value::as_table_mut) {
        sites.remove("blog");
    }
    let alone = toml::to_string(&table).unwrap_or_default();
    both.write("inventory.toml", &alone);
    let traffic = load(server, "shop");
    let apply = both
        .run(&["apply", "--yes", "--json", "--delete-many"])
        .exits(0);
    nothing_lost("shop", traffic);
    assert!(apply.changes().iter().any(|one| one.action == "delete"));
    assert_eq!(own(server, "shop"), shop);
    assert!(page(server, "shop").contains("sale "));
    let left = server.on(
        "ls /etc/nginx/sites-enabled /etc/bind/zones /etc/systemd/system; \
         systemctl list-units --all --plain --no-legend 'blog*'",
    );
    assert!(!left.contains("blog"), "{left}");
    let (code, said) = server.ask("curl -sk --connect-to ::127.0.0.1: https://blog.example/");
    assert_ne!(code, 0, "{said}");
    // Data stays, and a secret that was made here is data; the others are at home.
    server.on("mariadb -N -e 'SELECT COUNT(*) FROM blog.entries'; ls -d /var/lib/blog");
    let secrets = server.on("cd /etc/foobar-stack/secrets && ls | grep blog");
    assert_eq!(secrets.trim(), "blog.SESSION_KEY");
    assert!(both.run(&["plan", "--json"]).exits(0).changes().is_empty());
}
