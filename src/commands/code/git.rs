//! A git repository, through the user's own git: what it fetches is kept in the cache.

use crate::error::Error;
use crate::types::Digest;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tokio::process::Command;

/// What is kept of a repository: the revisions that were asked for, without their history.
pub(super) struct Clone {
    repository: String,
    folder: PathBuf,
}

impl Clone {
    /// Opens what is kept of the repository, and makes an empty one if there is none.
    pub(super) async fn open(repository: &str, folder: &Path) -> Result<Self, Error> {
        let clone = Self {
            repository: repository.to_owned(),
            folder: folder.to_owned(),
        };
        if !folder.join("HEAD").is_file() {
            let mut command = Command::new("git");
            command
                .args(["init", "--quiet", "--bare", "--"])
                .arg(folder);
            let made = output(&mut command).await?;
            if !made.status.success() {
                return Err(clone.failed("make a copy", &made));
            }
        }
        Ok(clone)
    }

    /// The commit of a revision. A commit that is kept is not asked for again, a branch or tag
    /// is; with `asks` false the last answer counts, and there is none if there was none.
    pub(super) async fn commit(&self, revision: &str, asks: bool) -> Result<Option<String>, Error> {
        let hexadecimal = revision.bytes().all(|b| b.is_ascii_hexdigit());
        let is_commit = hexadecimal && [40, 64].contains(&revision.len());
        if is_commit && let Some(commit) = self.resolve(revision).await? {
            return Ok(Some(commit));
        }
        // A reference of ours keeps the commit, and is what two runs at once do not share.
        let digest = Digest::of(revision.as_bytes());
        let own = format!("refs/foobar-stack/{}", digest.short());
        if asks {
            let mut command = self.git(&["fetch", "--quiet", "--no-tags", "--depth=1", "--"]);
            command
                .arg(&self.repository)
                .arg(format!("+{revision}:{own}"));
            let fetched = output(&mut command).await?;
            if !fetched.status.success() {
                return Err(self.failed(&format!("fetch {revision}"), &fetched));
            }
        }
        self.resolve(&own).await
    }

    async fn resolve(&self, name: &str) -> Result<Option<String>, Error> {
        let wanted = format!("{name}^{{commit}}");
        let mut command = self.git(&["rev-parse", "--quiet", "--verify", "--end-of-options"]);
        let found = output(command.arg(wanted)).await?;
        let commit = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        Ok((found.status.success() && !commit.is_empty()).then_some(commit))
    }

    /// The files of a commit, or of a folder in it; none if it has no such folder.
    pub(super) async fn files(
        &self,
        commit: &str,
        path: Option<&str>,
    ) -> Result<Option<Files>, Error> {
        let tree = match path {
            None | Some(".") => commit.to_owned(),
            Some(path) => {
                let tree = format!("{commit}:{path}");
                let mut command = self.git(&["cat-file", "-t"]);
                let kind = output(command.arg(&tree)).await?;
                if kind.stdout.trim_ascii() != b"tree" {
                    return Ok(None);
                }
                tree
            }
        };
        let read = |output: Output| {
            if output.status.success() {
                Ok(output.stdout)
            } else {
                Err(self.failed(&format!("read {commit}"), &output))
            }
        };
        let mut list = self.git(&["ls-tree", "-r", "-z", "--full-tree"]);
        let listed = read(output(list.arg(&tree)).await?)?;
        let unwritten = || Error::io("write the files of the commit to a temporary file");
        let tar = tempfile::tempfile().map_err(unwritten())?;
        let mut pack = self.git(&["archive", "--format=tar"]);
        pack.arg(&tree)
            .stdout(tar.try_clone().map_err(unwritten())?);
        read(run(&mut pack).await?)?;
        Ok(Some(Files {
            tar,
            submodules: submodules(&String::from_utf8_lossy(&listed)),
        }))
    }

    fn git(&self, words: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(&self.folder).args(words);
        command
    }

    fn failed(&self, action: &str, output: &Output) -> Error {
        Error::Git {
            action: action.to_owned(),
            repository: self.repository.clone(),
            said: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        }
    }
}

/// The files of a commit.
pub(super) struct Files {
    /// As an archive.
    pub(super) tar: File,
    /// The folders in which there would be others: commits of other repositories.
    pub(super) submodules: Vec<String>,
}

/// Those among the lines of `git ls-tree -z`: mode, kind, object, a tab, the path.
fn submodules(listed: &str) -> Vec<String> {
    let path = |line: &str| {
        let (object, path) = line.split_once('\t')?;
        object.starts_with("160000 ").then(|| path.to_owned())
    };
    listed.split('\0').filter_map(path).collect()
}

/// Runs git to its end, and gives what it prints.
async fn output(command: &mut Command) -> Result<Output, Error> {
    run(command.stdout(Stdio::piped())).await
}

/// Runs git to its end. It asks nobody, and runs no helper that an address could name.
async fn run(command: &mut Command) -> Result<Output, Error> {
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let done = async { command.spawn()?.wait_with_output().await };
    done.await
        .map_err(Error::io("run git, which app.source needs"))
}
