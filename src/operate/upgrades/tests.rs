//! What is made of what `apt-cache policy` says.

use super::*;

/// As a Debian 13 says it.
const REPLY: &str = "\x1ebegin upgrades
libssl3t64:
     3.5.9-1~deb13u2 500
        500 http://deb.debian.org/debian-security trixie-security/main amd64 Packages
     3.5.9-1~deb13u1 500
        500 http://deb.debian.org/debian trixie/main amd64 Packages
 *** 3.5.8-1~deb13u1 500
mariadb-server:
     1:11.8.9+ds-0+deb13u1+test1 500
        500 file:/srv/repo trixie-security/main amd64 Packages
 *** 1:11.8.9+ds-0+deb13u1 500
nginx-common:
     1.26.3-3+deb13u11+test1 500
        500 file:/srv/repo trixie-security/main amd64 Packages
 *** 1.26.3-3+deb13u11 500
tzdata:
     2026c-0+deb13u1 500
        500 http://deb.debian.org/debian trixie-updates/main amd64 Packages
 *** 2026b-0+deb13u1 500
Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 file:/srv/repo trixie-security/main amd64 Packages
     release o=Debian,a=stable-security,n=trixie-security,l=Debian-Security,c=main,b=amd64
 500 http://deb.debian.org/debian-security trixie-security/main amd64 Packages
     release v=13,o=Debian,a=stable-security,n=trixie-security,l=Debian-Security,c=main,b=amd64
     origin deb.debian.org
 500 http://deb.debian.org/debian trixie-updates/main amd64 Packages
     release v=13-updates,o=Debian,a=stable-updates,n=trixie-updates,l=Debian,c=main,b=amd64
     origin deb.debian.org
 500 http://deb.debian.org/debian trixie/main amd64 Packages
     release v=13.8,o=Debian,a=stable,n=trixie,l=Debian,c=main,b=amd64
     origin deb.debian.org
Pinned packages:
unit mariadb-server mariadb.service
unit mariadb-server mariadb@.service
unit mariadb-server mysql.service
unit nginx-common nginx.service
\x1eend 0
";

fn units() -> Units {
    let units: [(&str, &[&str]); 2] = [
        ("web", &["nginx.service"]),
        ("database", &["mariadb.service"]),
    ];
    Units::of_roles(&units)
}

fn read(reply: &str) -> Upgrades {
    Upgrades::read(reply, &units(), Some(3600))
}

#[test]
fn what_is_pending_is_named_with_what_it_restarts() {
    let upgrades = read(REPLY);
    assert_eq!(
        upgrades.to_string(),
        "3 security upgrades are pending: mariadb-server (restarts the database), \
         nginx-common (restarts nginx.service), libssl3t64"
    );
    let library = &upgrades.pending[2];
    assert_eq!(
        (library.installed.as_str(), library.version.as_str()),
        ("3.5.8-1~deb13u1", "3.5.9-1~deb13u2")
    );
    assert!(upgrades.are_known());
}

#[test]
fn another_series_of_the_database_is_named() {
    let next = REPLY.replace("     1:11.8.9+ds-0+deb13u1+test1", "     1:12.3.1-1");
    let upgrades = read(&next);
    assert!(!upgrades.are_settled());
    let said = upgrades.to_string();
    let named = "; a major upgrade of the database is pending: mariadb-server 11.8 → 12.3; ";
    assert!(said.contains(named), "{said}");
    // A database that is no part of the stack is somebody else's.
    let others = Upgrades::read(&next, &Units::of_roles(&[]), Some(3600));
    assert_eq!(others.major, None);
    // What is pinned lower is not wanted.
    let pinned = next.replace("1:12.3.1-1 500", "1:12.3.1-1 -1");
    assert_eq!(read(&pinned).major, None);
}

/// As an Ubuntu 24.04 has said it.
const UBUNTU: &str = "\x1ebegin upgrades
libgnutls30t64:
     3.8.3-1.1ubuntu3.6 500
        500 http://archive.ubuntu.com/ubuntu noble-updates/main amd64 Packages
        500 http://archive.ubuntu.com/ubuntu noble-security/main amd64 Packages
 *** 3.8.3-1.1ubuntu3 500
nginx-common:
     1.24.0-2ubuntu7.21 500
        500 http://archive.ubuntu.com/ubuntu noble-updates/main amd64 Packages
        500 http://archive.ubuntu.com/ubuntu noble-security/main amd64 Packages
 *** 1.24.0-2ubuntu7 500
