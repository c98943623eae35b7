//! What to do about an error: a sentence for each that has one.

use super::Error;
use foobar_stack_load::LoadError;

impl Error {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            // Each mistake has its own help.
            Self::Input(_) => None,
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::Server(error) => error.hint(),
            Self::Facts(error) => Some(error.hint().to_owned()),
            Self::Sandbox(error) => error.hint(),
            Self::NoPlan(error) => Some(error.hint().to_owned()),
            Self::NotSeen { .. } => Some("run again with -vv to see what the server printed".to_owned()),
            Self::Conflicts(error) => Some(error.hint().to_owned()),
            Self::SavedPlan(error) => Some(error.hint().to_owned()),
            Self::Stale(error) => Some(error.hint().to_owned()),
            Self::Load(error) => Some(load(error).to_owned()),
            Self::Maintenance { .. } => Some("`foobar-stack plan` shows what the server lacks; then try again".to_owned()),
            Self::NotServing { .. } => Some("`foobar-stack apply` brings one; `foobar-stack status` shows what runs".to_owned()),
            Self::Run { .. } => Some("`foobar-stack status` shows what runs; then try again".to_owned()),
            Self::Backup { .. } => Some("`foobar-stack logs backup` shows what was said; `foobar-stack status` shows the last backup that succeeded".to_owned()),
            Self::Rebuild { .. } => Some("correct the cause and try again: it begins anew".to_owned()),
            Self::Revocation { .. } => Some("`foobar-stack status` shows the certificate, `foobar-stack logs acme` what was said; then try again".to_owned()),
            Self::Import(error) => Some(error.hint()),
            Self::Logs { .. } => Some("say --since as journalctl does: 10m, yesterday, '2026-01-31 12:00'".to_owned()),
            Self::Locked { .. } => Some("wait until it is over, then run the same command again".to_owned()),
            Self::Moved { .. } => Some("run the same command again: it makes a new plan".to_owned()),
            Self::Step { .. } => Some(
                "the log above says why; correct it and run the same command again: it goes on from what is there".to_owned(),
            ),
            Self::RolledBack(_) => Some(
                "the log above says why it failed; correct that and apply again".to_owned(),
            ),
            Self::UndoFailed { directory, .. } => Some(format!(
                "what was there before is in {directory}/before on the server; put these back by hand, or correct the cause and apply again"
            )),
            Self::Unproven { .. } => Some("correct what the check names and apply again".to_owned()),
            Self::Unverified { .. } => Some(
                "`foobar-stack verify` makes the checks, and proves the run when they pass; `foobar-stack rollback` goes back".to_owned(),
            ),
            Self::Stopped { .. } => {
                Some("`foobar-stack plan` shows what is left, `apply` does it".to_owned())
            }
            Self::ManyDeletions { .. } => Some(
                "look whether something is missing in the inventory; `apply --delete-many` if this is meant".to_owned(),
            ),
            Self::Generation(error) => Some(error.hint().to_owned()),
            Self::NoGeneration { targets, .. } => Some(match &targets[..] {
                [] => "the server keeps none; `foobar-stack history` lists the runs".to_owned(),
                all => {
                    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                    format!("one can go back to {}", all.join(", "))
                }
            }),
            Self::NoRelease { kept, .. } => Some(match &kept[..] {
                [] => "the server keeps none".to_owned(),
                all => {
                    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                    format!("it keeps {}", all.join(", "))
                }
            }),
            Self::NoCode { .. } => Some(
                "`foobar-stack apply` makes a release again that was changed; `rehearse --fresh` begins with an empty server".to_owned(),
            ),
            Self::NoCopy => Some(
                "look at it with `rehearse --keep`; `rehearse --fresh` begins with an empty server".to_owned(),
            ),
            Self::NoData { .. } => Some(
                "look at it with `rehearse --keep`; without --with-backup the copy begins with empty databases".to_owned(),
            ),
            Self::NoRun => Some("`foobar-stack apply` starts one".to_owned()),
            Self::PackageLists { .. } => Some(
                "run `apt-get update` on the server by hand, and fix what it reports".to_owned(),
            ),
            Self::Secret { .. } => {
                Some("say in [app.secrets] where it comes from, or set what it comes from".to_owned())
            }
            Self::Name { .. } | Self::SpecialFile { .. } => {
                Some("rename or remove it, or name it in app.exclude".to_owned())
            }
            Self::Git { .. } => Some(
                "app.source.revision is a branch, a tag or all digits of a commit; `git ls-remote` shows what there is".to_owned(),
            ),
            Self::Launch { .. } => Some("`foobar-stack doctor` looks for what is missing".to_owned()),
            Self::RunDied { directory } => Some(format!(
                "run the same command again: it does what is left; what happened stands in {directory}/events on the server"
            )),
            Self::LeftBehind { unit } => Some(format!(
                "follow it with `foobar-stack attach`; its unit on the server is {unit}"
            )),
            Self::InterruptedStart => Some(
                "`foobar-stack attach` follows the last run that has begun".to_owned(),
            ),
            Self::NotConverged { .. } => Some(
                "look whether something on the server changes it back, then apply again".to_owned(),
            ),
            Self::Interrupted
            | Self::Io { .. }
            | Self::Declined
            | Self::Pattern { .. }
            | Self::Download { .. }
            | Self::TooLarge { .. }
            | Self::Walk { .. }
            => None,
        }
    }
}

fn load(error: &LoadError) -> &'static str {
    match error {
        LoadError::Range { .. } => "see `foobar-stack load --help`",
        LoadError::Client { .. } => "look at the certificates this machine trusts",
        LoadError::Threads { .. } => "look at the limits of this machine (ulimit -a)",
    }
}
