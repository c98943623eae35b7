//! `demo`: the example stack on a throw-away server, applied and verified.

use super::apply::converge;
use super::change::Options;
use super::connected::Sessions;
use super::connection::ConnectOptions;
use super::interrupt::interruptible;
use super::load::{Purpose, load};
use super::sandbox::up;
use crate::cli;
use crate::error::{Error, Exit};
use crate::report::Reporter;
use crate::sandbox::{self, Request};
use std::time::Instant;

/// Boots, applies, verifies, and says how to look inside.
pub(super) async fn demo(options: &cli::Demo, reporter: &Reporter) -> Result<Exit, Error> {
    let began = Instant::now();
    let request = Request {
        name: Some(options.name.clone()),
        suite: options.suite.clone(),
        driver: options.driver,
    };
    let (sandbox, inventory) = up(&request, reporter).await?;
    let booted = began.elapsed();
    reporter.note(&format!(
        "{} runs {} at {}, after {:.1} s",
        sandbox.name,
        sandbox.suite,
        sandbox.address,
        booted.as_secs_f64()
    ));
    let workspace = load(&inventory, Purpose::Send).await?;
    let connection = ConnectOptions::default();
    let mut sessions = Sessions::connect(&workspace, &connection, reporter).await?;
    let yes = Options {
        yes: true,
        ..Options::default()
    };
    let exit = converge(&mut sessions, &workspace, &yes, &connection, reporter).await?;
    sessions.report_traffic(reporter);
    drop(sessions);

    let (_, site) = workspace.site(None)?;
    let domain = &site.names.domain;
    let (name, address) = (&sandbox.name, sandbox.address);
    let total = began.elapsed().as_secs_f64();
    if options.remove_after {
        let removed = async { Ok(sandbox::down(name, &|line| reporter.note(line)).await?) };
        interruptible(removed).await?;
        reporter.done(&format!(
            "{total:.1} s from nothing to a proven stack; {name} is removed again"
        ));
        return Ok(exit);
    }
    reporter.done(&format!(
        "{total:.1} s from nothing to a proven stack.\n\
         \n  the page     curl -k --resolve {domain}:443:{address} https://{domain}/\
         \n  the zone     dig @{address} www.{domain}\
         \n  look inside  foobar-stack sandbox ssh {name}\
         \n  the plan     foobar-stack -i {} plan\
         \n  remove it    foobar-stack sandbox down {name}",
        inventory.display()
    ));
    Ok(exit)
}
