//! A server that others have used before: nothing of theirs is taken over unasked, and what is
//! adopted goes on working.

use crate::server::{Server, Site};

/// What lives there: a web server, a database with data, a resolver, a firewall, sites by hand, a
/// deployment of another tool, logins, and a package that does not work.
const LIFE: &str = include_str!("used.sh");

/// What the operator does about what the plan refuses.
const DECISIONS: &str = "
    cp /root/resolv.conf /etc/resolv.conf
    sed -i 's/Listen 80/Listen 8080/' /etc/apache2/ports.conf
    sed -i 's/:80>/:8080>/' /etc/apache2/sites-available/000-default.conf
    systemctl restart apache2
    for port in 53 80/tcp 443/tcp 2525/tcp 8080/tcp; do ufw allow $port; done >/dev/null
    dpkg --purge --force-all odd >/dev/null 2>&1
    mv /etc/nginx/sites-enabled/default /etc/nginx/sites-enabled/mine
    sed -i 's/ www.foobar.com//; s/ default_server//' /etc/nginx/conf.d/shop.conf
";

/// Whether it all still works.
const ALIVE: &str = "
    curl -fsS -o /dev/null http://127.0.0.1:8080/
    test \"$(curl -fsS http://127.0.0.1:8081/)\" = mine
    curl -fsS -o /dev/null http://127.0.0.1:2525/
    test \"$(curl -fsS --resolve shop.example:80:127.0.0.1 http://shop.example/)\" = shop
    mariadb -h 127.0.0.1 -ushop -px -N -e 'SELECT id FROM shop.orders' | grep -qx 7
    mariadb -N -e 'SELECT id FROM shop.orders' | grep -qx 7
    getent passwd foobar | grep -q ':/home/foobar:/bin/bash$'
    test -f /home/foobar/.ssh/authorized_keys
    test \"$(cat /srv/foobar/releases/20240101/app.rb)\" = mine
    nft list table ip docker | grep -q 'hook forward'
    nft list table ip filter | grep -q 'policy drop'
    cmp /root/resolv.conf /etc/resolv.conf
    systemctl is-active apache2 mailer >/dev/null
";

/// What stands in the way, each as the plan names it.
const REFUSED: [&str; 14] = [
    "packages: dpkg left half-way: odd",
    "the server's resolver: /etc/resolv.conf names 127.0.0.1",
    "/etc/bind/named.conf.options: it is not as the package brought it",
    "the database's port 3306: mariadbd",
    "accounts: shop@localhost",
    "/srv/foobar: /srv/foobar/current is a link to /srv/foobar/releases/20240101",
    "the packet filter table ip filter: it drops",
    "port 80/tcp: apache2 (process ",
    "apache2.service, package apache2-bin)",
    "port 2525/tcp: python3",
    "account foobar: there is one with uid 1000, the shell /bin/bash, files in /home/foobar",
    "/etc/nginx/sites-enabled/default: ",
    "the default server of port 80: Nginx has it from /etc/nginx/conf.d/shop.conf",
    "the server name www.foobar.com: Nginx has it from /etc/nginx/conf.d/shop.conf",
];

fn adopting(text: &str) -> String {
    let adopt =
        "adopt = [\"/srv/foobar\", \"/etc/nginx/nginx.conf\", \"/etc/bind/named.conf.options\"]\n";
    let allow = "allow = [{ port = 2525 }, { port = 8080 }]\n";
    [
        ("\n[server]\n", adopt),
        ("\n[app]\n", "adopt = true\n"),
        ("\n[database]\n", "listen = \"loopback\"\n"),
        ("\n[firewall]\n", allow),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (section, keys)| {
        assert_eq!(text.matches(section).count(), 1, "{section}");
        text.replace(section, &format!("{section}{keys}"))
    })
}

pub(crate) fn what_others_have_stays_theirs(server: &Server) {
    server.on(LIFE);
    let refused = server.run(&["plan"]).exits(1);
    refused.says(&REFUSED).says(&[
        "/etc/nginx/nginx.conf: a file of root with another content is there",
        "hint: nothing was changed",
    ]);
    server.run(&["apply", "--yes"]).exits(1).says(&REFUSED);
    server.on("! test -e /var/lib/foobar-stack/runs && systemctl is-active apache2 named");
    listed(&server.site);

    server.on(DECISIONS);
    let site = server.site_with("used", |text| adopting(&text));
    site.run(&["apply", "--yes", "--json"]).exits(0);
    server.on(ALIVE);
    assert_eq!(site.plan().changes(), []);
    site.run(&["doctor"]).exits(0);

    // Releases of ours go when newer ones are kept, and that of the other tool stays.
    let pages = site.read("app/pages.py");
    for release in 0..4 {
        site.write("app/pages.py", &format!("{pages}\n# {release}\n"));
        site.run(&["apply", "--yes", "--json"]).exits(0);
    }
    server.on("test \"$(ls -d /srv/foobar/releases/*/.foobar-stack-complete | wc -l)\" -lt 5");
    server.on(ALIVE);

    let other = server.site_with("other", |text| {
        adopting(&text).replace("\"foobar.com\"", "\"other.example\"")
    });
    other.run(&["plan"]).exits(1).says(&[
        "the site of this server: foobar-stack has set up foobar.com there",
        "previous_domain = \"foobar.com\"",
    ]);
    let moved = server.site_with("moved", |text| {
        let domain = "domain = \"other.example\"\nprevious_domain = \"foobar.com\"";
        adopting(&text).replace("domain = \"foobar.com\"", domain)
    });
    moved.run(&["apply", "--yes", "--json"]).exits(0);
    server.on(ALIVE);
    assert_eq!(moved.plan().changes(), []);
    // The rows of the app came along.
    server.on("mariadb -N -e 'SELECT COUNT(*) FROM foobar.visits' | grep -v '^0$'");
}

/// `doctor --adopt` names every thing, with its rule.
fn listed(site: &Site) {
    let doctor = site.run(&["doctor", "--adopt", "--json"]).exits(1);
    let rules: Vec<(String, String)> = doctor
        .lines("takeover")
        .iter()
        .map(|line| {
            let word = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            (word("rule"), word("what"))
        })
        .collect();
    for (rule, what) in [
        ("refused", "user:foobar"),
        ("refused", "port 80/tcp"),
        ("refused", "file:/etc/nginx/nginx.conf"),
        ("refused", "the server name www.foobar.com"),
        ("refused", "the database's port 3306"),
        ("taken over", "package:nginx"),
        ("taken over", "file:/etc/bind/named.conf"),
        ("free", "port 443/tcp"),
        ("free", "file:/etc/nginx/conf.d/unknown-names.conf"),
    ] {
        let known = rules.contains(&(rule.to_owned(), what.to_owned()));
        assert!(known, "{rule} {what}: {rules:#?}");
    }
    let findings = doctor.lines("finding");
    let bad = findings.iter().filter(|line| line["subject"] == "conflict");
    assert!(bad.count() > 10, "{}", doctor.said());
}
