//! A signed zone whose registrar is told of it, and of another key: what the world must be told is
//! said word for word, and no key goes that somebody above the zone still names.

use crate::server::{Server, Site};
use crate::support::{Ending, until};

/// What the servers above the zone are made of: the root, and `com`, each at an address of its own.
const TOP: &str = include_str!("top.sh");

/// Moves what BIND has noted of its keys into the past, as if days had gone by.
const AGE: &str = "systemctl stop named\n\
    python3 - /var/lib/bind/signed/K* <<'END'\n\
    import datetime, re, sys\n\
    form, age = '%Y%m%d%H%M%S', datetime.timedelta(days=2)\n\
    def older(time):\n    \
        return (datetime.datetime.strptime(time[0], form) - age).strftime(form)\n\
    for path in sys.argv[1:]:\n    \
        with open(path, 'r+') as file:\n        \
            text = re.sub(r'\\b20\\d{12}\\b', older, file.read())\n        \
            file.seek(0)\n        \
            file.write(text)\n\
    END\n\
    systemctl reset-failed named\n\
    systemctl start named\n\
    rndc loadkeys foobar.com\n";

/// The machine that serves the root and `com`.
struct Top(Server);

impl Top {
    fn up() -> Self {
        Self(Server::with_packages("bind9"))
    }

    /// Delegates the zone with these DS records; says where the root is.
    fn delegates(&self, site: &Server, other: &Server, ds: &[&str]) -> String {
        let (site, other, ds) = (site.address, other.address, ds.join("\n"));
        let root = self
            .0
            .on(&format!("site={site} other={other} ds='{ds}'\n{TOP}"));
        root.trim().to_owned()
    }
}

/// The DS records of the keys that BIND serves, as its own tool says them, by the file of the key.
fn ds_records(server: &Server) -> Vec<String> {
    let said = server.on("cd /var/lib/bind/signed && for key in $(ls -tr K*.key); do dnssec-dsfromkey -2 \"$key\"; done");
    said.lines().map(str::to_owned).collect()
}

/// How many keys the zone has.
fn keys(server: &Server, other: &Server) -> usize {
    let address = server.address;
    let said = other.on(&format!(
        "dig @{address} foobar.com DNSKEY +short +norecurse"
    ));
    said.lines().count()
}

/// The site with its secondary, and where the root is.
struct World<'a> {
    server: &'a Server,
    other: &'a Server,
    site: &'a Site,
    root: String,
}

impl World<'_> {
    /// What `verify` says of the delegation, and of the zone, when the secondary has caught up.
    fn public(&self) -> Ending {
        let serial = |server: &Server| {
            let address = server.address;
            let soa = format!("dig @{address} foobar.com SOA +short +norecurse");
            self.other.on(&soa)
        };
        self.other.on("rndc refresh foobar.com >/dev/null");
        until("the secondary has caught up", || {
            (serial(self.other) == serial(self.server)).then_some(())
        });
        let root = ["verify", "--public", "--root-server", &self.root];
        self.site.run(&root)
    }
}

pub(crate) fn a_key_goes_when_the_registrar_has_the_next_one(
    server: &Server,
    other: &Server,
    site: &Site,
) {
    let top = Top::up();
    let old = ds_records(server).remove(0);
    let missing = "missing, to be given to the registrar:";
    let root = top.delegates(server, other, &[]);
    let world = World {
        server,
        other,
        site,
        root,
    };
    world.public().exits(3).says(&[missing, &old]);
    let foreign = "foobar.com. IN DS 1 13 2 00";
    let wrong = "wrong, to be taken out there:";
    top.delegates(
        server,
        other,
        &[&old, &format!("{foreign}{}", "0".repeat(62))],
    );
    world.public().exits(3).says(&[wrong, foreign]);
    top.delegates(server, other, &[&old]);
    let right = "com names ns1.foobar.com, ns2.foobar.com, and its key";
    world.public().exits(0).says(&[right]);

    // Some days later the zone gets another key: first everybody is to have it.
    server.on(AGE);
    server.on(
        "cd /var/lib/bind/signed && set -- K*.state && key=${1##*+} && \
         rndc dnssec -rollover -key \"${key%.state}\" foobar.com",
    );
    until("there is another key", || {
        (keys(server, other) == 2).then_some(())
    });
    let rollover = "a key rollover is under way";
    world.public().exits(0).says(&[right, rollover]);
    // Whether the secondary has it by then is of no matter here.
    site.run(&["apply", "--yes"]).says(&["of before → K"]);
    let new = ds_records(server);
    let [new] = &new.iter().filter(|ds| **ds != old).collect::<Vec<_>>()[..] else {
        panic!("{new:?}");
    };
    until("BIND signs with the new one", || {
        server.on(AGE);
        (world.public().code == 3).then_some(())
    });
    // However long the registrar takes.
    for _ in 0..3 {
        server.on(AGE);
    }
    world.public().exits(3).says(&[missing, new, wrong, &old]);
    site.run(&["verify"])
        .exits(0)
        .says(&[&format!("for the registrar: {new}"), rollover]);
    assert_eq!(keys(server, other), 2);

    top.delegates(server, other, &[new]);
    world.public().exits(0).says(&[right, rollover]);
    let status = site.run(&["status"]).exits(0).says(&[new]);
    let commands = status.out.lines().map(str::trim);
    let commands: Vec<&str> = commands.filter(|line| line.starts_with("rndc ")).collect();
    assert_eq!(commands.len(), 2, "{}", status.said());
    server.on(&commands.join("\n"));
    until("the old one is out of the zone", || {
        server.on(AGE);
        (keys(server, other) == 1).then_some(())
    });
    let said = world.public().exits(0).says(&[right]);
    assert!(!said.out.contains(rollover), "{}", said.said());
    site.run(&["plan"]).exits(0).says(&["No changes."]);
}
