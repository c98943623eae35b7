//! What templates/backup/repository.sh and copies.sh make of what restic says: which backups are
//! removed or copied, and which words a failure has.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The day with this number; the last one is today.
const DAY: i64 = 86400;

/// A snapshot of so many days ago, as restic lists it.
fn snapshot(id: &str, days: i64, tags: &[&str]) -> Value {
    let now = jiff::Timestamp::now().as_second();
    let time = jiff::Timestamp::from_second(now - days * DAY).unwrap();
    // Two hours east of Greenwich.
    let local = jiff::Timestamp::from_second(now - days * DAY + 7200).unwrap();
    let time = match days % 2 {
        0 => time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z"),
        _ => local.strftime("%Y-%m-%dT%H:%M:%S.1+02:00"),
    };
    json!({ "id": id, "time": time.to_string(), "tags": tags })
}

/// The two snapshots of a backup, which is called as its data.
fn backup(id: &str, days: i64, incarnation: &str) -> [Value; 2] {
    let named = format!("id={id}");
    let life = format!("incarnation={incarnation}");
    let mut tags = vec!["manifest", &named];
    if !incarnation.is_empty() {
        tags.push(&life);
    }
    [
        snapshot(id, days, &["data", &named]),
        snapshot(&format!("m{id}"), days, &tags),
    ]
}

/// The log of an incarnation.
fn logs(id: &str, days: i64, incarnation: &str) -> Value {
    let life = format!("incarnation={incarnation}");
    snapshot(id, days, &["logs", &life])
}

