//! A site that has its certificate from an authority, which is a server of its own (Pebble), as is
//! the resolver: it is served before there is one, gets it when its name leads there, keeps what it
//! has when an order cannot succeed, and renews it by itself.

use crate::server::{Server, Site};
use crate::support::until;

const AUTHORITY: &str = include_str!("authority.sh");
/// What the server has recorded of its orders.
const RECORD: &str = "cat /var/lib/foobar-stack/certificates/foobar.com";
/// What the timer starts, at once, and more often than systemd would have it.
const JOB: &str = "
    sed -i 's/^next .*/next 0/' /var/lib/foobar-stack/certificates/foobar.com
    systemctl reset-failed foobar-stack-certificates.service
    systemctl start foobar-stack-certificates.service";
const DIGESTS: &str = "cd /etc/ssl/foobar-stack && sha256sum foobar.com.pem foobar.com.key";
const QUARTER: u32 = 90 * 86_400;

/// A role whose check nothing can pass.
const NO: &str = "description = \"Says no\"\nafter = [\"acme\"]\n[[check.http]]\ntitle = \"never\"\n\
    url = \"https://foobar.com/\"\nstatus = 599\n";

struct Authority(Server);

impl Authority {
    /// A part of what it needs before it begins: its identity, or its packages.
    fn prepare(&self, part: &str) {
        let own = self.0.address;
        self.0.on(&format!("set -- {own} - {part}\n{AUTHORITY}"));
    }

    /// Begins anew: it knows no account, and gives certificates for so many seconds.
    fn begin(&self, site: &Server, seconds: u32) {
        self.begin_with(site, seconds, "");
    }

    /// The same, and it makes no account without this key.
    fn begin_with(&self, site: &Server, seconds: u32, key: &str) {
        let (own, name_server) = (self.0.address, site.address);
        let script = format!("set -- {own} {name_server} {seconds} {key}\n{AUTHORITY}");
        self.0.on(&script);
    }

    /// How many orders it has had.
    fn orders(&self) -> usize {
        let log = self.0.on("journalctl --quiet --no-pager --unit authority");
        log.matches("POST /order-plz").count()
    }

    /// Answers the zone that an authority asks for foobar.com, and takes changes with this key.
    fn answers_the_zone(&self, key: &str) {
        let own = self.0.address;
        self.0.on(&format!(
            "cat >/var/lib/bind/hook.zone <<END\n\\$TTL 60\n@ IN SOA ns root 1 3600 600 604800 60\n\
             @ IN NS ns\nns IN A {own}\nEND\n\
             chown bind: /var/lib/bind/hook.zone\n\
             cat >>/etc/bind/named.conf <<END\n\
             key \"hook\" {{ algorithm hmac-sha256; secret \"{key}\"; }};\n\
             zone \"_acme-challenge.foobar.com\" {{ type primary; check-names ignore; file \"/var/lib/bind/hook.zone\";\n\
             update-policy {{ grant hook zonesub TXT; }}; }};\nEND\nsystemctl restart named"
        ));
    }

    /// Has it suggest, from now on, that the certificate of the site was due an hour ago
    /// (RFC 9773).
    fn suggests_renewal_now(&self, site: &Server) {
        let pem = site.on("openssl x509 -in /etc/ssl/foobar-stack/foobar.com.pem");
        let body = format!(
            "{{\"certificate\": {pem:?}, \"ariResponse\": \"{{\\\"suggestedWindow\\\": \
             {{\\\"start\\\": \\\"2020-01-01T00:00:00Z\\\", \\\"end\\\": \\\"2020-01-02T00:00:00Z\\\"}}}}\"}}"
        );
        self.0.on(&format!(
            "curl --silent --show-error --fail --cacert /srv/authority/ca.pem --data-binary @- \
             https://{}:15000/set-renewal-info/ <<'END'\n{body}\nEND",
            self.0.address
        ));
    }

    /// The page, as a browser that trusts this authority gets it.
    fn page(&self, site: &Server) -> String {
        let (own, address) = (self.0.address, site.address);
        self.0.on(&format!(
            "cd /srv/authority && curl --silent --fail --cacert ca.pem https://{own}:15000/roots/0 >root.pem\n\
             curl --silent --show-error --cacert root.pem --resolve foobar.com:443:{address} \
             --output /dev/null --write-out '%{{http_code}} %{{http_version}}' https://foobar.com/"
        ))
    }
}

