//! Changes that would keep us out put themselves back, since nobody comes to confirm them.

use crate::page::page;
use crate::server::{Server, Site};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A role of somebody's own for sshd.
const DOOR: &str = r#"
[[file]]
path = "/etc/ssh/sshd_config.d/10-door.conf"
content = "LINE\n"

[[service]]
name = "ssh.service"
reload_on = ["file:/etc/ssh/*"]
"#;

fn door(server: &Server, line: &str) -> Site {
    let site = server.site_with("door", |text| text);
    site.write("roles/door/role.toml", &DOOR.replace("LINE", line));
    site
}

/// Applies, and says for how long nobody got in.
fn locked_out(server: &Server, site: &Site) -> Duration {
    let over = AtomicBool::new(false);
    let address = SocketAddr::new(server.address, 22);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut first = None;
            let mut last = None;
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                if TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_err() {
                    first.get_or_insert(began);
                    last = Some(Instant::now());
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            first.zip(last).map(|(first, last)| last - first)
        });
        let run = site.run(&["apply", "--yes"]);
        over.store(true, Ordering::Relaxed);
        let locked = watch.join().ok().flatten();
        run.exits(6).says(&[
            "nobody confirmed over a new connection in time",
            "rolled back",
        ]);
        locked.unwrap_or_default()
    })
}

pub(crate) fn a_firewall_that_keeps_us_out_puts_itself_back(server: &Server) {
    let rule = "tcp dport { {{ vars.ssh_ports | join(sep=\", \") }} } accept";
    let template = include_str!("../../templates/firewall/nftables.conf");
    let ours = template.matches(rule).count();
    assert!(ours > 0, "the template has no rule for ssh");
    let site = server.site_with("locked", |text| text);
    let closed = template.replace(rule, "tcp dport 22 drop");
    site.write("templates/firewall/nftables.conf", &closed);
    let locked = locked_out(server, &site);
    crate::note(&format!("locked out for {:.1} s", locked.as_secs_f64()));
    // It waits for 25 seconds; the promise is 30, and a busy machine is slow to poll.
    assert!(locked > Duration::from_secs(10), "{locked:?}");
    assert!(locked < Duration::from_secs(45), "{locked:?}");
    server.run(&["plan"]).exits(0).says(&["No changes."]);
    page(server);
}

pub(crate) fn an_sshd_that_keeps_us_out_puts_itself_back(server: &Server) {
    // What sshd itself refuses never gets there.
    let refused = door(server, "AllowUsrs nobody").run(&["apply", "--yes"]);
    refused
        .exits(1)
        .says(&["sshd refuses the new configuration:", "AllowUsrs"]);
    server.on("test ! -e /etc/ssh/sshd_config.d/10-door.conf");

    let site = door(server, "AllowUsers nobody");
    locked_out(server, &site);
    server.on("test ! -e /etc/ssh/sshd_config.d/10-door.conf");
    server.run(&["plan"]).exits(0).says(&["No changes."]);

    // One that lets us in stays, and goes with its role.
    let open = door(server, "AllowUsers root");
    open.run(&["apply", "--yes"]).exits(0);
    // Its role is gone, and sshd, which was there before, takes that.
    let shown = server.site.plan().changes();
    let shown: Vec<String> = shown
        .iter()
        .map(|change| format!("{} {}", change.action, change.id))
        .collect();
    let file = "/etc/ssh/sshd_config.d/10-door.conf";
    let gone = format!("delete absent:{file}");
    assert_eq!(shown, [gone.as_str(), "reload service:ssh.service"]);
    let read = "systemctl show --value -p StateChangeTimestampMonotonic ssh";
    let before = server.on(read);
    server.run(&["apply", "--yes"]).exits(0);
    assert_ne!(server.on(read), before, "sshd was not reloaded");
    server.on(&format!("test ! -e {file} && systemctl is-active -q ssh"));
}