/// What a function of the program prints, which gets this on its standard input.
fn printed(words: &str, input: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let environment = folder.path().join("environment");
    std::fs::create_dir(&environment).unwrap();
    std::fs::write(environment.join("SECRET"), "hunter2\n").unwrap();
    let script = format!(
        "{}\n{}\nSETTINGS={} repository=/srv/backup number=1 copies=''\n{words}",
        include_str!("../templates/backup/repository.sh"),
        include_str!("../templates/backup/copies.sh"),
        folder.path().display(),
    );
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "is jq there? `.ci/run` installs it"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// What is removed of them: what the policy keeps, and what was proven.
fn removed(snapshots: &[Value], policy: &str, proven: &str) -> String {
    let words = format!("superfluous '{policy}' '{proven}'");
    let said = printed(&words, &Value::from(snapshots).to_string());
    said.replace('\n', ", ").trim_end_matches(", ").to_owned()
}

#[test]
fn what_the_policy_does_not_keep_goes_and_data_without_a_manifest() {
    let mut all = [
        backup("A", 3, "x"),
        backup("B", 2, "x"),
        backup("C", 0, "x"),
    ]
    .concat();
    all.push(snapshot("cut-off", 1, &["data", "id=D"]));
    all.push(snapshot("foreign", 9, &["mine"]));
    all.push(logs("log", 0, "x"));
    assert_eq!(
        removed(&all, "C", ""),
        "other A, manifest mA, other B, manifest mB, other cut-off"
    );
    assert_eq!(removed(&all, "A\nB\nC", ""), "other cut-off");
}

#[test]
fn the_last_backup_of_an_older_series_stays_for_eight_weeks() {
    let of = |id: &str, days: i64, series: &str| {
        let mut both = backup(id, days, "x");
        if let Some(tags) = both[1]["tags"].as_array_mut() {
            tags.push(format!("series={series}").into());
        }
        both
    };
    let made = |days: i64| {
        [
            of("A", days + 1, "mariadb-10.11"),
            of("B", days, "mariadb-10.11"),
            of("C", 0, "mariadb-11.8"),
        ]
        .concat()
    };
    assert_eq!(removed(&made(55), "C", "C"), "other A, manifest mA");
    let gone = "other A, manifest mA, other B, manifest mB";
    assert_eq!(removed(&made(57), "C", "C"), gone);
}

#[test]
fn the_newest_proven_backup_stays_and_the_newest_one() {
    let all = [
        backup("A", 3, "x"),
        backup("B", 2, "x"),
        backup("C", 0, "x"),
    ]
    .concat();
    assert_eq!(removed(&all, "C", "A B"), "other A, manifest mA");
    // One that is gone protects nothing.
    assert_eq!(removed(&all, "C", "A Z"), "other B, manifest mB");
    // A clock that was wrong.
    assert_eq!(removed(&all, "A", ""), "other B, manifest mB");
}

#[test]
fn an_incarnation_keeps_its_newest_backup_while_its_moments_can_be_asked_for() {
    let mut all = [
        backup("A", 90, "x"),
        backup("B", 80, "x"),
        backup("C", 70, "y"),
        backup("D", 60, "y"),
        backup("E", 2, "z"),
        backup("F", 1, "z"),
        backup("G", 0, "now"),
    ]
    .concat();
    // x has ended 79 days ago, y 50; of z no log is there.
    all.push(logs("log-x", 79, "x"));
    all.push(logs("log-y", 50, "y"));
    all.push(logs("log-next", 0, "next"));
    assert_eq!(
        removed(&all, "G", ""),
        "other A, manifest mA, other B, manifest mB, other C, manifest mC, other E, manifest mE, \
         other log-x"
    );
    assert_eq!(
        removed(&all, "G", "A"),
        "other B, manifest mB, other C, manifest mC, other E, manifest mE"
    );
}

#[test]
fn without_a_database_there_is_no_incarnation() {
    let all = [backup("A", 3, ""), backup("B", 2, ""), backup("C", 0, "")].concat();
    assert_eq!(
        removed(&all, "C", ""),
        "other A, manifest mA, other B, manifest mB"
    );
}

#[test]
fn a_failure_has_one_line() {
    for (said, want) in [
        (
            "Fatal: wrong password or no key found",
            "the repository /srv/backup does not open with the key of this server: wrong password \
             or no key found; give its key as backup.repository_key, or choose another place",
        ),
        (
            "Fatal: repository does not exist: unable to open config file: stat /srv/backup/config: \
             no such file or directory\nIs there a repository at the following location?\n/srv/backup",
            "the repository /srv/backup is not there: no such file or directory; has its disk been \
             mounted?",
        ),
        (
            "subprocess ssh: ssh: connect to host 192.0.2.9 port 22: No route to host\nFatal: unable \
             to open repository at sftp:x: unable to start the sftp session, error: EOF",
            "the repository /srv/backup cannot be reached: connect to host 192.0.2.9 port 22: No \
             route to host; look whether that machine is up, and whether its firewall lets this \
             server in",
        ),
        (
            "Stat(<config/>) returned error, retrying after 1.3s: Head \"https://hunter2@x/\": dial \
             tcp: lookup x: no such host\nsignal terminated received, cleaning up\nFatal: unable to \
             open config file: context canceled",
            "the repository /srv/backup cannot be reached: Head \"https://…@x/\": dial tcp: lookup x: \
             no such host; look whether that machine is up, and whether its firewall lets this \
             server in",
        ),
        (
            "Save(<data/6aa6684d5f>) failed: write /r/tmp-2536: no space left on device\n\
             {\"message_type\":\"exit_error\",\"code\":1,\"message\":\"Fatal: unable to save snapshot: \
             write /r/tmp-2536: no space left on device\"}",
            "the repository /srv/backup is full: no space left on device; make room there, or lower \
             backup.keep",
        ),
        (
            "Fatal: cannot dump file: decrypting blob <data/a0ed4b1f> from 7f798b92 failed: \
             ciphertext verification failed",
            "the repository /srv/backup is damaged in its pack 7f798b92: ciphertext verification \
             failed; /usr/local/lib/foobar-stack/backup restic check --read-data on the server says \
             what else, and how it is repaired",
        ),
        (
            "Load(<data/7f798b92e0>, 925120, 5810264) failed: open /r/7f: no such file or directory\n\
             Fatal: cannot dump file: ReadFull(<data/7f798b92e0>): open /r/7f: no such file or \
             directory",
            "the repository /srv/backup is damaged in its pack 7f798b92e0: no such file or directory; \
             /usr/local/lib/foobar-stack/backup restic check --read-data on the server says what \
             else, and how it is repaired",
        ),
        (
            "panic: runtime error: invalid memory address\n[signal SIGSEGV]\n\ngoroutine 38:\nmain()",
            "the repository /srv/backup is damaged: invalid memory address; \
             /usr/local/lib/foobar-stack/backup restic check --read-data on the server says what \
             else, and how it is repaired",
        ),
        ("Fatal: something new", "it failed: something new"),
        ("no word of hunter2, hunter2", "it failed: no word of …, …"),
    ] {
        let got = printed("said=$(cat); reason 'it failed'", said);
        assert_eq!(got.trim_end(), want, "{said}");
    }
}

/// Restic by a function: what the first repository and its copy have, and a word for each thing that
/// is copied.
const TWO_REPOSITORIES: &str = "
    origin=/first copies=' /second' WORK=$SETTINGS patience=1
    cat >\"$WORK/all\"
    repository() {
        case \"$repository $*\" in
        '/first snapshots '*) jq .first \"$WORK/all\" ;;
        '/second snapshots '*) jq .second \"$WORK/all\" ;;
        *' copy '*) echo \"${*#* $WORK/key }\" >>\"$WORK/copied\"; case $* in *broken*) echo 'Fatal: no space left'; return 1 ;; esac ;;
        esac
    }
    keep_key() { :; }
    mkdir -p \"$WORK/copies/2\"; echo /second >\"$WORK/copies/2/repository\"
    at 2 copy_backups || echo \"$why\"
    printf '%s: ' \"$last\"; paste -s -d ' ' \"$WORK/copied\" 2>/dev/null || echo nothing";