unit nginx-common nginx.service
Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 http://archive.ubuntu.com/ubuntu noble-security/main amd64 Packages
     release v=24.04,o=Ubuntu,a=noble-security,n=noble,l=Ubuntu,c=main,b=amd64
     origin archive.ubuntu.com
 500 http://archive.ubuntu.com/ubuntu noble-updates/main amd64 Packages
     release v=24.04,o=Ubuntu,a=noble-updates,n=noble,l=Ubuntu,c=main,b=amd64
     origin archive.ubuntu.com
Pinned packages:
\x1eend 0
";

#[test]
fn a_version_may_come_from_several_sources() {
    assert_eq!(
        read(UBUNTU).to_string(),
        "2 security upgrades are pending: nginx-common (restarts nginx.service), libgnutls30t64"
    );
    let updates = UBUNTU.replace("a=noble-security", "a=noble-updates");
    assert_eq!(read(&updates).pending, []);
}

#[test]
fn what_is_pinned_lower_is_not_wanted() {
    let pinned = REPLY.replace("+test1 500", "+test1 -1");
    let words = "1 security upgrade is pending: libssl3t64";
    assert_eq!(read(&pinned).to_string(), words);
}

#[test]
fn sources_of_ubuntu_are_known_by_their_suite() {
    for (release, expected) in [
        (
            "v=24.04,o=Ubuntu,a=noble-security,n=noble,l=Ubuntu,c=main,b=amd64",
            true,
        ),
        (
            "v=24.04,o=Ubuntu,a=noble-updates,n=noble,l=Ubuntu,c=main,b=amd64",
            false,
        ),
        (
            "v=24.04,o=UbuntuESM,a=noble-infra-security,n=noble,l=UbuntuESM,c=main,b=amd64",
            true,
        ),
        (
            "v=10,o=Debian,a=oldstable,n=buster,l=Debian-Security,c=main,b=amd64",
            true,
        ),
        ("o=Debian,a=unstable,n=sid,l=Debian,c=main,b=amd64", false),
        ("a=now", false),
    ] {
        assert_eq!(is_security(release), expected, "{release}");
    }
}

#[test]
fn what_is_not_known_is_said() {
    let none = "\x1ebegin upgrades\n\x1eend 0\n";
    let says = |reply: &str, age| Upgrades::read(reply, &units(), age).to_string();
    assert_eq!(says(none, Some(60)), "no security upgrade is pending");
    let old = "no security upgrade is pending; the package lists are 12 days old, and what came \
               since is not known";
    assert_eq!(says(none, Some(12 * 86400)), old);
    let without = "no security upgrade is pending; there are no package lists \
                   (`apt-get update`)";
    assert_eq!(says(none, None), without);
    for reply in ["", "\x1ebegin upgrades\n\x1eend 124\n"] {
        let upgrades = read(reply);
        assert!(!upgrades.are_known());
        assert!(upgrades.to_string().starts_with("it is not known which"));
    }
}

#[test]
fn many_are_counted_and_no_name_moves_the_cursor() {
    let mut reply = "\x1ebegin upgrades\n".to_owned();
    let source = "500 http://x noble-security/main amd64 Packages";
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k\x1b[2J"] {
        reply.push_str(&format!(
            "{name}:\n     2 500\n        {source}\n *** 1 500\n"
        ));
    }
    reply.push_str(&format!(
        "Package files:\n {source}\n     release o=Ubuntu,a=noble-security\n\x1eend 0\n"
    ));
    assert_eq!(
        read(&reply).to_string(),
        "10 security upgrades are pending: a, b, c, d, e, f, g, h and 2 more"
    );
}

#[test]
fn what_was_written_down_is_read() {
    let mut record = UpgradeRecord::default();
    for (name, line) in [
        ("ran", "1795892277"),
        ("upgraded", "1795892200 mariadb-server nginx"),
        ("failed", "soon because"),
        (".failed.new", "1 half"),
    ] {
        record.read(name, line);
    }
    let upgraded = Some((1_795_892_200, "mariadb-server nginx".to_owned()));
    let (ran, failed) = (Some(1_795_892_277), None);
    let expected = UpgradeRecord {
        ran,
        upgraded,
        failed,
    };
    assert_eq!(record, expected);
}
