//! A zone that another name server copies, with a key, and that is signed: what is wrong there is
//! named, what would leave visitors without an answer is refused, and an end of signing that is
//! undone leaves the key as it was.

use crate::rollover;
use crate::server::{Server, Site};
use crate::support::until;

/// Fails in the run, after BIND has been told.
const NO: &str = "description = \"a command that never succeeds\"\nafter = [\"dns\"]\n\
    [[command]]\nname = \"never\"\nkey = \"1\"\ncommand = [\"false\"]\n";

/// Another machine with BIND, which resolves names and copies the zone.
struct Other(Server);

impl Other {
    fn up() -> Self {
        Self(Server::with_packages("bind9 bind9-utils bind9-dnsutils"))
    }

    /// Copies the zone from the site, with this key.
    fn copies(&self, site: &Server, key: &str) {
        let primary = site.address;
        self.0.on(&format!(
            "cat >/etc/bind/named.conf.local <<END\n\
             key \"foobar.com-ns2.foobar.com\" {{ algorithm hmac-sha256; secret \"{key}\"; }};\n\
             zone \"foobar.com\" {{ type secondary; file \"foobar.com\"; allow-notify {{ {primary}; }};\n\
             primaries {{ {primary} key \"foobar.com-ns2.foobar.com\"; }}; }};\nEND\n\
             systemctl restart named\nrndc refresh foobar.com || true"
        ));
    }

    /// Answers with this, whatever others have.
    fn has(&self, encoded: &str) {
        self.0.on(&format!(
            "echo {encoded} | base64 -d >/var/cache/bind/old\n\
             echo 'zone \"foobar.com\" {{ type primary; file \"old\"; }};' >/etc/bind/named.conf.local\n\
             systemctl restart named"
        ));
    }

    /// Whether it has the zone.
    fn has_it(&self) -> Option<()> {
        let soa = self.0.ask(&format!(
            "dig @{} foobar.com SOA +short +norecurse +tries=1 +time=2",
            self.0.address
        ));
        soa.1.starts_with("ns1.foobar.com.").then_some(())
    }

    /// What somebody says who checks signatures, and who was given the key of the zone when it
    /// was new.
    fn validates(&self, site: &Server, name: &str) -> String {
        let primary = site.address;
        let (_, said) = self.0.ask(&format!(
            "delv @{primary} -a /root/anchor +root=foobar.com {name} A 2>&1"
        ));
        said
    }

    /// Takes the key that the zone has now for the one to trust.
    fn trusts(&self, site: &Server) {
        let primary = site.address;
        self.0.on(&format!(
            "set -- $(dig @{primary} foobar.com DNSKEY +short)\n[ $# = 5 ]\n\
             echo \"trust-anchors {{ \\\"foobar.com.\\\" static-key $1 $2 $3 \\\"$4$5\\\"; }};\" >/root/anchor"
        ));
    }
}

/// The site with this in its section of the zone.
fn with(site: &Server, name: &str, dns: &str, other: &Other) -> Site {
    let secondary = format!(
        "{dns}\n[[dns.secondaries]]\nname = \"ns2.foobar.com\"\naddress = \"{}\"\n\
         key = {{ file = \"transfer-key\" }}\n",
        other.0.address
    );
    let made = site.site_with(name, |text| {
        assert_eq!(text.matches("\n[dns]\n").count(), 1);
        text.replace("\n[dns]\n", &format!("\n[dns]\n{secondary}"))
    });
    made.write("transfer-key", KEY);
    made
}

const KEY: &str = "enpzNVNyTVh6QnE3aVQ0d0k2cGJ2Q2hFYTFKbVVPWGs=";
const FOREIGN_KEY: &str = "Zm9yZWlnbiBmb3JlaWduIGZvcmVpZ24gZm9yZWlnbiE=";
const RECORD: &str = "[[dns.records]]\nname = \"new\"\ntype = \"A\"\nvalue = \"192.0.2.9\"\n";
/// The keys that BIND has made, and how many it means to keep.
const KEYS: &str = "cd /var/lib/bind/signed && ls K*.private | wc -l && grep -l 'GoalState: omni' K*.state | wc -l";

