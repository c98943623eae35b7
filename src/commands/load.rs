//! Reads what the user wrote: the inventory, the roles and files beside it, the app's code and
//! the secrets. From here on everything is in memory.

use super::certificate;
use super::code::{self, FetchPolicy, Fetched, Place};
use super::code_checks::{keys_for_visitors, left_out, missing_in_code, runs_on_linux};
use super::files::{missing_files, own_files, read, read_or_stand_in};
use super::per_server::PerServer;
use crate::bundle::Generation;
use crate::diagnostic::{Diagnostics, Source};
use crate::error::Error;
use crate::facts::Facts;
use crate::inventory::{self, App, FileReference, References, Server, Site};
use crate::plan::{Fleet, Stack};
use crate::resource::SecretMaterial;
use crate::role::{self, Inputs, RoleSource, Roles, SiteInputs, builtin};
use crate::types::{
    Code, ReleaseId, SecretSource, SecretValue, ServerName, SiteName, Tree, private_key,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::process::Command;

/// What the user wrote, read and checked as far as that goes without a server.
pub(crate) struct Workspace {
    /// The folder of the inventory.
    pub(crate) folder: PathBuf,
    /// The text of the inventory.
    pub(crate) text: Arc<Source>,
    /// What compiling takes.
    pub(crate) inputs: Inputs,
    /// The roles in order.
    pub(crate) roles: Roles,
    /// Whether visitors could use the user's own certificate, if there is one. What would send
    /// it to the server asks; what looks at a server that runs does not.
    pub(crate) certificate: Result<(), Diagnostics>,
    /// What whoever plans should know.
    pub(crate) notes: Vec<String>,
}

impl Workspace {
    /// The servers of the inventory.
    pub(crate) fn servers(&self) -> PerServer<&Server> {
        let servers = self.inputs.inventory.servers.iter();
        servers
            .map(|(name, server)| (name.clone(), server))
            .collect()
    }

    /// A server of the inventory.
    #[expect(clippy::expect_used, reason = "every name of a server comes from here")]
    pub(crate) fn server(&self, name: &ServerName) -> &Server {
        let servers = &self.inputs.inventory.servers;
        servers.get(name).expect("a server of the inventory")
    }

    /// What a run on a server rests on.
    pub(crate) fn generation(&self, server: &ServerName) -> Generation {
        Generation::of(server, &self.text, &self.inputs)
    }

    /// What should be so on a server of which alone the facts are known.
    pub(crate) fn stack(&self, name: &ServerName, facts: &Facts) -> Result<Stack, Diagnostics> {
        role::compile_one(&self.inputs, &self.roles, name, facts)
    }

    /// What should be so on the servers that have these facts.
    pub(crate) fn fleet(&self, facts: &BTreeMap<ServerName, Facts>) -> Result<Fleet, Diagnostics> {
        role::compile(&self.inputs, &self.roles, facts)
    }

    /// The site of this name; the only one, if there is no other.
    pub(crate) fn site(&self, name: Option<&SiteName>) -> Result<(&SiteName, &Site), Error> {
        let sites = &self.inputs.inventory.sites;
        let found = match name {
            Some(name) => sites.get_key_value(name),
            None => sites.first_key_value().filter(|_| sites.len() == 1),
        };
        found.ok_or_else(|| {
            let names: Vec<&str> = sites.keys().map(SiteName::as_str).collect();
            Error::Usage {
                message: match name {
                    Some(name) => format!("there is no site {name} in this inventory"),
                    None => "there are several sites in this inventory".to_owned(),
                },
                hint: format!("name one with --site: {}", names.join(", ")),
            }
        })
    }
}

/// Whether the values of secrets are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrets {
    /// They are read from where they come from.
    Read,
    /// Stand-ins take their places: enough to check and to render.
    StandIn,
}

/// What a command wants with what the user wrote, and so which of it must be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To send it: all of it, with the values of secrets.
    Send,
    /// To look at it: all files. Secrets have stand-ins.
    Check,
    /// To ask a server that runs, or to bring back what it keeps: from any machine that can log in.
    /// Code and files of the site that are not here have stand-ins.
    Ask,
}

impl Purpose {
    /// Whether the values of secrets are wanted.
    fn secrets(self) -> Secrets {
        match self {
            Self::Send => Secrets::Read,
            Self::Check | Self::Ask => Secrets::StandIn,
        }
    }
}

