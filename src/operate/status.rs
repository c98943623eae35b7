//! How a site is: what runs, since when, which release, and what should be known of it.

use super::Units;
use super::upgrades::{self, UpgradeRecord, Upgrades};
use crate::bundle::{self, History, PastRun};
use crate::check::dnssec::ds_record_of_line;
use crate::check::{BackupRecord, Question};
use crate::host;
use crate::plan::Stack;
use crate::shell::Script;
use crate::systemd::{SHOW_UNITS, UnitState};
use crate::types::{Fqdn, certificate_names};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use x509_parser::pem::parse_x509_pem;

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnitStatus {
    /// The role that has it.
    pub role: String,
    /// Its name.
    pub unit: String,
    /// `active`, `inactive`, `failed`, …
    pub state: String,
    /// `running`, `dead`, …
    pub detail: String,
    /// When it began to run, in seconds since 1970; none if it does not.
    pub since: Option<i64>,
    /// How often systemd has started it again by itself.
    pub restarts: u64,
    /// The release it runs, if it runs one.
    pub release: Option<String>,
    /// Whether it ends by itself, as a migration does.
    pub once: bool,
    /// Memory, in bytes.
    pub memory: Option<u64>,
    /// Processor time since it runs, in microseconds.
    pub cpu: Option<u64>,
}

/// A certificate that is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateStatus {
    /// Its file.
    pub path: String,
    /// When it ends, in seconds since 1970.
    pub until: i64,
    /// Days until then.
    pub days: i64,
    /// Who has issued it, as it says.
    pub issuer: String,
    /// The names that it is for.
    pub names: Vec<String>,
    /// What became of the orders for it, if the server makes any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
}

/// What the server has recorded of its orders for a certificate. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Renewal {
    /// When it last found that none is due, or got one.
    pub checked: Option<i64>,
    /// When the last attempt has failed, if it did.
    pub failed: Option<i64>,
    /// When the next one is made, if that has failed.
    pub next: Option<i64>,
    /// Why it failed.
    pub because: Option<String>,
    /// When the authority would have it renewed (RFC 9773), if it says so.
    pub suggested: Option<i64>,
    /// The value of a CAA record that allows this account of the authority alone, if that says
    /// what it is called in such records.
    pub caa: Option<String>,
}

/// The release that an app runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseStatus {
    /// The folder of the app.
    pub path: String,
    /// The id of the release that its `current` points at.
    pub id: String,
    /// Since when, in seconds since 1970.
    pub since: Option<i64>,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// Where it is.
    pub place: String,
    /// Its size in bytes.
    pub size: u64,
    /// What is free of it.
    pub free: u64,
}

/// A site that is closed for maintenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClosedSite {
    /// Its domain.
    pub domain: String,
    /// Since when, in seconds since 1970.
    pub since: i64,
}

/// A key of a signed zone that another one has replaced, and that BIND keeps until it is told that
/// nobody has its DS record any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rollover {
    /// The zone.
    pub zone: String,
    /// The tag of the key that goes.
    pub old: u16,
    /// The tag of the key that is in its place.
    pub new: u16,
}

/// The last proven run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastApply {
    /// The generation it made.
    pub generation: u64,
    /// When it ended, in seconds since 1970.
    pub time: i64,
    /// Who has applied.
    pub who: String,
    /// What it changed.
    pub changes: String,
}