#[test]
fn what_a_copy_lacks_is_copied_the_oldest_first_and_each_manifest_last() {
    let all = |ids: &[&str]| -> Vec<Value> {
        let one = |id: &&str| {
            let tags = [
                format!("id={id}"),
                format!("data=d{id}"),
                "bytes=7".to_owned(),
            ];
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            snapshot(&format!("m{id}"), 0, &tags)
        };
        ids.iter().map(one).collect()
    };
    for (first, second, want) in [
        (&["C", "A", "B"][..], &["A"][..], "C 7: dB mB dC mC"),
        (&["A", "B"], &[], "B 7: dA mA dB mB"),
        // What it has of what the first one keeps no more stays; nothing of before its newest comes.
        (&["A", "C"], &["B", "C"], "C 7: nothing"),
    ] {
        let input = json!({ "first": all(first), "second": all(second) });
        let got = printed(TWO_REPOSITORIES, &input.to_string());
        assert_eq!(got.trim_end(), want, "{first:?} {second:?}");
    }
    let mut broken = all(&["A", "B"]);
    broken[0]["tags"][1] = json!("data=broken");
    let input = json!({ "first": broken, "second": [] });
    let got = printed(TWO_REPOSITORIES, &input.to_string());
    assert!(got.starts_with("the repository /second is full"), "{got}");
    assert!(got.ends_with(": broken mA\n"), "{got}");
}

#[test]
fn a_repository_is_found_by_its_address() {
    let words = "origin=/first copies=' /second /third' WORK=/w
        for one in /first /third /fourth; do
            enter_address $one && echo \"$number $place\" || echo \"$why\"
        done";
    assert_eq!(
        printed(words, ""),
        "1 /w\n3 /w/copies/3\nthis server has no repository /fourth, but /first /second /third; \
         was the inventory applied?\n"
    );
}

#[test]
fn rows_are_the_same_whichever_version_has_dumped_them() {
    let rows = |dump: &str| {
        let words = format!(
            "{}\nrows_of_dump",
            include_str!("../templates/backup/dump.sh")
        );
        printed(&words, dump)
    };
    let older = "-- MariaDB dump 10.19\n/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES */;\n\
                 CREATE TABLE `a` (\n  `n` int(11)\n);\nINSERT INTO `a` VALUES\n(1,'x;'),\n(2,'y');\n";
    let newer = "/*M!999999\\- enable the sandbox mode */\n-- MariaDB dump 10.19-11.8\n\
                 SET @OLD_AUTOCOMMIT=@@AUTOCOMMIT;\nCREATE TABLE `a` (\n  `n` int(11)\n);\n\
                 INSERT INTO `a` VALUES\n(1,'x;'),\n(2,'y');\nCOMMIT;\n";
    assert_eq!(rows(older), "INSERT INTO `a` VALUES\n(1,'x;')\n(2,'y')\n");
    assert_eq!(rows(newer), rows(older));
    assert_ne!(rows(&newer.replace('y', "z")), rows(older));
}

#[test]
fn what_a_full_repository_does_not_take_is_tried_again_when_there_is_room() {
    for (fails, want) in [
        (
            "is full: no space",
            "retired, asked prune, asked prune, stored 2",
        ),
        (
            "cannot be reached",
            "the repository /srv/backup cannot be reached",
        ),
    ] {
        let words = format!(
            "tries=0
            retire() {{ echo retired; }}
            asked() {{ echo asked $1; }}
            is_append_only() {{ false; }}
            store() {{
                tries=$((tries + 1))
                [ $tries = 2 ] || {{ why='the repository /srv/backup {fails}'; return 1; }}
            }}
            if with_room store; then echo stored $tries; else echo \"$why\"; fi"
        );
        let said = printed(&words, "").replace('\n', ", ");
        assert_eq!(said.trim_end_matches(", "), want);
    }
}