fn with(server: &Server, name: &str, aliases: &str, own: &Authority) -> Site {
    let directory = format!("https://{}:14000/dir", own.0.address);
    let site = server.site_with(name, |text| {
        let text = text.replace(
            "\n[tls]\n",
            &format!(
                "\n[tls]\nmode = \"acme\"\ndirectory = \"{directory}\"\ndirectory_ca = \"ca.pem\"\n"
            ),
        );
        text.replace("# aliases = [\"www.foobar.com\"]", aliases)
    });
    site.write("ca.pem", &own.0.on("cat /srv/authority/ca.pem"));
    site
}

pub(crate) fn certificates_are_ordered_in_time_and_only_when_they_can_be(server: &Server) {
    let authority = Authority(Server::up("sid"));
    authority.prepare("identity");

    // It does not answer yet: the site is there, and says what its certificate is.
    let site = with(server, "acme", "", &authority);
    let waits = [
        "a temporary one, signed by itself",
        "the authority does not answer at https://",
    ];
    std::thread::scope(|scope| {
        scope.spawn(|| authority.prepare("packages"));
        site.run(&["apply", "--yes"]).exits(3).says(&waits);
    });
    let resolver = authority.0.address;
    server.on(&format!("echo nameserver {resolver} >/etc/resolv.conf"));
    site.run(&["verify"]).exits(3).says(&waits);
    let failed = [
        "issued by itself",
        "renewal",
        "the authority does not answer",
    ];
    site.run(&["status"]).exits(0).says(&failed);
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    authority.begin(server, QUARTER);
    server.on(JOB);
    site.run(&["verify"])
        .exits(0)
        .says(&["foobar.com, www.foobar.com, valid until"]);
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    let renewed = [
        "issued by CN=Pebble Intermediate",
        "for foobar.com, www.foobar.com",
        "checked ",
    ];
    site.run(&["status"]).exits(0).says(&renewed);
    assert_eq!(authority.page(server), "200 2");
    assert_eq!(authority.orders(), 1);

    another_name_is_ordered_during_maintenance(server, &authority);
    what_cannot_succeed_is_not_ordered(server, &authority);
    a_run_that_is_undone_puts_the_certificate_back(server, &authority);
    what_was_issued_is_used_again(server, &authority, &site);
    a_backup_has_what_was_issued(server, &authority);
    it_renews_by_itself(server, &authority);
    let site = a_wildcard_is_proven_by_dns(server, &authority);
    it_is_renewed_on_request_and_revoked(server, &authority, &site);
    a_hook_makes_the_records_of_a_zone_elsewhere(server, &authority);

    // Without it nothing of it stays but what it was given.
    let site = server.site_with("own", |text| text);
    site.run(&["apply", "--yes", "--delete-many"]).exits(0);
    server.on("test ! -e /etc/systemd/system/foobar-stack-certificates.timer");
    server.on("ls /var/lib/foobar-stack/acme/*/issued/foobar.com/*.pem >/dev/null");
    // Until that is to go, too.
    let state = "orphan:state:/var/lib/foobar-stack/acme";
    site.run(&["apply", "--yes", "--delete-many", "--destroy-data"])
        .exits(0)
        .says(&[state]);
    server
        .on("test ! -e /var/lib/foobar-stack/acme && test ! -e /var/lib/foobar-stack/certificates");
}

fn another_name_is_ordered_during_maintenance(server: &Server, authority: &Authority) {
    let aliases = "aliases = [\"www.foobar.com\", \"shop.foobar.com\"]";
    let site = with(server, "more", aliases, authority);
    site.run(&["maintenance", "on"]).exits(0);
    let before = server.on(DIGESTS);
    site.run(&["apply", "--yes"]).exits(0);
    assert_ne!(server.on(DIGESTS), before);
    site.run(&["maintenance", "off"]).exits(0);
    let names = ["foobar.com, www.foobar.com, shop.foobar.com, valid until"];
    site.run(&["verify"]).exits(0).says(&names);
}