/// Reads an inventory and all it speaks of.
pub(crate) async fn load(path: &Path, purpose: Purpose) -> Result<Workspace, Error> {
    let secrets = purpose.secrets();
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(Error::io(format!("read {shown}")))?;
    let source = Source::new(shown, text);
    let parsed = inventory::parse(&source)?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let named = parsed.references.values().flat_map(|one| &one.files);
    let named = named.filter(|_| purpose != Purpose::Ask);
    let mut named: Vec<FileReference> = parsed.keys.iter().chain(named).cloned().collect();
    named.sort_by_key(|file| file.span.start);
    missing_files(&source, &folder, &named)?;
    let inventory = parsed.inventory;
    let mut files = BTreeMap::new();
    let roles = role_sources(&folder, &mut files)?;
    let mut sensitive_files = keys_among(&mut files);
    let read = match purpose {
        Purpose::Ask => read_or_stand_in,
        Purpose::Send | Purpose::Check => read,
    };
    sensitive_files.extend(own_files(&folder, &inventory, read, &mut files)?);
    let references = |name| parsed.references.get(name).cloned().unwrap_or_default();
    let mut certificate = Ok(());
    for (name, site) in &inventory.sites {
        let named = references(name).files;
        let found = certificate::check(&source, &named, site, &files, &sensitive_files);
        certificate = certificate.and(found);
        certificate::is_public(&source, &named, site, &files)?;
    }
    if purpose == Purpose::Send {
        certificate.clone()?;
    }
    let mut notes = Vec::new();
    let mut sites = BTreeMap::new();
    for (name, site) in &inventory.sites {
        let app = &site.app;
        let references = references(name);
        let code = read_code(&source, &folder, app, &references, purpose, &mut notes).await?;
        let secrets = read_secrets(&folder, &site.secrets(), secrets).await?;
        let inputs = SiteInputs { secrets, app: code };
        sites.insert(name.clone(), inputs);
    }
    let of_server = read_secrets(&folder, &inventory.secrets(), secrets).await?;
    let ordered = Roles::read(&roles)?;
    let inputs = Inputs {
        inventory,
        roles,
        files,
        sensitive_files,
        secrets: of_server,
        sites,
    };
    Ok(Workspace {
        folder,
        text: source,
        inputs,
        roles: ordered,
        certificate,
        notes,
    })
}

/// The code of an app, if there is one, looked at before it is sent.
async fn read_code(
    source: &Arc<Source>,
    folder: &Path,
    app: &App,
    references: &References,
    purpose: Purpose,
    notes: &mut Vec<String>,
) -> Result<Option<Code>, Error> {
    if !app.enabled {
        return Ok(None);
    }
    let mut named = references.files.iter();
    let elsewhere = named.any(|file| file.directory && !folder.join(&file.path).is_dir());
    if purpose == Purpose::Ask && elsewhere {
        return Ok(Some(Code::kept(ReleaseId::stand_in())));
    }
    let place = Place {
        source,
        span: references.source.clone(),
    };
    let policy = match purpose {
        Purpose::Send => FetchPolicy::Everywhere,
        Purpose::Check | Purpose::Ask => FetchPolicy::Here,
    };
    let Some(fetched) = code::fetch(app, folder, &place, policy).await? else {
        return Ok(Some(Code::kept(ReleaseId::stand_in())));
    };
    let Fetched {
        tree,
        origin,
        empty,
    } = fetched;
    notes.extend(left_out(&empty, app));
    runs_on_linux(source, place.span, &tree, app)?;
    missing_in_code(source, &tree, references)?;
    keys_for_visitors(source, &tree, &references.inside)?;
    let seeds = seeds(&tree, app);
    let tree = with_shared(tree, app);
    let code = Code::new(tree, &app.recipe(), origin);
    Ok(Some(code.with_seeds(seeds)))
}

/// Takes the files that hold a private key out of those that may be seen.
fn keys_among(files: &mut BTreeMap<String, Arc<[u8]>>) -> BTreeMap<String, SecretValue> {
    let mut keys = BTreeMap::new();
    files.retain(|path, bytes| {
        let is_key = private_key(bytes).is_some();
        if is_key {
            keys.insert(path.clone(), SecretValue::new(bytes.to_vec()));
        }
        !is_key
    });
    keys
}

