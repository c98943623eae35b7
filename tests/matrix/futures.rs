//! Futures that do not work, and servers on which nothing works as it should: each with how the
//! run must end, what it must say, and what visitors must not notice.

mod table;

use crate::faults::{CLEAN, MANAGED};
use crate::lab::{Disk, Machine, Site, read};
use crate::support::until;
use crate::visitors::Visitors;
use crate::{Case, Scope};
use std::path::{Path, PathBuf};

/// A change of one file of the site. A template or role that the site does not have is the
/// built-in one.
#[derive(Debug, Clone, Copy)]
enum Edit {
    /// Becomes this text.
    Write(&'static str),
    /// Gets this text at its end.
    Append(&'static str),
    /// This text, which stands there once, becomes that one.
    Replace(&'static str, &'static str),
}

/// What becomes of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// As it was; the same exit status for all of these.
    AsBefore(i32),
    /// What is wanted is reached all the same.
    Mended,
    /// It cannot be put back, and says so.
    Stuck,
}

/// One such future, or server.
struct Broken {
    name: &'static str,
    /// Done on the server before; what it prints is what `after` must print again.
    before: &'static str,
    /// What is changed in the example site.
    site: &'static [(&'static str, Edit)],
    ends: Ends,
    /// What must be said.
    says: &'static [&'static str],
    /// Whether visitors may lose requests: by what has to restart, or is tried out.
    gap: bool,
    /// Done on the server after the run, if without it the site cannot serve again; visitors lose
    /// requests until then.
    relief: &'static str,
    /// Done on the server afterwards, to end what `before` began.
    after: &'static str,
    /// Whether it is part of the sample.
    sample: bool,
}

const BROKEN: Broken = Broken {
    name: "",
    before: "",
    site: &[],
    ends: Ends::AsBefore(1),
    says: &[],
    gap: false,
    relief: "",
    after: "",
    sample: false,
};

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    let all = table::ALL.into_iter().flatten();
    all.map(|broken| {
        Case::new(
            &format!("future, {}", broken.name),
            Scope::sampled(broken.sample),
            move |machine, _| meet(machine, broken),
        )
    })
    .collect()
}

fn apply(broken: &Broken, machine: &Machine) -> Site {
    let site = machine.site();
    for (path, edit) in broken.site {
        let own = site.path(path);
        let own = if own.exists() { own } else { built_in(path) };
        let text = edited(path, edit, || read(&own));
        site.write(path, &text);
    }
    site
}

/// A file that every site has unless it brings its own.
fn built_in(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What the edit makes of what was there.
fn edited(path: &str, edit: &Edit, old: impl Fn() -> String) -> String {
    match edit {
        Edit::Write(text) => (*text).to_owned(),
        Edit::Append(text) => old() + text,
        Edit::Replace(from, to) => {
            let old = old();
            assert_eq!(old.matches(from).count(), 1, "{from:?} in {path}");
            old.replace(from, to)
        }
    }
}

/// A case whose text is not there any more would not be noticed before it is run.
#[test]
fn every_edit_of_a_built_in_file_fits_it() {
    let mut count = 0;
    for broken in table::ALL.into_iter().flatten() {
        for (path, edit) in broken.site {
            if built_in(path).exists() {
                edited(path, edit, || read(&built_in(path)));
                count += 1;
            }
        }
    }
    assert!(count > 20, "only {count}");
}

/// The files without those of releases, which stay when a run is undone.
fn files(machine: &Machine) -> String {
    let said = machine.on(MANAGED);
    let lines = said.lines().filter(|line| !line.contains("/releases/"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn meet(machine: &Machine, broken: &Broken) {
    if !machine.is_good() {
        machine.reset(Disk::Applied);
        machine.run(&["apply", "--yes", "--json"]).exits(0);
    }
    machine.set_good(false);
    let site = apply(broken, machine);
    let began = machine.on(broken.before);
    let before = files(machine);
    let visitors = Visitors::send(machine.sandbox.address);
    let end = site.run(&["apply", "--yes"]);
    let visits = visitors.call_back();
    let code = match broken.ends {
        Ends::AsBefore(code) => code,
        Ends::Mended => 0,
        Ends::Stuck => 1,
    };
    let end = end.exits(code).says(broken.says);
    assert!(
        !end.said().contains("without a last word"),
        "{}",
        end.said()
    );
    let lost = &visits.lost;
    assert!(
        broken.gap || !broken.relief.is_empty() || lost.is_empty(),
        "{} of {} visits lost: {:?}\n{}",
        lost.len(),
        visits.count,
        lost.first(),
        end.said()
    );
    if matches!(broken.ends, Ends::AsBefore(_)) {
        let after = files(machine);
        let gone = before.lines().filter(|line| !after.contains(line));
        let new = after.lines().filter(|line| !before.contains(line));
        let differs: Vec<&str> = gone.chain(new).collect();
        assert!(
            differs.is_empty(),
            "not as before: {differs:#?}\n{}",
            end.said()
        );
        // The site answers as before: at once, or when what ended itself is up again.
        machine.on(broken.relief);
        let answers = || {
            let visitors = Visitors::send(machine.sandbox.address);
            std::thread::sleep(std::time::Duration::from_millis(100));
            visitors.call_back().lost.is_empty()
        };
        if broken.gap || !broken.relief.is_empty() {
            until("the page", || answers().then_some(()));
        } else {
            assert!(answers(), "no page\n{}", end.said());
        }
    }
    assert_eq!(machine.on(broken.after), began, "{}", end.said());
    // The good inventory mends whatever is left.
    machine
        .run(&["apply", "--yes", "--json", "--delete-many"])
        .exits(0);
    let plan = machine.run(&["plan", "--detailed-exitcode"]).exits(0);
    plan.says(&["No changes."]);
    assert_eq!(machine.on(CLEAN), "", "left behind\n{}", end.said());
    machine.set_good(true);
}