fn what_cannot_succeed_is_not_ordered(server: &Server, authority: &Authority) {
    let (orders, before) = (authority.orders(), server.on(DIGESTS));
    let aliases = "aliases = [\"www.foobar.com\", \"shop.foobar.com\", \"foobar.net\"]";
    let site = with(server, "dead", aliases, authority);
    let inventory = site.read("inventory.toml");
    let records = "[[dns.records]]\nname = \"@\"\ntype = \"AAAA\"\nvalue = \"2001:db8::dead\"\n\
        [[dns.records]]\nname = \"@\"\ntype = \"CAA\"\nvalue = '0 issue \"other.example\"'\n";
    site.write("inventory.toml", &format!("{inventory}\n{records}"));
    let wrong = [
        "foobar.net cannot be resolved",
        "shop.foobar.com leads to 2001:db8::dead, where this server does not answer",
        "the CAA records that count for foobar.com, www.foobar.com, shop.foobar.com do not allow \
         pebble.letsencrypt.org",
        "not for foobar.net",
    ];
    site.run(&["apply", "--yes"]).exits(3).says(&wrong);
    server.on(JOB);
    assert_eq!(authority.orders(), orders, "{}", server.on(RECORD));
    assert_eq!(server.on(DIGESTS), before);
    assert_eq!(authority.page(server), "200 2");
}

fn a_run_that_is_undone_puts_the_certificate_back(server: &Server, authority: &Authority) {
    let (orders, before) = (authority.orders(), server.on(DIGESTS));
    let aliases = "aliases = [\"www.foobar.com\", \"blog.foobar.com\"]";
    let site = with(server, "undone", aliases, authority);
    site.write("roles/no/role.toml", NO);
    site.run(&["apply", "--yes"]).exits(6).says(&["web: never"]);
    assert_eq!(authority.orders(), orders + 1);
    assert_eq!(server.on(DIGESTS), before);
    assert_eq!(authority.page(server), "200 2");
}

fn what_was_issued_is_used_again(server: &Server, authority: &Authority, site: &Site) {
    let orders = authority.orders();
    site.run(&["apply", "--yes"]).exits(0);
    assert_eq!(authority.orders(), orders, "{}", server.on(RECORD));
    server
        .on("rm /etc/ssl/foobar-stack/foobar.com.* /var/lib/foobar-stack/certificates/foobar.com");
    site.run(&["apply", "--yes"]).exits(0);
    assert_eq!(authority.orders(), orders, "{}", server.on(RECORD));
    assert_eq!(authority.page(server), "200 2");
}

/// The server is lost: another one has the certificate from the backup, and orders none, though
/// it could.
fn a_backup_has_what_was_issued(server: &Server, authority: &Authority) {
    const KEY: &str = "mkdir -p -m 700 ~/.ssh; test -e ~/.ssh/id_ed25519 || \
        ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519; cat ~/.ssh/id_ed25519.pub";
    let other = Server::up(server.suite);
    let key = server.on(KEY);
    other.on(&format!(
        "mkdir -p -m 700 ~/.ssh; echo '{key}' >>~/.ssh/authorized_keys"
    ));
    let address = other.address;
    let host_key = other.on("cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub");
    let host_key = host_key.trim();
    server.on(&format!("echo '{address} {host_key}' >>~/.ssh/known_hosts"));
    let backed_up = |server: &Server, name: &str, repository: &str| {
        let site = with(server, name, "", authority);
        let inventory = site.read("inventory.toml");
        let backup = format!("{inventory}\n[backup]\nrepository = \"{repository}\"\n");
        site.write("inventory.toml", &backup);
        site
    };
    let repository = format!("sftp:root@{address}:/srv/backup");
    let site = backed_up(server, "kept", &repository);
    site.run(&["apply", "--yes"]).exits(0);
    site.run(&["backup", "now"]).exits(0);
    let recovery = site.folder.join("recovery.key");
    let recovery = recovery.to_str().unwrap_or_default();
    site.run(&["backup", "key", recovery]).exits(0);
    let account =
        "cd /var/lib/foobar-stack/acme && find . -name private_key.json -exec sha256sum {} +";
    let (orders, had, accounts) = (authority.orders(), server.on(DIGESTS), server.on(account));
    // The world is led there.
    let resolver = authority.0.address;
    other.on(&format!("echo nameserver {resolver} >/etc/resolv.conf"));
    authority.0.on(&format!(
        "sed -i 's/server-addresses {{ [^ ]*; }}/server-addresses {{ {address}; }}/' /etc/bind/named.conf\n\
         systemctl restart named"
    ));
    let site = backed_up(&other, "rebuilt", "/srv/backup");
    let found = ["foobar.com, www.foobar.com, valid until"];
    site.run(&["rebuild", "--yes", "--recovery-key", recovery])
        .exits(0)
        .says(&found);
    other.on(JOB);
    assert_eq!(authority.orders(), orders, "{}", other.on(RECORD));
    assert_eq!(other.on(DIGESTS), had);
    assert_eq!(other.on(account), accounts);
    assert_eq!(authority.page(&other), "200 2");
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    let own = server.address;
    authority.0.on(&format!(
        "sed -i 's/server-addresses {{ [^ ]*; }}/server-addresses {{ {own}; }}/' /etc/bind/named.conf\n\
         systemctl restart named"
    ));
}

