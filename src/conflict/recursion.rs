//! Who resolves names through a BIND, as far as its options say so.

/// Statements that say who may, the first that is there counts (ARM of BIND 9, `allow-recursion`).
const STATEMENTS: [&str; 3] = ["allow-recursion", "allow-query-cache", "allow-query"];

/// What is the server itself in a list of addresses, or nobody.
const NOT_OTHERS: [&str; 6] = [
    "localhost",
    "127.0.0.1",
    "127.0.0.0/8",
    "::1",
    "::1/128",
    "none",
];

/// The statement of `named.conf.options` by which others than the server itself resolve names
/// through it, with those others; none if it says nothing of them. What BIND does of itself, for
/// its own networks, is not known to be of use to anybody.
#[must_use]
pub(super) fn others(options: &str) -> Option<(&'static str, Vec<String>)> {
    let words = words(options);
    let after = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        Some(&words[at + 1..])
    };
    let no = |word: &String| ["no", "false", "0"].contains(&word.as_str());
    if after("recursion").is_some_and(|rest| rest.first().is_some_and(no)) {
        return None;
    }
    let (name, list) = STATEMENTS
        .iter()
        .find_map(|name| Some((*name, after(name)?)))?;
    // A list may have lists in it.
    let mut depth = 0;
    let list = list.iter().take_while(|word| {
        match word.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        depth > 0
    });
    let is_other = |word: &&String| {
        let mark = ["{", "}", ";"].contains(&word.as_str()) || word.starts_with('!');
        !mark && !NOT_OTHERS.contains(&word.as_str())
    };
    let others: Vec<String> = list.filter(is_other).cloned().collect();
    (!others.is_empty()).then_some((name, others))
}

/// The words of a configuration of BIND, without its comments and quotes.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let comment_end = if rest.starts_with("/*") {
            Some("*/")
        } else if rest.starts_with("//") || c == '#' {
            Some("\n")
        } else {
            None
        };
        if comment_end.is_some() || c.is_whitespace() || "{};\"".contains(c) {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if comment_end.is_none() && "{};".contains(c) {
                words.push(c.to_string());
            }
        } else {
            word.push(c);
        }
        rest = match comment_end {
            Some(end) => rest.split_once(end).map_or("", |(_, after)| after),
            None => &rest[c.len_utf8()..],
        };
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_whom_the_options_let_resolve_are_named() {
        for (options, wanted) in [
            ("", ""),
            ("options { directory \"/var/cache/bind\"; };", ""),
            (
                "options { recursion yes; allow-recursion { 10.0.0.0/8; trusted; }; };",
                "allow-recursion 10.0.0.0/8 trusted",
            ),
            (
                "options {\n\tallow-recursion {\n\t\tlocalhost; // this one\n\t\t{ !10.0.0.1; 10/8; }; /* and\n\
                 nobody; */ # else;\n\t};\n\tlisten-on { any; };\n};",
                "allow-recursion 10/8",
            ),
            (
                "options { allow-recursion { localhost; 127.0.0.1; ::1; }; };",
                "",
            ),
            (
                "options { allow-recursion { none; }; allow-query { any; }; };",
                "",
            ),
            ("options { recursion no; allow-query { any; }; };", ""),
            ("options { allow-query { \"lan\"; }; };", "allow-query lan"),
            (
                "options { allow-query { any; }; allow-query-cache { lan; }; };",
                "allow-query-cache lan",
            ),
            ("// allow-recursion { any; };\n", ""),
            ("options { allow-recursion { any", "allow-recursion any"),
        ] {
            let found = others(options).map(|(name, who)| format!("{name} {}", who.join(" ")));
            assert_eq!(found.unwrap_or_default(), wanted, "{options}");
        }
    }
}