/// Everything. What the server did not say is not there.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Status {
    /// The server's clock, in seconds since 1970.
    pub now: i64,
    /// How long the server has been up, in seconds.
    pub uptime: f64,
    /// Processes that run or want to, over the last minute.
    pub load: f64,
    /// Memory in bytes: all there is, and what is available.
    pub memory: Option<(u64, u64)>,
    /// The units, in the order of the roles.
    pub units: Vec<UnitStatus>,
    /// The release of the first app: its id, and since when.
    pub release: Option<(String, Option<i64>)>,
    /// The release of each app.
    pub releases: Vec<ReleaseStatus>,
    /// Requests since Nginx runs.
    pub requests: Option<u64>,
    /// Connections that are open.
    pub connections: Option<u64>,
    /// The certificates.
    pub certificates: Vec<CertificateStatus>,
    /// What the registrar of each signed zone is to have, as DS records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ds_records: Vec<String>,
    /// The key rollovers that wait for the registrar.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rollovers: Vec<Rollover>,
    /// The file systems.
    pub disks: Vec<Disk>,
    /// What is owed: units that are yet to reload or restart, with which of both.
    pub pending: Vec<(String, String)>,
    /// Units that run programs or libraries of before an upgrade.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<String>,
    /// Units that systemd is to run otherwise from their next start on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<String>,
    /// Packages that want a restart of the server; none if nothing does.
    pub reboot: Option<String>,
    /// Since when visitors are kept out for maintenance, of every site or of some.
    pub maintenance: Option<i64>,
    /// The sites whose visitors are, unless it is every site.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closed_sites: Vec<ClosedSite>,
    /// The last run.
    pub last_apply: Option<LastApply>,
    /// Whether a role of the inventory makes backups.
    pub backups: bool,
    /// What the server has recorded of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupRecord>,
    /// Which security upgrades are pending.
    pub upgrades: Upgrades,
    /// What the server has recorded of those that it installs by itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unattended: Option<UpgradeRecord>,
}

/// The script that asks for all of it.
#[must_use]
pub fn script(stack: &Stack, units: &Units, http_port: u16) -> Script {
    let names: Vec<&str> = units.all().map(|(_, unit)| unit).collect();
    let releases: Vec<&str> = stack
        .resources
        .iter()
        .filter(|resource| resource.id.kind == "release")
        .map(|resource| resource.id.name.as_str())
        .collect();
    let keys = stack
        .checks
        .iter()
        .filter_map(|check| match &check.question {
            Question::Dnssec(dnssec) => Some(format!("{} {}", dnssec.zone, dnssec.keys)),
            _ => None,
        });
    let keys: Vec<String> = keys.collect();
    let mut certificates: Vec<&str> = Vec::new();
    let mut orders: Vec<&str> = Vec::new();
    for check in &stack.checks {
        if let Question::Certificate(certificate) = &check.question
            && let Some(path) = &certificate.path
            && !certificates.contains(&path.as_str())
        {
            certificates.push(path.as_str());
            if certificate.order().is_some() {
                orders.push(path.as_str());
            }
        }
    }
    let mut script = host::script();
    script
        .assign("units", &names.join("\n"))
        .assign("http_port", &http_port.to_string())
        .assign("releases", &releases.join("\n"))
        .assign("certificates", &certificates.join("\n"))
        .assign("orders", &orders.join("\n"))
        .assign("zone_keys", &keys.join("\n"))
        .raw(SHOW_UNITS)
        .raw(include_str!("look.sh"))
        .append(&upgrades::library())
        .raw(include_str!("status.sh"))
        .append(&bundle::history());
    script
}

impl Status {
    /// Reads what [`script`] printed; `lists_age` is that of the server's package lists, in seconds.
    #[must_use]
    pub fn parse(stack: &Stack, units: &Units, lists_age: Option<u64>, reply: &str) -> Self {
        let (lines, history) = reply.split_once("\nhistory\n").unwrap_or((reply, ""));
        let (lines, shown) = lines.split_once("\nunits\n").unwrap_or((lines, ""));
        let mut status = Self {
            units: UnitState::all(shown)
                .filter(|state| state.is_missing() == Some(false))
                .map(|state| unit_status(units, &state))
                .collect(),
            last_apply: History::parse(history).runs.last().map(last_apply),
            backups: stack.roles.iter().any(|role| role == "backup"),
            upgrades: Upgrades::read(lines, units, lists_age),
            ..Self::default()
        };
        for line in lines.lines() {
            status.line(&line.split('\x1f').collect::<Vec<_>>());
        }
        let by_itself = status.units.iter().any(|unit| unit.unit == upgrades::TIMER);
        status.unattended = by_itself.then(|| status.unattended.unwrap_or_default());
        status
    }

