//! The packet filters of others: whether one lets nobody in to where the stack serves.

/// Which of these ports no rule of the table speaks of, if it refuses what no rule lets in.
/// `program` is the one that has shown the table: `nft`, or one of the family of iptables-save.
pub(super) fn shut(program: &str, text: &str, ports: &[(u16, &str)]) -> Vec<String> {
    let closed = match program {
        "nft" => nft_refuses(text),
        _ => text.lines().any(|line| {
            line.starts_with(":INPUT DROP")
                || matches!(line, "-A INPUT -j DROP" | "-A INPUT -j REJECT")
                || line.starts_with("-A INPUT -j REJECT ")
        }),
    };
    if !closed {
        return Vec::new();
    }
    let open = |port, protocol| text.lines().any(|line| lets_in(line, port, protocol));
    ports
        .iter()
        .filter(|(port, protocol)| !open(*port, protocol))
        .map(|(port, protocol)| format!("{port}/{protocol}"))
        .collect()
}

/// The name of the table, for people.
pub(super) fn name(program: &str, text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    match program {
        // It may say whose it is, too: `table inet firewalld { # progname firewalld`.
        "nft" => first.split(" {").next().unwrap_or(first).to_owned(),
        _ => format!("table filter ({program})"),
    }
}

/// Whether a chain for what comes in ends with a refusal, by its policy or its last rule.
fn nft_refuses(text: &str) -> bool {
    let mut input = false;
    let mut last = "";
    for line in text.lines().map(str::trim) {
        if line.starts_with("chain ") {
            input = false;
        } else if line.starts_with("type ") {
            input = line.contains(" hook input ");
            last = "";
            if input && line.contains("policy drop") {
                return true;
            }
        } else if line == "}" {
            if input && is_refusal(last) {
                return true;
            }
            input = false;
        } else if input && !line.is_empty() {
            last = line;
        }
    }
    false
}

/// A rule without a condition that refuses.
fn is_refusal(rule: &str) -> bool {
    let words = rule.split_whitespace();
    let verdict = words.skip_while(|word| {
        *word == "counter"
            || *word == "packets"
            || *word == "bytes"
            || word.bytes().all(|byte| byte.is_ascii_digit())
    });
    matches!(verdict.into_iter().next(), Some("drop" | "reject"))
}

/// Whether a rule lets in what is for this port, as far as its text says. One that names neither
/// TCP nor UDP is for both.
fn lets_in(rule: &str, port: u16, protocol: &str) -> bool {
    let rule = rule.trim();
    let names = |name: &str| rule.split([' ', ',']).any(|word| word == name);
    if (names("tcp") || names("udp")) && !names(protocol) {
        return false;
    }
    let accepts = [" accept", " -j ACCEPT", " jump ", " goto ", " -j "]
        .iter()
        .any(|word| rule.contains(word));
    let refuses = [" drop", " reject", "-j DROP", "-j REJECT"]
        .iter()
        .any(|word| rule.contains(word));
    if !accepts || refuses {
        return false;
    }
    let ports = ["dport ", "dports "].iter().find_map(|word| {
        let (_, rest) = rule.split_once(word)?;
        Some(match rest.strip_prefix("{ ") {
            Some(set) => set.split('}').next().unwrap_or_default(),
            None => rest.split(' ').next().unwrap_or_default(),
        })
    });
    let within = |item: &str| {
        let mut ends = item.trim().split(['-', ':']);
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<u16>().ok());
        let first = number(ends.next());
        match (first, ends.next()) {
            (Some(first), None) => first == port,
            (Some(first), last) => number(last).is_some_and(|last| (first..=last).contains(&port)),
            _ => false,
        }
    };
    ports.is_some_and(|ports| ports.split(',').any(within))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: [(u16, &str); 2] = [(80, "tcp"), (443, "tcp")];

    #[test]
    fn a_table_shuts_what_it_does_not_let_in() {
        let table = |policy: &str, rules: &str| {
            format!(
                "table ip filter {{\n\tchain INPUT {{\n\t\ttype filter hook input priority filter; policy {policy};\n{rules}\t}}\n}}"
            )
        };
        let both = ["80/tcp", "443/tcp"];
        for (policy, rules, expected) in [
            ("accept", "", &[][..]),
            ("drop", "", &both),
            ("drop", "\t\ttcp dport 80 accept\n", &both[1..]),
            ("drop", "\t\ttcp dport { 22, 80, 443 } accept\n", &[]),
            (
                "drop",
                "\t\ttcp dport 1-1024 counter packets 0 bytes 0 accept\n",
                &[],
            ),
            ("drop", "\t\ttcp dport 80 drop\n", &both),
            (
                "accept",
                "\t\ttcp dport 22 accept\n\t\tcounter packets 1 bytes 2 drop\n",
                &both,
            ),
            (
                "accept",
                "\t\ttcp dport 22 accept\n\t\treject with icmpx admin-prohibited\n",
                &both,
            ),
            ("accept", "\t\tip saddr 192.0.2.1 drop\n", &[]),
            ("drop", "\t\tudp dport { 80, 443 } accept\n", &both),
            (
                "drop",
                "\t\tmeta l4proto { tcp, udp } th dport { 80, 443 } accept\n",
                &[],
            ),
        ] {
            assert_eq!(
                shut("nft", &table(policy, rules), &WEB),
                expected,
                "{rules}"
            );
        }
        // What is forwarded, as for Docker, is nobody's business here.
        let docker = "table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}";
        assert!(shut("nft", docker, &WEB).is_empty());
        assert_eq!(name("nft", docker), "table ip filter");
        let owned = "table inet firewalld { # progname firewalld\n\tflags owner,persist\n}";
        assert_eq!(name("nft", owned), "table inet firewalld");
    }

    #[test]
    fn so_does_one_of_iptables() {
        let text = "*filter\n:INPUT DROP [0:0]\n-A ufw-user-input -p tcp -m tcp --dport 80 -j ACCEPT\n\
                    -A ufw-user-input -p tcp -m multiport --dports 443,8443 -j ACCEPT\nCOMMIT";
        assert!(shut("iptables-save", text, &WEB).is_empty());
        let over_udp = [(53, "udp"), (443, "udp")];
        assert_eq!(
            shut("iptables-save", text, &over_udp),
            ["53/udp", "443/udp"]
        );
        let open = "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT";
        assert!(shut("iptables-save", open, &WEB).is_empty());
    }
}
