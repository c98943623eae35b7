//! The tool against real servers: a Debian with MariaDB, one with MySQL.
//!
//! Each server is made once, and a test is its story in chapters, so that what is slow (to
//! install a whole stack) happens once. A chapter that fails does not end the story; the server
//! is set right again before the next one. `CHAPTERS=drift,runs` leaves out the others.
//!
//! This needs root, or sudo without a password, and an archive to install from. Where root or its
//! programs are missing the tests are left out, and a line says so.

mod accounts;
mod acme;
mod apt_source;
mod bare;
mod code;
mod copies;
mod cost;

mod drift;
mod fail2ban;
mod fastcgi;
mod fleet;
mod frameworks;
mod guarded;
mod hardening;
mod http3;
mod killed;
mod load;
mod lockout;
mod login;
mod major;

mod one_off;
mod operate;
mod page;
mod paths;
mod planned;
mod power;
mod prepare;
mod processes;
mod proof;
mod rebuild;
mod refused;
mod rehearse;
mod releases;
mod removal;
mod restore;
mod reverse;
mod rollback;
mod rollover;
mod running;
mod runs;
mod runtimes;
mod saved;

mod secrets;
mod server;
#[path = "../servers/mod.rs"]
mod servers;
mod settings;
mod several;
mod sockets;
mod sshd;
mod support;
mod undo;
mod upgrades;
mod used;
mod variants;
mod zone;