pub(crate) fn a_zone_is_copied_and_signed(server: &Server) {
    let other = Other::up();
    let site = with(server, "signed", "dnssec = true", &other);
    let waits = ["ns2.foobar.com", "does not answer for the zone"];
    site.run(&["apply", "--yes"]).exits(3).says(&waits);
    other.copies(server, KEY);
    until("the secondary has the zone", || other.has_it());
    site.run(&["verify"])
        .exits(0)
        .says(&["at another, too", "for the registrar: foobar.com. IN DS "]);
    a_secondary_is_compared(server, &other);
    other.trusts(server);
    for name in ["foobar.com", "nosuch.foobar.com"] {
        let said = other.validates(server, name);
        assert!(said.contains("fully validated"), "{said}");
    }
    what_would_leave_visitors_without_an_answer_is_refused(server, &other, &site);
    an_undone_end_of_signing_leaves_the_key(server, &other);
    let site = with(
        server,
        "rolled",
        &format!("dnssec = true\n{RECORD}"),
        &other,
    );
    rollover::a_key_goes_when_the_registrar_has_the_next_one(server, &other.0, &site);
}

fn a_secondary_is_compared(server: &Server, other: &Other) {
    // Nobody else gets it.
    let (_, refused) = other
        .0
        .ask(&format!("dig @{} foobar.com AXFR", server.address));
    assert!(refused.contains("Transfer failed"), "{refused}");
    // It has the zone, and gets no newer one.
    other.copies(server, FOREIGN_KEY);
    until("the secondary answers again", || other.has_it());
    let more = with(server, "more", &format!("dnssec = true\n{RECORD}"), other);
    let behind = ["name servers of foobar.com", "is behind by "];
    more.run(&["apply", "--yes"]).exits(3).says(&behind);
    other.0.on("systemctl stop named");
    let stopped = ["does not answer for the zone: connection refused"];
    more.run(&["verify"]).exits(3).says(&stopped);
    // One that has got nothing for so long that its signatures have ended.
    let old = server.on(
        "dnssec-signzone -S -z -P -q -K /var/lib/bind/signed -o foobar.com -s 20200101000000 \
         -e 20200301000000 -f /root/old /etc/bind/zones/foobar.com.zone >/dev/null && base64 -w 0 /root/old",
    );
    other.has(old.trim());
    let ended = ["ns2.foobar.com (", "its signatures ended on 2020-03-01"];
    more.run(&["verify"]).exits(3).says(&ended);
    other.copies(server, KEY);
    until("the secondary has caught up", || {
        (more.run(&["verify"]).code == 0).then_some(())
    });
}

fn what_would_leave_visitors_without_an_answer_is_refused(
    server: &Server,
    other: &Other,
    site: &Site,
) {
    server.on("mkdir /root/keys && mv /var/lib/bind/signed/*.private /root/keys/");
    site.run(&["apply", "--yes"]).exits(1).says(&[
        "this must not be done:",
        "zone foobar.com: it is signed, and its keys are gone: Kfoobar.com.+013+",
        "nothing was changed",
    ]);
    let (_, said) = server
        .ask("! systemctl restart named 2>/dev/null && journalctl --unit named -n 20 --no-pager");
    assert!(
        said.contains("is gone: bring it back from a backup"),
        "{said}"
    );
    server
        .on("mv /root/keys/* /var/lib/bind/signed/ && rmdir /root/keys && systemctl restart named");
    let unsigned = with(server, "unsigned", "", other);
    unsigned.run(&["apply", "--yes"]).exits(1).says(&[
        "its keys are in use: Kfoobar.com.+013+",
        "write dnssec = \"insecure\"",
    ]);
}

fn an_undone_end_of_signing_leaves_the_key(server: &Server, other: &Other) {
    let leaving = with(server, "leaving", "dnssec = \"insecure\"", other);
    // A run that fails after BIND was told leaves no other key than before.
    leaving.write("roles/no/role.toml", NO);
    leaving.run(&["apply", "--yes"]).exits(6);
    until("BIND keeps the key again, and no other", || {
        (server.on(KEYS) == "1\n1\n").then_some(())
    });
}
