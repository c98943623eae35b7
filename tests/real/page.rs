//! The page, as a visitor sees it, and the way of what they write.

use crate::server::Server;
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use std::net::SocketAddr;
use std::time::Duration;

/// What a visitor got.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) text: String,
    cookie: String,
}

/// Asks the server for the site's page as a browser would; posts the form, if there is one.
pub(crate) fn visit(
    server: &Server,
    scheme: &str,
    form: Option<(&Page, &str)>,
) -> Result<Page, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime
        .block_on(async {
            let client = foobar_stack_load::http_client()
                .no_proxy()
                .tls_danger_accept_invalid_certs(true)
                .redirect(Policy::none())
                .resolve("foobar.com", SocketAddr::new(server.address, 0))
                .timeout(Duration::from_secs(10))
                .build()?;
            let url = format!("{scheme}://foobar.com/");
            let request = match form {
                None => client.get(url),
                Some((page, body)) => client
                    .post(url)
                    .header(COOKIE, &page.cookie)
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .body(body.to_owned()),
            };
            let response = request.send().await?;
            let cookie = response.headers().get(SET_COOKIE);
            let cookie = cookie
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            Ok(Page {
                status: response.status().as_u16(),
                cookie: cookie.split(';').next().unwrap_or_default().to_owned(),
                text: response.text().await?,
            })
        })
        .map_err(|error: reqwest::Error| format!("{error:?}"))
}

/// The page, which must be there.
#[track_caller]
pub(crate) fn page(server: &Server) -> Page {
    match visit(server, "https", None) {
        Ok(page) => {
            assert_eq!(page.status, 200, "{}", page.text);
            page
        }
        Err(error) => panic!("no page: {error}"),
    }
}

pub(crate) fn the_page_has_data_from_the_database(server: &Server) {
    let first = page(server);
    assert!(
        first.text.contains("Nobody has written yet"),
        "{}",
        first.text
    );
    let token = first.text.split("name=\"token\" value=\"").nth(1);
    let token = token
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default();
    assert!(token.len() > 20, "no token in {}", first.text);
    let words = format!("hello+from+{}+%3Cb%3E", server.suite);
    let body = format!("token={token}&name=Tester&text={words}");
    let signed = visit(server, "https", Some((&first, &body)));
    assert_eq!(signed.map(|page| page.status), Ok(303));

    let second = page(server).text;
    let shown = format!("hello from {} &lt;b&gt;", server.suite);
    assert!(second.contains(&shown), "{second}");
    let query = "SELECT text FROM foobar.entries";
    let client = server.engine();
    let stored = server.on(&format!(
        "{client} --batch --skip-column-names -e '{query}'"
    ));
    assert_eq!(stored, format!("hello from {} <b>\n", server.suite));
    let engine = if client == "mysql" {
        "MySQL"
    } else {
        "MariaDB"
    };
    assert!(second.contains(&format!(">{engine} ")), "{second}");
}
