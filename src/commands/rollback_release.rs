//! `rollback --release`: the inventory as it is, with a release that the server has kept.

use super::apply::{Options, converge};
use super::load::{Secrets, load};
use super::survey::{ConnectOptions, connect, read_facts};
use crate::cli;
use crate::error::{Error, Exit};
use crate::report::Reporter;
use crate::resource::{KeptRelease, kept_releases};
use crate::role;
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
    let mut workspace = load(inventory, Secrets::Read).await?;
    let mut session = connect(&workspace, connection, reporter).await?;
    let asked = workspace.roles.asked_packages();
    let facts = read_facts(&mut session, &asked, reporter).await?;
    let stack = role::compile(&workspace.inputs, &workspace.roles, &facts)?;
    let Some(script) = kept_releases(&stack.resources) else {
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
    let here = workspace.inputs.app.as_ref();
    let differs = here.is_none_or(|code| code.id() != id);
    if differs {
        workspace.inputs.app = Some(Code::kept(id.clone()));
    }
    let options = Options {
        yes: options.yes,
        delete_many: options.delete_many,
        ..Options::default()
    };
    let ending = converge(&mut session, &workspace, &options, connection, reporter).await;
    reporter.traffic(&session.traffic());
    if differs && matches!(ending, Ok(Exit::Done)) {
        reporter.note(&format!(
            "the app here is not release {id}: the next plan shows the difference again"
        ));
    }
    ending
}
