//! HTTP/3: a page is asked for over it, a filter that keeps it out is found, and it goes again.

use crate::server::Server;

/// Asks the server for a page from itself, as curl does, and says what came.
fn get(server: &Server, options: &str, url: &str) -> String {
    let format = "code=%{http_code} version=%{http_version}";
    server.on(&format!(
        "curl --silent --insecure --max-time 20 --output /dev/null --dump-header - {options} \
         --resolve '*:443:{}' --write-out '{format}' {url} || echo \" exit=$?\"",
        server.address
    ))
}

pub(crate) fn a_page_comes_over_it_until_it_is_turned_off(server: &Server) {
    server.on("command -v curl >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends curl");
    let site = server.site_with("http3", |text| {
        assert_eq!(text.matches("\n# http3 = false\n").count(), 1);
        text.replace("\n# http3 = false\n", "\nhttp3 = true\n")
    });
    site.run(&["apply", "--yes", "--json"]).exits(0);
    site.run(&["plan"]).exits(0).says(&["No changes."]);

    for (options, url, end) in [
        ("--http3-only", "https://foobar.com/", "code=200 version=3"),
        (
            "--http3-only",
            "https://foobar.com/nothing-there",
            "code=404 version=3",
        ),
        (
            "--http3-only",
            "https://www.foobar.com/",
            "code=301 version=3",
        ),
        ("--http2", "https://foobar.com/", "code=200 version=2"),
    ] {
        let said = get(server, options, url);
        assert!(said.ends_with(end), "{options} {url}: {said}");
        let lines: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with("alt-svc:"))
            .collect();
        assert_eq!(lines, ["alt-svc: h3=\":443\"; ma=86400"], "{url}: {said}");
    }
    let stranger = get(server, "--http3-only", "https://other.example/");
    assert!(stranger.contains("code=000"), "{stranger}");

    // Somebody between the visitors and Nginx: what else there is goes on.
    server.on("nft 'add table inet lab; add chain inet lab input { type filter hook input priority 10; }; add rule inet lab input udp dport 443 drop'");
    let verify = site.run(&["verify", "--json"]);
    server.on("nft delete table inet lab");
    let verify = verify.exits(3);
    let failed: Vec<String> = verify
        .lines("check")
        .iter()
        .filter(|check| check["outcome"] == "fail")
        .map(|check| check["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(failed, ["HTTP/3 on port 443"], "{}", verify.said());

    server.converge();
    assert_eq!(server.on("ss -H -l -u -n sport = :443"), "");
    assert!(!get(server, "--http2", "https://foobar.com/").contains("alt-svc"));
}
