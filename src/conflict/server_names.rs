//! Server names: whether a file of Nginx that is somebody's answers for a name of a site, or for
//! all names that no site has. Of two with the same name Nginx takes the first it reads and ignores
//! the other with a warning, so that one of the two sites would be gone, and nothing would say so;
//! two defaults of a port it refuses.

use super::meeting::Meeting;
use crate::inventory::{Site, TlsMode};
use crate::resource::{Conflict, Owned};
use std::collections::{BTreeMap, BTreeSet};

/// A `server` block that names itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Block {
    names: Vec<String>,
    /// The ports that it listens on; empty if the block does not say.
    ports: Vec<u16>,
    /// Those where it answers for all names that no other block has.
    defaults: Vec<u16>,
}

pub(super) fn conflicts(meeting: &Meeting<'_>) -> Vec<Conflict> {
    if !meeting.concerns("web") {
        return Vec::new();
    }
    let read: Vec<(&str, Vec<Block>)> = foreign(meeting)
        .map(|(path, text)| (path, blocks(text)))
        .collect();
    let having = |wanted: &dyn Fn(&Block) -> bool| -> Vec<&str> {
        let files = read.iter().filter(|(_, all)| all.iter().any(wanted));
        files.map(|(path, _)| *path).collect()
    };
    let ports = meeting.inventory.ports;
    let of_site = |site: &Site| {
        let secure = site.tls.mode != TlsMode::Off;
        let secure = secure.then_some(ports.https_port);
        std::iter::once(ports.http_port).chain(secure)
    };
    let sites = || meeting.inventory.sites.values();
    let mut all = Vec::new();
    for port in sites().flat_map(of_site).collect::<BTreeSet<u16>>() {
        let files = having(&|block| block.defaults.contains(&port));
        if !files.is_empty() {
            all.push(default_server(port, &files));
        }
    }
    for site in sites() {
        let own: Vec<u16> = of_site(site).collect();
        for name in names(site) {
            let files = having(&|block| block.meets(&name, &own));
            if !files.is_empty() {
                all.push(conflict(&name, &files));
            }
        }
    }
    all
}

fn conflict(name: &str, files: &[&str]) -> Conflict {
    Conflict {
        subject: format!("the server name {name}"),
        found: format!("Nginx has it from {}", files.join(", ")),
        because: "it would be served by whichever file Nginx reads first, and the other site would be gone without an error".to_owned(),
        hint: "take the name out of `server_name` there, or the file away, and do not reload Nginx: the apply does, and until then visitors get what they got before; or take the name out of the inventory".to_owned(),
    }
}

fn default_server(port: u16, files: &[&str]) -> Conflict {
    Conflict {
        subject: format!("the default server of port {port}"),
        found: format!("Nginx has it from {}", files.join(", ")),
        because: "the stack gives no answer to names that no site has, and Nginx takes one default a port".to_owned(),
        hint: "take the word `default_server` out there: the site keeps the names in its `server_name`".to_owned(),
    }
}

/// The names that the site's own `server` blocks have.
fn names(site: &Site) -> Vec<String> {
    let names = &site.names;
    let mut all = vec![names.domain.to_string()];
    all.extend(names.aliases.iter().map(ToString::to_string));
    if names.wildcard {
        all.push(format!("*.{}", names.domain));
    }
    all
}

/// What Nginx reads, no run has written, and stays: a path, and what it says. What the stack puts or
/// takes away there has rules of its own.
fn foreign<'a>(meeting: &'a Meeting<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let own =
        |path: &str| {
            let claims = meeting.claims;
            claims.managed.iter().chain(&claims.made).any(
                |managed| matches!(&managed.owned, Owned::Path(owned) if owned.as_str() == path),
            )
        };
    let goes = |path: &str| {
        let mut resources = meeting.stack.resources.iter();
        resources.any(|resource| resource.id.name == path)
    };
    files(&meeting.occupied.nginx)
        .into_iter()
        .filter(move |(path, _)| !own(path) && !goes(path))
}

/// The files in the output of `nginx -T`, each once: one that is included twice is printed twice.
fn files(text: &str) -> BTreeMap<&str, &str> {
    let mut all = BTreeMap::new();
    for part in text.split("# configuration file ").skip(1) {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        if let Some(path) = head.strip_suffix(':') {
            all.insert(path, body);
        }
    }
    all
}

impl Block {
    /// Whether it answers for the name at one of the ports.
    fn meets(&self, name: &str, ports: &[u16]) -> bool {
        // `.example.com` is the domain and everything below it.
        let is = |own: &String| {
            let own = own.to_ascii_lowercase();
            own == name
                || own
                    .strip_prefix('.')
                    .is_some_and(|domain| name == domain || name.strip_prefix("*.") == Some(domain))
        };
        let at = |port: &u16| ports.contains(port);
        self.names.iter().any(is) && (self.ports.is_empty() || self.ports.iter().any(at))
    }
}

/// The `server` blocks of a file. One that says its names in a file that it includes is seen there,
/// without its ports.
fn blocks(text: &str) -> Vec<Block> {
    let mut all = Vec::new();
    // What has been read of each block that is open, and whether it is a `server`.
    let mut open: Vec<(bool, Block)> = vec![(false, Block::default())];
    let mut words: Vec<String> = Vec::new();
    for token in tokens(text) {
        match token {
            Token::Word(word) => words.push(word),
            Token::Open => {
                let server = words.first().is_some_and(|word| word == "server");
                open.push((server, Block::default()));
                words.clear();
            }
            Token::Close => {
                words.clear();
                if open.len() > 1 {
                    all.extend(open.pop().and_then(finished));
                }
            }
            Token::End => {
                if let Some((_, block)) = open.last_mut() {
                    block.take(&words);
                }
                words.clear();
            }
        }
    }
    all.extend(open.into_iter().filter_map(finished));
    all
}

