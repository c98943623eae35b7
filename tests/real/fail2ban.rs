//! fail2ban: who fails to log in is banned, and who works on the server is not.

use crate::server::Server;
use crate::support::until;

/// Somebody at an address of a network of its own, on the server, who knows no login.
const STRANGER: &str = "ip netns add stranger
ip link add stranger0 type veth peer name stranger1
ip link set stranger1 netns stranger
ip addr add 192.0.2.1/24 dev stranger0
ip link set stranger0 up
ip netns exec stranger sh -c 'ip addr add 192.0.2.2/24 dev stranger1; ip link set stranger1 up'";
/// Four logins that fail, each with its connection.
const KNOCKS: &str = "for n in 1 2 3 4; do
ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=2 nobody-$n@ADDRESS true 2>/dev/null
done
true";

pub(crate) fn who_fails_is_banned_and_we_are_not(server: &Server) {
    let section = "\n[fail2ban]\nmax_retry = 3\nban_time = \"1h\"\n";
    let site = server.site_with("fail2ban", |text| text + section);
    let theirs = "/etc/fail2ban/jail.local";
    server.on(&format!(
        "mkdir -p /etc/fail2ban; printf '[DEFAULT]\\nignoreip = 192.0.2.77\\n' >{theirs}"
    ));
    site.run(&["apply", "--yes"]).exits(0);
    assert_eq!(site.plan().changes(), []);
    let ignored = server.on("fail2ban-client get sshd ignoreip");
    assert!(ignored.contains("192.0.2.77"), "{ignored}");

    // Ours first: what is read of the others comes after it.
    let knocks = KNOCKS.replace("ADDRESS", &server.address.to_string());
    let ours = std::process::Command::new("sh")
        .args(["-c", &knocks])
        .status();
    assert!(ours.is_ok_and(|status| status.success()));
    server.on(STRANGER);
    let inside = KNOCKS.replace("ADDRESS", "192.0.2.1").replace('\'', "");
    server.on(&format!("ip netns exec stranger sh -c '{inside}'"));
    let banned = until("a ban", || {
        let banned = server.on("fail2ban-client get sshd banip");
        banned.contains("192.0.2.2").then_some(banned)
    });
    assert_eq!(banned.trim(), "192.0.2.2");
    server.on("nft list table inet f2b-table | grep -q 192.0.2.2");
    let reach = "ip netns exec stranger ssh-keyscan -T 2 192.0.2.1 2>/dev/null | grep -q ssh-";
    assert_ne!(server.ask(reach).0, 0);
    // Its table is in nobody's way.
    assert_eq!(site.plan().changes(), []);

    server.converge();
    server.on(&format!(
        "! nft list table inet f2b-table 2>/dev/null && test -e {theirs} && ls /etc/fail2ban/jail.d"
    ));
    server.on("ip link del stranger0; ip netns del stranger; apt-get purge -qq -y fail2ban >/dev/null; rm -rf /etc/fail2ban");
}