    fn line(&mut self, fields: &[&str]) {
        match *fields {
            ["now", now] => self.now = now.parse().unwrap_or_default(),
            ["uptime", text] => self.uptime = first(text),
            ["load", text] => self.load = first(text),
            ["memory", all, free] => self.memory = kib(all).zip(kib(free)),
            ["unit", name, cpu, memory, ..] => {
                if let Some(unit) = self.units.iter_mut().find(|unit| unit.unit == name) {
                    unit.cpu = cpu.parse().ok();
                    unit.memory = memory.parse().ok();
                }
            }
            ["nginx", "requests", number] => self.requests = number.parse().ok(),
            // The one that asks is not one of visitors.
            ["nginx", "active", number] => {
                self.connections = number.parse::<u64>().ok().map(|all| all.saturating_sub(1));
            }
            ["release", path, target, since] if !target.is_empty() => {
                let id = target.rsplit('/').next().unwrap_or(target).to_owned();
                let since = since.parse().ok();
                self.release.get_or_insert((id.clone(), since));
                let path = path.to_owned();
                self.releases.push(ReleaseStatus { path, id, since });
            }
            ["certificate", path, text] => {
                self.certificates.extend(certificate(path, text, self.now));
            }
            ["order", path, line] => {
                let found = self.certificates.iter_mut().find(|one| one.path == path);
                if let (Some(found), Some((word, rest))) = (found, line.split_once(' ')) {
                    let renewal = found.renewal.get_or_insert_default();
                    match word {
                        "checked" => renewal.checked = rest.parse().ok(),
                        "tried" => renewal.failed = rest.parse().ok(),
                        "next" => renewal.next = rest.parse().ok(),
                        "suggested" => renewal.suggested = rest.parse().ok(),
                        "caa" => renewal.caa = Some(rest.to_owned()),
                        "because" => renewal.because = Some(rest.to_owned()),
                        _ => {}
                    }
                }
            }
            ["dnskey", zone, line] => {
                let zone = Fqdn::new(zone).ok();
                self.ds_records
                    .extend(zone.and_then(|zone| ds_record_of_line(&zone, line)));
            }
            ["rollover", zone, old, new] => {
                if let (Ok(old), Ok(new)) = (old.parse(), new.parse()) {
                    let zone = zone.to_owned();
                    self.rollovers.push(Rollover { zone, old, new });
                }
            }
            ["disk", place, all, free] => {
                if let Some((size, free)) = kib(all).zip(kib(free)) {
                    let place = place.to_owned();
                    self.disks.push(Disk { place, size, free });
                }
            }
            ["pending", unit, reaction] => {
                self.pending.push((unit.to_owned(), reaction.to_owned()));
            }
            ["replaced", unit] => self.replaced.push(unit.to_owned()),
            ["drop-in", unit, changed] => {
                let changed: Option<i64> = changed.parse().ok();
                let started = self.units.iter().find(|one| one.unit == unit);
                let started = started.and_then(|unit| unit.since);
                if changed
                    .zip(started)
                    .is_some_and(|(changed, since)| changed > since)
                {
                    self.waiting.push(unit.to_owned());
                }
            }
            ["backup", name, line] => self.backup.get_or_insert_default().read(name, line),
            ["unattended", name, line] => {
                self.unattended.get_or_insert_default().read(name, line);
            }
            ["reboot", packages] => self.reboot = Some(packages.trim().to_owned()),
            ["maintenance", since, ref site @ ..] => {
                let since = since.parse().unwrap_or_default();
                self.maintenance = Some(self.maintenance.map_or(since, |first| first.min(since)));
                let domain = site.first().map(|domain| (*domain).to_owned());
                let closed = domain.map(|domain| ClosedSite { domain, since });
                self.closed_sites.extend(closed);
            }
            _ => {}
        }
    }
}