fn finished((server, mut block): (bool, Block)) -> Option<Block> {
    if server && block.ports.is_empty() {
        // What Nginx takes, as root, if nothing is said.
        block.ports.push(80);
    }
    (!block.names.is_empty() || !block.defaults.is_empty()).then_some(block)
}

impl Block {
    fn take(&mut self, words: &[String]) {
        match words {
            [directive, names @ ..] if directive == "server_name" => {
                self.names.extend_from_slice(names);
            }
            [directive, address, more @ ..] if directive == "listen" => {
                let port = port(address);
                self.ports.push(port);
                // `default` is what it was called before Nginx 0.8.21, and is still taken.
                if more
                    .iter()
                    .any(|word| word == "default_server" || word == "default")
                {
                    self.defaults.push(port);
                }
            }
            _ => {}
        }
    }
}

/// The port of a `listen`: `8080`, `[::]:8080`, `*:8080`, or 80 for an address alone; 0 for a socket,
/// where no visitor asks.
fn port(address: &str) -> u16 {
    if address.starts_with("unix:") {
        return 0;
    }
    let last = match address.rsplit_once(']') {
        Some((_, rest)) => rest.trim_start_matches(':'),
        None => address.rsplit(':').next().unwrap_or(address),
    };
    last.parse().unwrap_or(80)
}

enum Token {
    Word(String),
    Open,
    Close,
    End,
}

/// What a file of Nginx consists of: words, which may be quoted, with comments left out.
fn tokens(text: &str) -> Vec<Token> {
    let mut all = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '#' if word.is_none() => while characters.next_if(|one| *one != '\n').is_some() {},
            '\'' | '"' if word.is_none() => {
                let mut quoted = String::new();
                while let Some(one) = characters.next() {
                    match one {
                        '\\' => quoted.extend(characters.next()),
                        one if one == character => break,
                        one => quoted.push(one),
                    }
                }
                all.push(Token::Word(quoted));
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            // `${name}` is a part of a word.
            '{' if word.as_ref().is_some_and(|word| word.ends_with('$')) => {
                let word = word.get_or_insert_default();
                word.push('{');
                word.extend(std::iter::from_fn(|| characters.next_if(|one| *one != '}')));
                word.extend(characters.next());
            }
            ';' | '{' | '}' => {
                all.extend(word.take().map(Token::Word));
                all.push(match character {
                    ';' => Token::End,
                    '{' => Token::Open,
                    _ => Token::Close,
                });
            }
            one if one.is_whitespace() => all.extend(word.take().map(Token::Word)),
            one => word.get_or_insert_default().push(one),
        }
    }
    all.extend(word.map(Token::Word));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Vec<String>, Vec<u16>)> {
        let all = blocks(text).into_iter();
        all.map(|block| (block.names, block.ports)).collect()
    }

    #[test]
    fn blocks_are_read_as_nginx_reads_them() {
        let text = "
            # server { server_name commented.example; }
            upstream shop { server 127.0.0.1:9000; }
            server {
                listen [::]:8080 default_server; listen 203.0.113.7; listen unix:/run/x.sock;
                server_name foobar.com \"www.foobar.com\"
                    ~^(?<sub>.+)\\.foobar\\.com$ ${host}.example; # mine };
                location ~ '\\.php{1,2}$' { return 200 \"server_name none.example;\"; }
            }
            server { server_name quiet.example; }
            server { listen 81; }";
        let words = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            read(text),
            [
                (
                    words(&[
                        "foobar.com",
                        "www.foobar.com",
                        "~^(?<sub>.+).foobar.com$",
                        "${host}.example"
                    ]),
                    vec![8080, 80, 0]
                ),
                (words(&["quiet.example"]), vec![80]),
            ]
        );
        // A file that a block includes.
        assert_eq!(
            read("server_name a.example;"),
            [(words(&["a.example"]), vec![])]
        );
        let default = blocks("server { listen 443 ssl default_server; listen 80; }").remove(0);
        assert_eq!(default.defaults, [443]);
        // Half a file ends.
        assert_eq!(read("server { server_name 'a").len(), 0);
    }

    #[test]
    fn a_name_is_met_at_the_ports_of_the_site_alone() {
        let block = |text: &str| blocks(text).remove(0);
        let meets = |text: &str, name: &str| block(text).meets(name, &[80, 443]);
        assert!(meets("server { server_name FooBar.com; }", "foobar.com"));
        assert!(meets("server { server_name .foobar.com; }", "foobar.com"));
        assert!(meets("server { server_name .foobar.com; }", "*.foobar.com"));
        assert!(meets("server_name foobar.com;", "foobar.com"));
        // The site's own exact name goes before these.
        assert!(!meets(
            "server { server_name *.foobar.com; }",
            "www.foobar.com"
        ));
        assert!(!meets(
            "server { listen 8081; server_name foobar.com; }",
            "foobar.com"
        ));
        assert!(!meets(
            "server { listen unix:/a; server_name foobar.com; }",
            "foobar.com"
        ));
    }
}
