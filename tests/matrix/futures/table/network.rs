//! Firewalls and ssh servers that keep people out, and kernel settings that are none.

use crate::futures::Edit::{Append, Replace, Write};
use crate::futures::Ends::AsBefore;
use crate::futures::{BROKEN, Broken};

const NFTABLES: &str = "templates/firewall/nftables.conf";
const ODD: &str = "roles/odd/role.toml";

pub(super) const ALL: &[Broken] = &[
    // --- nftables -----------------------------------------------------------
    Broken {
        name: "nftables: a syntax error",
        site: &[(NFTABLES, Append("nonsense 1;\n"))],
        says: &["nftables refuses the new configuration:", "syntax error"],
        ..BROKEN
    },
    Broken {
        name: "nftables: a chain that is not there",
        site: &[(NFTABLES, Append("add rule inet foobar_stack none accept\n"))],
        says: &["nftables refuses the new configuration:"],
        ..BROKEN
    },
    Broken {
        name: "nftables: ssh is closed",
        site: &[(
            "inventory.toml",
            Replace(
                "#: ssh_from = [\"203.0.113.0/24\"]",
                "ssh_from = [\"203.0.113.0/24\"]",
            ),
        )],
        ends: AsBefore(6),
        says: &[
            "nobody confirmed over a new connection in time",
            "rolled back",
        ],
        ..BROKEN
    },
    Broken {
        name: "nftables: the web is closed",
        site: &[(
            NFTABLES,
            Replace(
                "tcp dport { {{ vars.web_ports | join(sep=\", \") }} } accept",
                "tcp dport 80 accept",
            ),
        )],
        ends: AsBefore(6),
        says: &["443", "rolled back"],
        gap: true,
        ..BROKEN
    },
    Broken {
        name: "nftables: DNS is closed",
        site: &[(
            NFTABLES,
            Replace("th dport 53 accept", "th dport 54 accept"),
        )],
        ends: AsBefore(6),
        says: &["53", "rolled back"],
        ..BROKEN
    },
    // --- sshd ---------------------------------------------------------------
    Broken {
        name: "sshd: an unknown option",
        site: &[(
            ODD,
            Write(
                "[[file]]\npath = \"/etc/ssh/sshd_config.d/90-odd.conf\"\ncontent = \"Nonsense yes\\n\"\n[[service]]\nname = \"ssh.service\"\nreload_on = [\"file:/etc/ssh/*\"]\n",
            ),
        )],
        says: &[
            "sshd refuses the new configuration:",
            "Bad configuration option: Nonsense",
        ],
        ..BROKEN
    },
    Broken {
        name: "sshd: another port",
        site: &[(
            ODD,
            Write(
                "[[file]]\npath = \"/etc/ssh/sshd_config.d/90-odd.conf\"\ncontent = \"Port 2222\\n\"\n[[service]]\nname = \"ssh.service\"\nreload_on = [\"file:/etc/ssh/*\"]\n",
            ),
        )],
        ends: AsBefore(6),
        says: &[
            "nobody confirmed over a new connection in time",
            "rolled back",
        ],
        ..BROKEN
    },
    Broken {
        name: "sshd: nobody may log in",
        site: &[(
            ODD,
            Write(
                "[[file]]\npath = \"/etc/ssh/sshd_config.d/90-odd.conf\"\ncontent = \"AllowUsers somebody-else\\n\"\n[[service]]\nname = \"ssh.service\"\nreload_on = [\"file:/etc/ssh/*\"]\n",
            ),
        )],
        ends: AsBefore(6),
        says: &[
            "nobody confirmed over a new connection in time",
            "rolled back",
        ],
        ..BROKEN
    },
    // --- sysctl -------------------------------------------------------------
    Broken {
        name: "sysctl: a value that is none",
        site: &[(
            "templates/base/sysctl.conf",
            Append("net.ipv4.ip_local_port_range = nonsense\n"),
        )],
        ends: AsBefore(6),
        says: &["systemd-sysctl.service did not restart", "rolled back"],
        ..BROKEN
    },
];
