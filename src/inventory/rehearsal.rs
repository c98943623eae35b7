//! What of an inventory is for its own server alone, and not for a copy of it.

use super::{Backups, Dns, DnsRecord, Fail2ban, Inventory, Jobs, RecordSet, Sshd, TlsMode};
use std::net::IpAddr;

impl Inventory {
    /// Makes it that of a copy at this address. What a copy must not do is left out: order
    /// certificates, make backups beside those of the server, notify other name servers, tell anybody
    /// that it fails, take the jobs of a queue that it shares with the server, or do once more what
    /// is done at fixed times. It is reached from this machine, wherever that is. Gives what was left
    /// out, for people.
    pub fn rehearsed(&mut self, address: IpAddr) -> Vec<&'static str> {
        let mut before = Vec::new();
        for server in self.servers.values_mut() {
            let (four, six) = (server.ipv4.map(IpAddr::from), server.ipv6.map(IpAddr::from));
            before.extend(four.into_iter().chain(six));
            (server.ipv4, server.ipv6) = match address {
                IpAddr::V4(address) => (Some(address), None),
                IpAddr::V6(address) => (None, Some(address)),
            };
        }
        let mut left_out = Vec::new();
        let mut leave_out = |what| {
            if !left_out.contains(&what) {
                left_out.push(what);
            }
        };
        for site in self.sites.values_mut() {
            if site.tls.mode == TlsMode::Acme {
                site.tls.mode = TlsMode::SelfSigned;
                leave_out("certificates from an authority");
            }
            moved(&mut site.dns, &before, address);
            let elsewhere = &mut site.dns.elsewhere;
            if !elsewhere.is_empty() || !site.dns.secondaries.is_empty() {
                elsewhere.clear();
                site.dns.secondaries.clear();
                leave_out("other name servers");
            }
        }
        for site in self.sites.values_mut() {
            if !site.app.workers.is_empty() || !site.app.timers.is_empty() {
                leave_out("workers and timers");
            }
            site.app.workers.clear();
            site.app.timers.clear();
        }
        if self.backups.made().is_some() {
            leave_out("backups");
        }
        self.backups = Backups::Declined;
        if self.jobs.tell() {
            leave_out("reports of jobs");
        }
        self.jobs = Jobs::default();
        self.firewall.ssh_from.clear();
        self.sshd = Sshd::default();
        self.fail2ban = Fail2ban::default();
        left_out
    }
}

/// Leads the names that have one of these addresses to another one: what is asked under them must
/// not be answered by the server itself.
fn moved(dns: &mut Dns, before: &[IpAddr], address: IpAddr) {
    let kind = if address.is_ipv4() { "A" } else { "AAAA" };
    let concerned = |of: &str, value: &str| {
        matches!(of, "A" | "AAAA") && value.parse().is_ok_and(|value| before.contains(&value))
    };
    let further = dns.zones.iter_mut().map(|zone| &mut zone.records);
    for all in std::iter::once(&mut dns.records).chain(further) {
        let mut records = Vec::new();
        for mut record in std::mem::take(all) {
            if concerned(&record.kind, &record.value) {
                record.kind = kind.to_owned();
                record.value = address.to_string();
            }
            if !records.contains(&record) {
                records.push(record);
            }
        }
        *all = records;
    }
    dns.wildcards = RecordSet::wildcards(&dns.records);
    // What is still said as before.
    let records = || {
        let further = dns.zones.iter().flat_map(|zone| &zone.records);
        dns.records.iter().chain(further)
    };
    let asked = |record: &&DnsRecord| {
        let same = |set: &RecordSet| set.name == record.name && set.kind == record.kind;
        dns.answers.iter().any(same)
    };
    dns.answers = RecordSet::of(records().filter(asked));
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Source;
    use crate::inventory::{Backups, TlsMode, parse};
    use std::net::IpAddr;

    const OUTWARD: &str = r#"
[server]
ipv4 = "203.0.113.10"
ipv6 = "2001:db8::10"

[site]
domain = "foobar.com"
contact = "me@foobar.com"

[tls]
mode = "acme"

[dns]
secondaries = [{ name = "ns2.example.net", address = "203.0.113.20" }]

[firewall]
ssh_from = ["198.51.100.0/24"]

[app]
source = "app"
command = "run --port ${PORT}"

[backup]
repository = "/srv/backup"

[jobs]
on_failure = "mail -s failed me@foobar.com"
"#;

    #[test]
    fn a_copy_keeps_to_itself() {
        let parsed = parse(&Source::new("inventory.toml", OUTWARD.to_owned()));
        let mut inventory = parsed.unwrap().inventory;
        let untouched = inventory.clone();
        let address: IpAddr = "10.200.1.2".parse().unwrap();
        let left_out = inventory.rehearsed(address);
        assert_eq!(
            left_out,
            [
                "certificates from an authority",
                "other name servers",
                "backups",
                "reports of jobs"
            ]
        );
        let site = inventory.sites.values().next().unwrap();
        assert_eq!(site.tls.mode, TlsMode::SelfSigned);
        assert!(site.dns.secondaries.is_empty() && site.dns.elsewhere.is_empty());
        assert_eq!(inventory.backups, Backups::Declined);
        assert!(!inventory.jobs.tell());
        assert!(inventory.firewall.ssh_from.is_empty());
        // What visitors get is the same.
        let before = untouched.sites.values().next().unwrap();
        let of = |dns: &super::Dns, value: &str| {
            let records = dns.records.iter();
            let mut names: Vec<String> = records
                .filter(|record| record.value == value)
                .map(|record| format!("{} {}", record.name, record.kind))
                .collect();
            names.sort();
            names
        };
        assert_eq!(of(&site.dns, "10.200.1.2"), of(&before.dns, "203.0.113.10"));
        assert!(
            of(&site.dns, "203.0.113.10").is_empty() && of(&site.dns, "2001:db8::10").is_empty()
        );
        assert_eq!(
            inventory.servers.values().next().unwrap().address(),
            address
        );
        assert_eq!(site.web, before.web);
        assert_eq!(site.app, before.app);
        assert!(inventory.rehearsed(address).is_empty());
    }
}