/// With an authority that wants to know whose account it makes, and offers several sorts.
fn a_wildcard_is_proven_by_dns(server: &Server, authority: &Authority) -> Site {
    const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    authority.begin_with(server, QUARTER, KEY);
    let site = with(server, "wildcard", "wildcard = true", authority);
    site.write("account-key", KEY);
    let dns = "mode = \"acme\"\nchallenge = \"dns\"\nkey_type = \"rsa\"\nprofile = \"brief\"\n\
        external_account = { id = \"kid-1\", key = { file = \"account-key\" } }\n";
    let inventory = site.read("inventory.toml");
    site.write(
        "inventory.toml",
        &inventory.replace("mode = \"acme\"\n", dns),
    );
    let keys = format!("grep -rlF {KEY} /var/lib/foobar-stack /etc /usr/local /tmp || true");
    site.run(&["apply", "--yes"])
        .exits(0)
        .says(&["foobar.com, *.foobar.com, valid until"]);
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    let text = server.on("openssl x509 -in /etc/ssl/foobar-stack/foobar.com.pem -noout -text");
    assert!(text.contains("rsaEncryption"), "{text}");
    assert_eq!(
        server.on(&keys).trim(),
        "/etc/foobar-stack/certificates/foobar.com.account-key"
    );
    assert_eq!(authority.page(server), "200 2");
    // Any name below it is the site's.
    let page = authority.0.on(&format!(
        "curl --silent --show-error --resolve anything.foobar.com:443:{} \
         --cacert /srv/authority/root.pem --output /dev/null --write-out '%{{http_code}}' \
         https://anything.foobar.com/",
        server.address
    ));
    assert_eq!(page, "200");
    // The key that changes the record changes nothing else.
    let refused = server.on(&format!(
        "nsupdate -k /run/named/session.key <<-END 2>&1 || true\n\
         server {0}\nzone foobar.com\nupdate add evil.foobar.com. 60 A {0}\nsend\n\
         zone _acme-challenge.foobar.com\nupdate add evil._acme-challenge.foobar.com. 60 TXT x\nsend\nEND",
        server.address
    ));
    assert_eq!(refused.matches("REFUSED").count(), 2, "{refused}");
    // Its records are gone, and named keeps what it has written.
    let left = server.on(&format!(
        "dig @{} _acme-challenge.foobar.com TXT +short +norecurse",
        server.address
    ));
    assert_eq!(left, "");
    server.on("systemctl restart named");
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    site
}

