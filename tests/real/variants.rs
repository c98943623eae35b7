//! Other inventories on the same server: each converges, and is proven.

use crate::page::visit;
use crate::server::{Server, Site};

#[track_caller]
fn converges(site: &Site) {
    let run = site
        .run(&["apply", "--yes", "--json", "--delete-many"])
        .exits(0);
    assert!(!run.changes().is_empty(), "{}", run.said());
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    let verify = site.run(&["verify", "--json"]).exits(0);
    assert_eq!(verify.summary()["checks"]["healthy"], true);
}

#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replace(from, to)
}

const MODE: &str = "# mode = \"self-signed\"\n";

pub(crate) fn every_kind_of_inventory_converges(server: &Server) {
    own_certificate(server);
    plain_http(server);
    own_template(server);
    without_name_server_and_firewall(server);
    without_app(server);
    server.converge();
}

fn own_certificate(server: &Server) {
    let site = server.site_with("tls-files", |text| {
        let files = "mode = \"files\"\ncertificate = \"tls/site.pem\"\nkey = \"tls/site.key\"\n";
        replaced(&text, MODE, files)
    });
    let authority =
        "openssl req -quiet -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90";
    server.on(&format!(
        "mkdir -p /run/ca && cd /run/ca\n\
         {authority} -subj '/CN=a test authority' -keyout ca.key -out ca.pem\n\
         {authority} -CA ca.pem -CAkey ca.key -subj /CN=foobar.com \
         -addext basicConstraints=critical,CA:FALSE \
         -addext subjectAltName=DNS:foobar.com,DNS:www.foobar.com -keyout site.key -out site.pem"
    ));
    site.write(
        "tls/site.pem",
        &server.on("cat /run/ca/site.pem /run/ca/ca.pem"),
    );
    let key = server.on("cat /run/ca/site.key; rm -r /run/ca");
    site.write("tls/site.key", &key);
    let line = key.lines().nth(1).unwrap_or_default();
    let plan = site.run(&["plan", "-vv"]).exits(0);
    assert!(
        !plan.out.contains(line) && !plan.err.contains(line),
        "{}",
        plan.said()
    );
    converges(&site);
    let stat = server.on("stat -c %a /etc/ssl/foobar-stack/foobar.com.key");
    assert_eq!(stat, "600\n");
}

fn plain_http(server: &Server) {
    let site = server.site_with("tls-off", |text| replaced(&text, MODE, "mode = \"off\"\n"));
    converges(&site);
    assert_eq!(visit(server, "http", None).map(|page| page.status), Ok(200));
}

fn own_template(server: &Server) {
    let site = server.site_with("own-template", |text| text);
    site.write(
        "templates/web/unavailable.html",
        "mine, for {{ site.domain }}\n",
    );
    server.converge();
    let plan = site.plan();
    assert_eq!(plan.changes().len(), 1, "{}", plan.said());
    converges(&site);
    let page = server.on("cat /var/www/foobar.com/unavailable.html");
    assert_eq!(page, "mine, for foobar.com\n");
}

fn without_name_server_and_firewall(server: &Server) {
    let site = server.site_with("no-dns", |text| {
        let text = replaced(&text, "[dns]\n# enabled = true", "[dns]\nenabled = false");
        let firewall = "[firewall]\n# enabled = true";
        replaced(&text, firewall, "[firewall]\nenabled = false")
            .replace("# hsts = \"365d\"", "hsts = \"1d\"")
    });
    converges(&site);
}

fn without_app(server: &Server) {
    let site = server.site_with("no-app", |text| {
        let text = replaced(&text, "[app]\n# enabled = true", "[app]\nenabled = false");
        replaced(&text, "static = { \"/static/\" = \"static\" }\n", "")
    });
    converges(&site);
    let page = visit(server, "https", None);
    assert_eq!(page.map(|page| page.status), Ok(200));
}
