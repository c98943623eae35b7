//! The commands, one short file each: the only place where what is pure and what is not meet.

mod apply;
mod attach;
mod backup;
mod certificate;
mod change;
mod code;
mod code_checks;
mod completions;
mod confirm;
mod connected;
mod connection;
mod demo;
mod discover;
mod doctor;
mod example;
mod fetch;
mod files;
mod follow;
mod generation;
mod history;
mod import;
mod init;
mod interrupt;
mod load;
mod load_test;
mod logs;
mod maintenance;
mod masks;
mod offline;
mod others;
mod per_server;
mod plan;
mod rebuild;
mod rebuild_alone;
mod recheck;
mod rehearse;
mod rehearse_data;
mod release_code;
mod repository;
mod restore;
mod revoke;
mod rollback;
mod rollback_release;
mod rollout;
mod run;
mod sandbox;
mod saved;
mod shared_secrets;
mod status;
mod survey;
mod verify;

use crate::cli::{self, Cli, Command, Selection};

use crate::error::{Error, Exit};
use crate::report::Reporter;
use crate::resource::Removal;
use connection::ConnectOptions;
use interrupt::interruptible;
use std::path::{Path, PathBuf};
use survey::{Request, Scope};

/// Runs the command until it is over or somebody interrupts it.
///
/// # Errors
/// When the command fails; the report has not said why yet.
pub async fn run(cli: &Cli, reporter: &Reporter) -> Result<Exit, Error> {
    match &cli.command {
        // They hear the signal themselves: a run on the server goes on, a load has its report.
        Command::Apply(_)
        | Command::Rollback(_)
        | Command::Attach
        | Command::Demo(_)
        | Command::Load(_)
        | Command::Rehearse(_)
        | Command::Run(_)
        | Command::Shell(_)
        | Command::Db(_)
        | Command::Logs(_) => dispatch(cli, reporter).await,
        _ => interruptible(dispatch(cli, reporter)).await,
    }
}

async fn dispatch(cli: &Cli, reporter: &Reporter) -> Result<Exit, Error> {
    let inventory = || -> Result<PathBuf, Error> {
        discover::inventory(cli.global.inventory.as_deref(), Path::new(""))
    };
    let connection = ConnectOptions {
        accept_new_host_key: cli.global.accept_new_host_key,
        ssh_config: cli.global.ssh_config.clone(),
    };
    match &cli.command {
        Command::Init(options) => init::init(options, reporter)?,
        Command::Validate => return offline::validate(&inventory()?, reporter).await,
        Command::Render(options) => {
            return offline::render(&inventory()?, options, &connection, reporter).await;
        }
        Command::Plan(options) => {
            let options = plan::Options {
                request: Request {
                    scope: scope(&options.selection),
                    removal: removal(&options.removal),
                    adopt: false,
                },
                detailed_exitcode: options.detailed_exitcode,
                out: options.out.clone(),
            };
            return plan::plan(&inventory()?, &options, &connection, reporter).await;
        }
        Command::Apply(options) => {
            let (inventory, scope) = match &options.file {
                None => (inventory()?, scope(&options.selection)),
                Some(file) => {
                    let saved = saved::read(file, reporter)?;
                    let named = cli.global.inventory.as_deref();
                    let named = named.unwrap_or(Path::new(&saved.inventory));
                    let inventory = discover::inventory(Some(named), Path::new(""))?;
                    (inventory, Scope::Saved(saved))
                }
            };
            let (rehearsed, with_backup) = (options.rehearse, options.with_backup);
            let options = change::Options {
                request: Request {
                    scope,
                    removal: removal(&options.removal),
                    adopt: options.adopt,
                },
                yes: options.yes,
                no_verify: options.no_verify,
                delete_many: options.delete_many,
                back_to: None,
            };
            if rehearsed {
                apply::can_agree(&options, reporter)?;
                let how = cli::Rehearse {
                    with_backup,
                    ..cli::Rehearse::default()
                };
                let request = &options.request;
                let exit =
                    rehearse::rehearse(&inventory, &how, request, &connection, reporter).await?;
                if exit != Exit::Done {
                    return Ok(exit);
                }
            }
            return apply::apply(&inventory, &options, &connection, reporter).await;
        }
        Command::Rollback(options) => {
            return rollback::rollback(&inventory()?, options, &connection, reporter).await;
        }
        Command::History => return history::history(&inventory()?, &connection, reporter).await,
        Command::Attach => return attach::attach(&inventory()?, &connection, reporter).await,
        Command::Verify(options) => {
            return verify::verify(&inventory()?, options, &connection, reporter).await;
        }
        Command::Import(options) => {
            let inventory = inventory().ok();
            return import::import(options, inventory.as_deref(), reporter).await;
        }
        Command::Load(options) => {
            return load_test::load_test(&inventory()?, options, &connection, reporter).await;
        }
        Command::Logs(options) => {
            return logs::logs(&inventory()?, options, &connection, reporter).await;
        }
        Command::Run(options) => {
            return run::run(&inventory()?, &options.into(), &connection, reporter).await;
        }
        Command::Shell(options) => {
            return run::run(&inventory()?, &options.into(), &connection, reporter).await;
        }
        Command::Db(options) => {
            return run::run(&inventory()?, &options.into(), &connection, reporter).await;
        }
        Command::Maintenance(switch) => {
            return maintenance::maintenance(&inventory()?, switch, &connection, reporter).await;
        }
        Command::Backup(command) => {
            return backup::backup(&inventory()?, command, &connection, reporter).await;
        }
        Command::Rebuild(options) => {
            if let (Some(repository), Some(server)) = (&options.repository, &options.server) {
                let named = cli.global.inventory.as_deref();
                let inventory = named.unwrap_or(Path::new("inventory.toml"));
                let from = (repository.as_str(), server);
                return rebuild_alone::rebuild_alone(
                    inventory,
                    from,
                    options,
                    &connection,
                    reporter,
                )
                .await;
            }
            return rebuild::rebuild(&inventory()?, options, &connection, reporter).await;
        }
        Command::Rehearse(options) => {
            return rehearse::rehearse(
                &inventory()?,
                options,
                &Request::default(),
                &connection,
                reporter,
            )
            .await;
        }
        Command::Certificate(command) => {
            return revoke::revoke(&inventory()?, command, &connection, reporter).await;
        }
        Command::Status => return status::status(&inventory()?, &connection, reporter).await,
        Command::Doctor(options) => {
            return doctor::doctor(&inventory()?, options, &connection, reporter).await;
        }
        Command::Sandbox(command) => return sandbox::sandbox(command, reporter).await,
        Command::Demo(options) => return demo::demo(options, reporter).await,
        Command::Schema => {
            let schema =
                serde_json::to_string_pretty(&crate::inventory::schema()).unwrap_or_default();
            reporter.output(&format!("{schema}\n"));
        }
        Command::Completions { shell } => completions::run(*shell, reporter),
    }
    Ok(Exit::Done)
}

/// What the plan is limited to.
fn scope(selection: &Selection) -> Scope {
    match selection.roles() {
        None => Scope::Everything,
        Some(roles) => Scope::Roles(roles.to_vec()),
    }
}

/// What may go.
fn removal(removal: &cli::Removal) -> Removal {
    Removal {
        data: removal.destroy_data,
        packages: removal.remove_packages,
    }
}