use server::Server;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// A part of a server's story, and its name.
type Chapter = (&'static str, fn(&Server));

#[test]
fn a_debian_with_mariadb() {
    tell(
        "trixie",
        &[
            ("page", page::the_page_has_data_from_the_database),
            // First: what others leave behind would be named, too.
            ("removal", removal::what_leaves_goes_and_data_stays),
            ("secrets", secrets::a_secret_is_in_its_file_and_nowhere_else),
            (
                "refused",
                refused::a_broken_template_is_refused_with_nothing_touched,
            ),
            ("runs", runs::two_at_once_and_one_that_is_killed),
            ("load", load::load_is_made_counted_and_explained),
            (
                "prepare",
                prepare::a_release_is_made_ready_before_anybody_sees_it,
            ),
            (
                "runtimes",
                runtimes::each_runtime_needs_lines_of_the_inventory_alone,
            ),
            ("http3", http3::a_page_comes_over_it_until_it_is_turned_off),
            ("sockets", sockets::the_app_moves_to_a_socket_and_back),
            ("paths", paths::what_is_said_of_a_path_holds_there),
            ("code", code::only_what_changed_travels),
            (
                "operate",
                operate::a_site_is_looked_at_and_closed_for_maintenance,
            ),
            ("one_off", one_off::commands_run_as_the_app_does),
            (
                "frameworks",
                frameworks::a_framework_needs_no_more_than_init,
            ),
            (
                "processes",
                processes::what_runs_beside_the_app_changes_over_with_it,
            ),
            (
                "hardening",
                hardening::scanners_find_nothing_and_daemons_come_back,
            ),
            ("restore", restore::what_was_backed_up_comes_back_as_it_was),
            ("copies", copies::what_is_copied_stands_in),
        ],
    );
}

#[test]
fn a_debian_with_mariadb_that_goes_back() {
    tell(
        "trixie",
        &[
            ("saved", saved::a_saved_plan_runs_as_it_is_or_not_at_all),
            ("planned", planned::a_plan_sees_it_before_a_run_does),
            (
                "apt_source",
                apt_source::what_is_named_comes_from_there_and_nothing_else,
            ),
            (
                "undo",
                undo::what_a_run_touched_goes_back_and_others_things_stay,
            ),
            ("power", power::what_was_made_before_a_power_cut_is_ours),
            ("rollback", rollback::a_proven_generation_comes_back),
            (
                "rehearse",
                rehearse::what_fails_on_a_copy_never_reaches_the_server,
            ),
            ("fail2ban", fail2ban::who_fails_is_banned_and_we_are_not),
            (
                "lockout",
                lockout::a_firewall_that_keeps_us_out_puts_itself_back,
            ),
            ("settings", settings::what_can_be_set_is_set_while_it_runs),
            (
                "accounts",
                accounts::what_others_made_in_the_database_is_theirs,
            ),
            ("drift", drift::every_kind_of_drift_is_found_and_mended),
            ("reverse", reverse::addresses_have_names),
            ("fleet", fleet::the_zone_gets_a_server_of_its_own),
            // Last: a zone whose keys are in use would be in the way of others.
            ("zone", zone::a_zone_is_copied_and_signed),
        ],
    );
}

#[test]
fn a_debian_with_mysql() {
    tell(
        "sid",
        &[
            ("page", page::the_page_has_data_from_the_database),
            (
                "refused",
                refused::a_broken_template_is_refused_with_nothing_touched,
            ),
            ("releases", releases::no_request_is_lost),
            (
                "lockout",
                lockout::an_sshd_that_keeps_us_out_puts_itself_back,
            ),
            ("sshd", sshd::keys_alone_let_somebody_in),
            ("login", login::who_may_log_in_and_who_becomes_root),
            // Before one that leaves many folders behind.
            (
                "accounts",
                accounts::what_others_made_in_the_database_is_theirs,
            ),
            ("cost", cost::a_plan_costs_the_same_for_many_resources),
            ("settings", settings::what_can_be_set_is_set_while_it_runs),
            ("drift", drift::every_kind_of_drift_is_found_and_mended),
            ("restore", restore::what_was_backed_up_comes_back_as_it_was),
            (
                "rebuild",
                rebuild::what_is_lost_comes_back_on_an_empty_server,
            ),
            ("variants", variants::every_kind_of_inventory_converges),
        ],
    );
}

#[test]
fn a_site_with_a_certificate_from_an_authority() {
    if !wanted("acme") || !is_possible() {
        return;
    }
    acme::certificates_are_ordered_in_time_and_only_when_they_can_be(&Server::up("trixie"));
}

#[test]
fn a_server_with_several_sites() {
    if !wanted("several") || !is_possible() {
        return;
    }
    several::sites_share_a_server_and_nothing_else(&Server::up("trixie"));
}

#[test]
fn a_run_that_nobody_proves() {
    if !wanted("proof") || !is_possible() {
        return;
    }
    let server = Server::up("trixie");
    proof::silence_is_no_approval(&server);
    tell_chapters(&server, &proof::PARTS);
}

/// Whether there can be a server here.
fn is_possible() -> bool {
    servers::are_possible("the tests against real servers")
}

/// Whether this chapter is to be told.
fn wanted(name: &str) -> bool {
    let only = std::env::var("CHAPTERS").unwrap_or_default();
    only.is_empty() || only.split(',').any(|one| one == name)
}

#[test]
fn a_server_with_a_life_of_its_own() {
    if !wanted("used") || !is_possible() {
        return;
    }
    used::what_others_have_stays_theirs(&Server::up("trixie"));
}

#[test]
fn a_server_with_an_old_mysql() {
    if !wanted("guarded") {
        return;
    }
    guarded::what_guards_it_is_asked_first(&Server::up("sid"));
}

/// It takes some minutes: `MAJOR=1`.
#[test]
fn a_database_server_of_another_series() {
    if std::env::var_os("MAJOR").is_none() || !wanted("major") || !is_possible() {
        return;
    }
    major::a_newer_series_takes_over_and_a_backup_is_the_way_back();
}

/// Tells a server's story: first what a bare one becomes, then the chapters.
fn tell(suite: &'static str, chapters: &[Chapter]) {
    if !is_possible() {
        return;
    }
    let server = Server::up(suite);
    bare::a_bare_server_becomes_what_the_plan_says(&server);
    let chapters: Vec<Chapter> = chapters
        .iter()
        .filter(|(name, _)| wanted(name))
        .copied()
        .collect();
    tell_chapters(&server, &chapters);
}

/// Tells chapters of a server's story. One that fails does not end it.
fn tell_chapters(server: &Server, chapters: &[Chapter]) {
    let suite = server.suite;
    let mut failed = Vec::new();
    for (name, chapter) in chapters {
        server.converge();
        let begin = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| chapter(server))).is_err() {
            failed.push(*name);
            let _ = server.run(&["apply", "--yes", "--delete-many"]);
        }
        let took = begin.elapsed().as_secs_f64();
        note(&format!("{suite}: {name} took {took:.1} s"));
    }
    assert!(
        failed.is_empty(),
        "{suite}: failed are {}",
        failed.join(", ")
    );
}

/// Says something that a test which fails should say, too.
#[expect(
    clippy::print_stderr,
    reason = "shown by the harness when a test fails"
)]
fn note(text: &str) {
    eprintln!("{text}");
}
