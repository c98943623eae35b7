//! The files of saved plans, and the digests in them of the secrets that a plan brings.

use crate::error::Error;
use crate::plan::{SavedPlan, Stack};
use crate::random;
use crate::report::Reporter;
use crate::resource::Seal;
use crate::server::Session;
use std::io::Write;
use std::path::Path;

/// Writes the file: whole or not at all, and readable by nobody else from the start. A file
/// that is there is replaced.
pub(super) fn write(path: &Path, plan: &SavedPlan) -> Result<(), Error> {
    let shown = path.display();
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(Error::Usage {
            message: format!("{shown} is there and is not a file"),
            hint: "name a file with --out; the changes as text or JSON are on standard output"
                .to_owned(),
        });
    }
    let failed = || Error::io(format!("write {shown}"));
    let text = plan.write().map_err(|error| failed()(error.into()))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Its mode is 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed())?;
    file.write_all(text.as_bytes()).map_err(failed())?;
    file.as_file().sync_all().map_err(failed())?;
    file.persist(path).map_err(|error| failed()(error.error))?;
    Ok(())
}

/// Reads the file, and says how old the plan is.
pub(super) fn read(path: &Path, reporter: &Reporter) -> Result<SavedPlan, Error> {
    let shown = path.display().to_string();
    let bytes = std::fs::read(path).map_err(Error::io(format!("read {shown}")))?;
    let plan = SavedPlan::read(&shown, &String::from_utf8_lossy(&bytes))?;
    let made = jiff::Timestamp::from_second(plan.made).unwrap_or_default();
    let made = made.strftime("%Y-%m-%d %H:%M UTC");
    let inventory = &plan.inventory;
    reporter.note(&format!(
        "{shown}: the plan for {inventory}, made on {made}"
    ));
    Ok(plan)
}

/// The plan with digests of the secrets it brings, if it brings any.
pub(super) async fn seal(
    session: &mut Session,
    saved: SavedPlan,
    stack: &Stack,
) -> Result<SavedPlan, Error> {
    if !saved.brings_secrets(stack) {
        return Ok(saved);
    }
    let salt = random::hex();
    let seal = ask(session, &salt).await?;
    Ok(saved.sealed(stack, &salt, &seal))
}

/// Refuses a saved plan if one of its secrets is another by now.
pub(super) async fn secrets(
    session: &mut Session,
    saved: &SavedPlan,
    stack: &Stack,
) -> Result<(), Error> {
    if let Some(salt) = saved.salt() {
        let seal = ask(session, salt).await?;
        saved.check_secrets(stack, &seal)?;
    }
    Ok(())
}

async fn ask(session: &mut Session, salt: &str) -> Result<Seal, Error> {
    let reply = session
        .run("asking for the key of the plan", &Seal::script(salt))
        .await?;
    let seal = Seal::read(&String::from_utf8_lossy(&reply.stdout));
    seal.ok_or_else(|| Error::Io {
        action: "make the key of the plan on the server".to_owned(),
        source: std::io::Error::other(reply.stderr),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Basis, Stack, plan};
    use crate::report::{Settings, Verbosity};
    use std::os::unix::fs::PermissionsExt;

    fn empty(inventory: &str) -> SavedPlan {
        let basis = Basis {
            generation: 0,
            now: 0,
            date: String::new(),
        };
        let stack = Stack::default();
        let (plan, _) = plan(&stack, &[], basis, None).unwrap();
        SavedPlan::of(&plan, &stack, &[], inventory, "web1")
    }

    #[test]
    fn only_its_owner_reads_it_whatever_was_there_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.plan");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let plan = empty("site.toml");
        write(&path, &plan).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let quiet = Reporter::new(Settings {
            verbosity: Verbosity::Quiet,
            ..Settings::default()
        });
        assert_eq!(read(&path, &quiet).unwrap(), plan);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_a_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for path in [folder.path(), &link] {
            let error = write(path, &empty("site.toml")).unwrap_err();
            assert_eq!(error.exit().code(), 64, "{error}");
        }
        assert!(link.is_symlink());
        let nowhere = folder.path().join("none/site.plan");
        assert_eq!(write(&nowhere, &empty("x")).unwrap_err().exit().code(), 1);
    }
}
