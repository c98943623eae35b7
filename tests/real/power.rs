//! A power cut in the middle of a run: what it has made is ours all the same, since its record is
//! on disk before the thing is made. What was not synced is lost here as it is there: the state
//! of foobar-stack is on a file system of its own, whose image is copied at that moment.

use crate::server::Server;
use crate::support::{Ending, ending, until};
use std::process::Command;

const STATE: &str = "/var/lib/foobar-stack";

/// A role whose command stands still, so that the power can be cut then.
const ROLE: &str = r#"
description = "stands still"
after = ["database"]

[[file]]
path = "/etc/power/file"
content = "x\n"

[[command]]
name = "still"
command = ["sh", "-c", "touch /root/still; sleep 120"]
key = "1"
"#;

/// Runs a script as root on this machine.
fn here(script: &str) -> Ending {
    let root = is_root();
    let mut command = Command::new(if root { "sh" } else { "sudo" });
    if !root {
        command.args(["-n", "sh"]);
    }
    let ending = ending(command.args(["-euc", script]));
    assert_eq!(ending.code, 0, "{}", ending.said());
    ending
}

fn is_root() -> bool {
    let id = ending(Command::new("id").arg("-u"));
    id.out.trim() == "0"
}

/// Mounts an image in the server, at the place of the state.
fn mount(server: &Server, image: &str) {
    let device = here(&format!("losetup -f --show {image}"));
    let numbers = here(&format!("stat -c '%Hr %Lr' {}", device.out.trim()));
    let file = server.pid_file();
    // A journal that is not written unless somebody asks for it: as if the power went at once.
    here(&format!(
        "read -r pid _ <{file}; pid=$(pgrep -P $pid); pid=$(pgrep -P $pid)\n\
         nsenter -t $pid -m -- sh -euc 'mknod /dev/state b {} && mount -t ext4 -o commit=300 /dev/state {STATE}; rm /dev/state'",
        numbers.out.trim()
    ));
}

pub(crate) fn what_was_made_before_a_power_cut_is_ours(server: &Server) {
    let folder = server.temporary();
    let (image, cut) = (format!("{folder}/state.img"), format!("{folder}/cut.img"));
    here(&format!(
        "truncate -s 96M {image} && mkfs.ext4 -q -F {image}"
    ));
    server.on(&format!("mv {STATE} {STATE}.kept && mkdir -m 700 {STATE}"));
    mount(server, &image);
    server.on(&format!("cp -a {STATE}.kept/. {STATE}/ && sync -f {STATE}"));

    let site = server.site_with("power", |text| text);
    site.write("roles/power/role.toml", ROLE);
    let run = site.start(&["apply", "--yes"]);
    until("the command stands still", || {
        (server.ask("test -e /root/still").0 == 0).then_some(())
    });
    here(&format!("cp --sparse=always {image} {cut}"));
    server.on("systemctl kill -s KILL 'foobar-stack-*.service' 'run-*.service'; rm /root/still");
    let said = run.ending();
    assert_ne!(said.code, 0, "{}", said.said());
    server.on(&format!("until umount {STATE}; do sleep 0.1; done"));
    mount(server, &cut);
    // Its file system of /etc has kept the file.
    server.on("test -e /etc/power/file");
    let made = server.on(&format!("cat {STATE}/made"));
    assert!(
        made.lines().any(|line| line == "path\t/etc/power/file"),
        "{made}"
    );
    let journal = server.on(&format!("cat {STATE}/runs/*/journal"));
    assert!(journal.contains("/etc/power/file"), "{journal}");

    let role = ROLE.split("[[command]]").next().unwrap_or_default();
    site.write("roles/power/role.toml", role);
    site.run(&["apply", "--yes"]).exits(0);
    server.on(&format!(
        "grep -qxF 'made	power	path	/etc/power/file' {STATE}/managed"
    ));
    server.converge();
    server.on("test ! -e /etc/power/file");
    server.on(&format!(
        "cp -a {STATE} {STATE}.after && umount {STATE} && rm -r {STATE}.kept && rmdir {STATE} && mv {STATE}.after {STATE}"
    ));
    here(&format!(
        "for image in {image} {cut}; do losetup -j $image | cut -d : -f 1 | xargs -r losetup -d; done; rm {image} {cut}"
    ));
    server.run(&["plan"]).exits(0).says(&["No changes."]);
}