/// A unit as systemd has it.
fn unit_status(units: &Units, state: &UnitState<'_>) -> UnitStatus {
    let folder = state.text("WorkingDirectory");
    let since = state.started().filter(|_| state.state() == "active");
    UnitStatus {
        role: units.role(state.id()),
        unit: state.id().to_owned(),
        state: state.state().to_owned(),
        detail: state.text("SubState").to_owned(),
        since: since.map(Timestamp::as_second),
        restarts: state.text("NRestarts").parse().unwrap_or_default(),
        release: folder
            .split_once("/releases/")
            .map(|(_, id)| id.split('/').next().unwrap_or(id).to_owned()),
        once: state.text("Type") == "oneshot",
        memory: None,
        cpu: None,
    }
}

fn last_apply(run: &PastRun) -> LastApply {
    LastApply {
        generation: run.generation,
        time: run.time,
        who: run.who.clone(),
        changes: run.changes.clone(),
    }
}

fn first(text: &str) -> f64 {
    let word = text.split_whitespace().next();
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

fn kib(text: &str) -> Option<u64> {
    text.parse::<u64>().ok()?.checked_mul(1024)
}

/// The first certificate of a chain in PEM, in base64.
fn certificate(path: &str, text: &str, now: i64) -> Option<CertificateStatus> {
    let pem = BASE64_STANDARD.decode(text).ok()?;
    let (_, pem) = parse_x509_pem(&pem).ok()?;
    let certificate = pem.parse_x509().ok()?;
    let until = certificate.validity().not_after.timestamp();
    let issuer = if certificate.issuer() == certificate.subject() {
        "itself".to_owned()
    } else {
        certificate.issuer().to_string()
    };
    Some(CertificateStatus {
        path: path.to_owned(),
        until,
        days: (until - now).div_euclid(86400),
        issuer,
        names: certificate_names(&certificate),
        renewal: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: &str = "now\u{1f}1795376400\nuptime\u{1f}3600.5 1\nload\u{1f}0.42 1 1 1/2 3\nmemory\u{1f}2048\u{1f}1024\n\
        unit\u{1f}foobar-app@blue.service\u{1f}5000000\u{1f}1048576\u{1f}max\u{1f}\u{1f}\n\
        nginx\u{1f}active\u{1f}4\nnginx\u{1f}requests\u{1f}99\nrelease\u{1f}/srv/foobar\u{1f}releases/0a1b\u{1f}1795376001\n\
        certificate\u{1f}/etc/x.pem\u{1f}!!\ndisk\u{1f}/\u{1f}1000\u{1f}10\npending\u{1f}mysql.service\u{1f}restart\n\
        drop-in\u{1f}foobar-app@blue.service\u{1f}1795376001\ndrop-in\u{1f}nginx.service\u{1f}1795376001\nreboot\u{1f}linux-image \n\
        units\nId=foobar-app@blue.service\nLoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=1\n\
        ActiveEnterTimestamp=Sun 2026-11-22 19:33:20.000001 UTC\nWorkingDirectory=/srv/foobar/releases/0a1b\nType=exec\n\n\
        Id=nginx.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\nType=forking\n\
        ActiveEnterTimestamp=Sun 2026-11-22 19:33:20.000001 UTC\n\n\
        Id=gone.service\nLoadState=not-found\nActiveState=inactive\n\
        history\n7\t1795376300\troot@web\trun-1\t1 to update\nkept\t7\n";

    #[test]
    fn a_reply_is_read() {
        let units = Units::of_roles(&[
            ("app", &["foobar-app@*.service"]),
            ("web", &["nginx.service"]),
        ]);
        let status = Status::parse(&Stack::default(), &units, None, REPLY);
        assert_eq!(status.units.len(), 2, "what is not there is not shown");
        let app = &status.units[0];
        assert_eq!(
            (app.role.as_str(), app.release.as_deref(), app.restarts),
            ("app", Some("0a1b"), 1)
        );
        assert_eq!(
            (app.memory, app.cpu, app.since),
            (Some(1 << 20), Some(5_000_000), Some(1_795_376_000))
        );
        assert_eq!(status.units[1].since, None, "it does not run");
        assert_eq!((status.requests, status.connections), (Some(99), Some(3)));
        assert_eq!(
            status.release,
            Some(("0a1b".to_owned(), Some(1_795_376_001)))
        );
        assert!(status.certificates.is_empty(), "what is none is left out");
        assert_eq!(status.disks[0].free, 10_240);
        assert_eq!(
            status.pending,
            [("mysql.service".to_owned(), "restart".to_owned())]
        );
        assert_eq!(status.reboot.as_deref(), Some("linux-image"));
        assert_eq!(status.last_apply.map(|last| last.generation), Some(7));
        assert_eq!((status.maintenance, status.backups), (None, false));
    }

    #[test]
    fn sites_that_are_closed_are_read() {
        let mut status = Status::default();
        status.line(&["maintenance", "20", "shop.example"]);
        status.line(&["maintenance", "10", "blog.example"]);
        assert_eq!(status.maintenance, Some(10));
        let closed = status.closed_sites.iter();
        let closed: Vec<_> = closed.map(|site| (&*site.domain, site.since)).collect();
        assert_eq!(closed, [("shop.example", 20), ("blog.example", 10)]);
        // Every site is.
        let mut status = Status::default();
        status.line(&["maintenance", "30"]);
        assert_eq!(
            (status.maintenance, status.closed_sites),
            (Some(30), vec![])
        );
    }

    #[test]
    fn a_rollover_is_read() {
        let mut status = Status::default();
        // As file names have the tag.
        status.line(&["rollover", "foobar.com", "00123", "19767"]);
        let rollover = Rollover {
            zone: "foobar.com".to_owned(),
            old: 123,
            new: 19_767,
        };
        assert_eq!(status.rollovers, [rollover]);
    }

    #[test]
    fn a_certificate_is_read_with_what_became_of_its_orders() {
        let names = ["foobar.com".to_owned(), "www.foobar.com".to_owned()];
        let made = rcgen::generate_simple_self_signed(names.clone()).unwrap();
        let pem = BASE64_STANDARD.encode(made.cert.pem());
        let mut status = Status::default();
        for line in [
            &["certificate", "/etc/x.pem", &pem][..],
            &["order", "/etc/x.pem", "from 00 https://acme.example/dir"],
            &["order", "/etc/x.pem", "tried 1795376400"],
            &["order", "/etc/x.pem", "next 1795376460"],
            &["order", "/etc/x.pem", "because there is no such name"],
            &["order", "/etc/x.pem", "suggested 1795000000"],
            &[
                "order",
                "/etc/x.pem",
                "caa acme.example; accounturi=https://acme.example/1",
            ],
            &["order", "/etc/gone.pem", "because it is another one"],
        ] {
            status.line(line);
        }
        let [certificate] = &status.certificates[..] else {
            panic!("{:?}", status.certificates);
        };
        assert_eq!(
            (&certificate.names[..], &*certificate.issuer),
            (&names[..], "itself")
        );
        let renewal = Renewal {
            checked: None,
            failed: Some(1_795_376_400),
            next: Some(1_795_376_460),
            because: Some("there is no such name".to_owned()),
            suggested: Some(1_795_000_000),
            caa: Some("acme.example; accounturi=https://acme.example/1".to_owned()),
        };
        assert_eq!(certificate.renewal, Some(renewal));
    }
}
