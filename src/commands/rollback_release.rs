//! `rollback --release`: the inventory as it is, with a release that the server has kept.

use super::apply::converge;
use super::change::Options;
use super::connected::Sessions;
use super::connection::ConnectOptions;
use super::load::{Purpose, load};
use crate::cli;
use crate::error::{Error, Exit};
use crate::report::Reporter;
use crate::resource::{KeptRelease, Resource, kept_releases};
use crate::types::{Code, ReleaseId};
use std::path::Path;

/// Goes back to a release: to that one, or to the one that served before.
pub(super) async fn rollback_release(
    inventory: &Path,
    wanted: Option<&ReleaseId>,
    options: &cli::Rollback,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let mut workspace = load(inventory, Purpose::Send).await?;
    let site = workspace.site(options.site.as_ref())?.0.clone();
    let mut sessions = Sessions::connect(&workspace, connection, reporter).await?;
    let (_, (_, stack)) = sessions.compile(&workspace, reporter).await?.only()?;
    let (_, session) = sessions.only_mut()?;
    let own = |resource: &&Resource| resource.site.as_ref().is_none_or(|one| *one == site);
    let Some(script) = kept_releases(stack.resources.iter().filter(own)) else {
        return Err(Error::Usage {
            message: "this stack has no app, so there is no release of it".to_owned(),
            hint: "`foobar-stack rollback` goes back to a generation".to_owned(),
        });
    };
    let reply = session.run("listing the releases", &script).await?;
    let kept = KeptRelease::parse(&String::from_utf8_lossy(&reply.stdout));
    let Some(release) = KeptRelease::choose(&kept, wanted) else {
        return Err(Error::NoRelease {
            wanted: wanted.cloned(),
            kept: kept.into_iter().map(|release| release.id).collect(),
        });
    };
    let time = jiff::Timestamp::from_second(release.since).unwrap_or_default();
    let time = time.strftime("%Y-%m-%d %H:%M:%S UTC");
    let id = &release.id;
    reporter.note(&format!("back to release {id}, which served from {time}"));
    reporter.note("data is not undone: databases, uploads and what migrations did stay");
    let here = workspace.inputs.sites.entry(site).or_default();
    let differs = here.app.as_ref().is_none_or(|code| code.id() != id);
    if differs {
        here.app = Some(Code::kept(id.clone()));
    }
    let options = Options {
        yes: options.yes,
        delete_many: options.delete_many,
        ..Options::default()
    };
    let ending = converge(&mut sessions, &workspace, &options, connection, reporter).await;
    sessions.report_traffic(reporter);
    if differs && matches!(ending, Ok(Exit::Done)) {
        reporter.note(&format!(
            "the app here is not release {id}: the next plan shows the difference again"
        ));
    }
    ending
}