/// The authority suggests that it is renewed at once, then somebody wants it revoked.
fn it_is_renewed_on_request_and_revoked(server: &Server, authority: &Authority, site: &Site) {
    let before = server.on(DIGESTS);
    authority.suggests_renewal_now(server);
    // It is asked every six hours; these are over.
    server.on(&format!(
        "sed -i 's/^asked .*/asked 0/' /var/lib/foobar-stack/certificates/foobar.com\n{JOB}"
    ));
    let renewed = server.on(DIGESTS);
    assert_ne!(renewed, before, "{}", server.on(RECORD));
    site.run(&[
        "certificate",
        "revoke",
        "--reason",
        "key-compromise",
        "--yes",
    ])
    .exits(0)
    .says(&["the certificate is revoked", "a certificate from https://"]);
    assert_ne!(server.on(DIGESTS), renewed);
    assert_eq!(authority.page(server), "200 2");
    assert_eq!(
        authority
            .0
            .on("journalctl --quiet --no-pager --unit authority")
            .matches("POST /revoke-cert")
            .count(),
        1
    );
    site.run(&["verify"]).exits(0);
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    // What was revoked is not used again.
    server
        .on("rm /etc/ssl/foobar-stack/foobar.com.* /var/lib/foobar-stack/certificates/foobar.com");
    site.run(&["apply", "--yes"]).exits(0);
    assert!(
        !server
            .on(DIGESTS)
            .contains(renewed.split(' ').next().unwrap_or_default())
    );
}

/// Another server has the zone, and this one no BIND at all.
fn a_hook_makes_the_records_of_a_zone_elsewhere(server: &Server, authority: &Authority) {
    const KEY: &str = "aG9vayBob29rIGhvb2sgaG9vayBob29rIGhvb2sgISE=";
    let names = "aliases = []\nwildcard = true";
    let site = with(server, "hook", names, authority);
    site.write("hook-key", KEY);
    site.write(
        "dns-hook",
        &format!(
            "#!/bin/sh\nprintf '%s\\n' 'server {}' 'zone _acme-challenge.foobar.com' \\\n\
             \"update $1 $2. 1 TXT \\\"$3\\\"\" send |\n\
             nsupdate -y \"hmac-sha256:hook:$HOOK_KEY\"\n",
            authority.0.address
        ),
    );
    let dns = "mode = \"acme\"\nchallenge = \"dns\"\n\
        hook = { script = \"dns-hook\", secrets = { HOOK_KEY = { file = \"hook-key\" } } }\n";
    let inventory = site.read("inventory.toml");
    let inventory = inventory.replace("mode = \"acme\"\n", dns);
    site.write(
        "inventory.toml",
        &inventory.replace(
            "# enabled = true\n# Name servers",
            "enabled = false\n# Name servers",
        ),
    );
    let orders = authority.orders();
    // The present certificate still does, but is not the one that is wanted.
    let before = server.on(DIGESTS);
    let no_record = [
        "still the one before, whose key is RSA and not ECDSA",
        "the hook makes no record of _acme-challenge.foobar.com: ",
        "NOTAUTH",
    ];
    site.run(&["apply", "--yes", "--delete-many"])
        .exits(3)
        .says(&no_record);
    assert_eq!(authority.orders(), orders);
    authority.answers_the_zone(KEY);
    server.on(JOB);
    assert_ne!(server.on(DIGESTS), before, "{}", server.on(RECORD));
    site.run(&["verify"])
        .exits(0)
        .says(&["foobar.com, *.foobar.com, valid until"]);
    assert_eq!(authority.page(server), "200 2");
    site.run(&["plan"]).exits(0).says(&["No changes."]);
}

/// With an authority that gives them for some seconds, and has forgotten the account.
fn it_renews_by_itself(server: &Server, authority: &Authority) {
    authority.begin(server, 15);
    let aliases = "aliases = [\"www.foobar.com\", \"m.foobar.com\"]";
    let site = with(server, "short", aliases, authority);
    site.run(&["apply", "--yes"])
        .says(&["acme_certificate:foobar.com"]);
    let before = server.on(DIGESTS);
    // What Nginx would not take is not ordered.
    server.on("echo 'broken;' >/etc/nginx/conf.d/broken.conf");
    until("it says that Nginx is in the way", || {
        server.on(JOB);
        server
            .on(RECORD)
            .contains("unknown directive \"broken\"")
            .then_some(())
    });
    assert_eq!(server.on(DIGESTS), before);
    let orders = authority.orders();
    server.on("rm /etc/nginx/conf.d/broken.conf");
    server.on(JOB);
    assert_ne!(server.on(DIGESTS), before, "{}", server.on(RECORD));
    assert_eq!(authority.orders(), orders + 1);
    assert_eq!(authority.page(server), "200 2");
}