/// The code with links to what its releases share, which lies beside them: `shared` stands in
/// the folder of `releases`.
fn with_shared(tree: Tree, app: &App) -> Tree {
    app.persistent
        .iter()
        .chain(app.shared.keys())
        .fold(tree, |tree, path| {
            let up = "../".repeat(2 + path.matches('/').count());
            tree.with_link(path, format!("{up}shared/{path}"))
        })
}

/// What the code has in the folders that outlive releases: what they are filled with when they are
/// made. Files that only keep an empty folder in git are none of it.
fn seeds(tree: &Tree, app: &App) -> BTreeMap<String, Arc<Tree>> {
    let only_keeps = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        [".gitkeep", ".keep", ".gitignore"].contains(&name)
    };
    let brought = |folder: &String| {
        let seed = tree.below(folder).part(|path| !only_keeps(path));
        (!seed.is_empty()).then(|| (folder.clone(), Arc::new(seed)))
    };
    app.persistent.iter().filter_map(brought).collect()
}

/// The names in a folder, in order; none if there is no such folder.
fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(format!("list {}", folder.display()))(error)),
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    Ok(names)
}

/// The built-in roles; a role of the same name beside the inventory stands in for one, and a
/// template of the same name for one of its templates. `files` takes in the files of roles.
fn role_sources(
    folder: &Path,
    files: &mut BTreeMap<String, Arc<[u8]>>,
) -> Result<Vec<RoleSource>, Error> {
    let mut roles: BTreeMap<String, RoleSource> = builtin()
        .into_iter()
        .map(|role| (role.name.clone(), role))
        .collect();
    for name in names(&folder.join("roles"))? {
        let path = folder.join("roles").join(&name).join("role.toml");
        if !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&path)
            .map_err(Error::io(format!("read {}", path.display())))?;
        let manifest = Source::new(path.display().to_string(), text);
        let templates = roles
            .remove(&name)
            .map(|role| role.templates)
            .unwrap_or_default();
        roles.insert(
            name.clone(),
            RoleSource {
                name: name.clone(),
                manifest,
                templates,
            },
        );
        let own = format!("roles/{name}/files");
        code::add_files(&folder.join(&own), &own, files)?;
    }
    for (name, role) in &mut roles {
        let own = folder.join("templates").join(name);
        for file in names(&own)? {
            let path = own.join(&file);
            let text = std::fs::read_to_string(&path)
                .map_err(Error::io(format!("read {}", path.display())))?;
            role.templates
                .insert(file, Source::new(path.display().to_string(), text));
        }
    }
    Ok(roles.into_values().collect())
}

/// Secrets of a server or of a site, from where they come from.
pub(super) async fn read_secrets(
    folder: &Path,
    sources: &BTreeMap<String, SecretSource>,
    wanted: Secrets,
) -> Result<BTreeMap<String, SecretMaterial>, Error> {
    let mut secrets = BTreeMap::new();
    for (name, source) in sources {
        let failed = |why: String| Error::Secret {
            name: name.clone(),
            why,
        };
        let value = match (source, wanted) {
            (SecretSource::Generate(_), _) => None,
            (_, Secrets::StandIn) => Some(SecretValue::STAND_IN.to_vec()),
            (SecretSource::Env(variable), _) => {
                let value = std::env::var_os(variable);
                let value =
                    value.ok_or_else(|| failed(format!("the environment has no {variable}")))?;
                Some(std::os::unix::ffi::OsStringExt::into_vec(value))
            }
            (SecretSource::File(path), _) => Some(without_newline(read(&folder.join(path))?)),
            (SecretSource::Command(command), _) => {
                let output = Command::new("sh")
                    .args(["-c", command])
                    .current_dir(folder)
                    .stdin(std::process::Stdio::null())
                    .stderr(std::process::Stdio::inherit())
                    .output()
                    .await
                    .map_err(Error::io(format!("run the command of the secret {name}")))?;
                if !output.status.success() {
                    return Err(failed(format!("its command ended with {}", output.status)));
                }
                Some(without_newline(output.stdout))
            }
        };
        let material = match value {
            None => SecretMaterial::Generated,
            Some(value) if value.is_empty() => return Err(failed("its value is empty".to_owned())),
            Some(value) => SecretMaterial::Value(SecretValue::new(value)),
        };
        secrets.insert(name.clone(), material);
    }
    Ok(secrets)
}

fn without_newline(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    bytes
}
