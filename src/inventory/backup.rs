//! The section `[backup]`: where backups go, how often, and how many are kept.

use super::app::SYSTEM_DATABASES;
use super::environment::{secret_source, secrets};
use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::{Backup, Backups, FileReference, Keep, Schedule, Site};
use crate::types::{AbsolutePath, InvalidValue, SecretSource, SiteName};
use std::collections::BTreeMap;
use url::Url;

/// The schemes of repositories that restic takes besides folders (restic's manual, "Preparing a
/// new repository").
const SCHEMES: [&str; 8] = ["sftp", "rest", "s3", "b2", "azure", "gs", "swift", "rclone"];

/// The section. `None` if it has a mistake that leaves it incomplete. `sites` are known if none of
/// them has such a mistake.
pub(super) fn backups(
    section: Option<&At<raw::Backup>>,
    sites: Option<&BTreeMap<SiteName, Site>>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Backups> {
    match section {
        None => Some(Backups::Undecided),
        Some(raw) if raw.enabled.as_deref() == Some(&false) => Some(Backups::Declined),
        Some(raw) => backup(raw, sites, files, mistakes).map(Backups::Made),
    }
}

fn backup(
    raw: &At<raw::Backup>,
    sites: Option<&BTreeMap<SiteName, Site>>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Backup> {
    let help = "write where backups are kept:\n[backup]\nrepository = \"sftp:user@host:/folder\"";
    if raw.repository.is_none() {
        mistakes.missing(raw.span(), "backup.repository is missing", help);
    }
    let repository = mistakes.check("backup.repository", raw.repository.as_ref(), |text| {
        repository(text)
    });
    let mut copies: Vec<String> = Vec::new();
    for copy in &raw.copies {
        let address = mistakes.check("backup.copies", Some(copy), |text| self::repository(text));
        if address.is_some()
            && (address == repository || address.iter().any(|one| copies.contains(one)))
        {
            let message = format!("backup.copies: {} is named twice", copy.as_str());
            let mistake = mistakes.at(copy.span(), message);
            mistakes.push(
                mistake
                    .help("name a repository elsewhere: the loss of one must not reach the other"),
            );
        }
        copies.extend(address);
    }
    let schedule = match raw.schedule.as_deref() {
        Some(raw::Schedule::Hourly) => Schedule::Hourly,
        None | Some(raw::Schedule::Daily) => Schedule::Daily,
        Some(raw::Schedule::Weekly) => Schedule::Weekly,
    };
    let at = mistakes.check("backup.at", raw.at.as_ref(), |text| time(text));
    if let Some(at) = raw.at.as_ref().filter(|_| schedule == Schedule::Hourly) {
        let mistake = mistakes.at(
            at.span(),
            "backup.at has no meaning with an hourly schedule",
        );
        mistakes.push(mistake.help("leave it out"));
    }
    let mut folders = Vec::new();
    for folder in &raw.folders {
        folders.extend(mistakes.check("backup.folders", Some(folder), |text| {
            AbsolutePath::new(text).map(|path| path.to_string())
        }));
    }
    let databases = databases(raw, sites, mistakes);
    let repository_key = match &raw.repository_key {
        Some(source) => secret_source("backup.repository_key", source, files, mistakes),
        None => Some(SecretSource::Generate(true)),
    };
    let secrets = secrets("backup.secrets", &raw.secrets, files, mistakes);
    for (name, secret) in &raw.secrets {
        if let Some(SecretSource::Generate(_)) = secrets.get(name.as_str()) {
            let message = format!(
                "backup.secrets: only the keeper of the repository knows {}",
                name.as_str()
            );
            let mistake = mistakes.at(secret.span(), message);
            mistakes.push(mistake.help("use env, file or command"));
        }
    }
    let kept = |value: &Option<At<u16>>, default| value.as_deref().copied().unwrap_or(default);
    let keep = Keep {
        hourly: kept(&raw.keep.hourly, 24),
        daily: kept(&raw.keep.daily, 7),
        weekly: kept(&raw.keep.weekly, 5),
        monthly: kept(&raw.keep.monthly, 12),
    };
    if [keep.hourly, keep.daily, keep.weekly, keep.monthly] == [0; 4] {
        let span = raw.keep.daily.as_ref().map_or(raw.span(), At::span);
        let mistake = mistakes.at(span, "backup.keep: no backup would be kept");
        mistakes.push(mistake.help("leave one of hourly, daily, weekly and monthly above 0"));
    }
    Some(Backup {
        repository: repository?,
        copies,
        schedule,
        at,
        keep,
        folders,
        databases,
        check_weeks: raw.check_weeks.as_deref().copied().unwrap_or(4),
        drill_health: raw.drill_health.as_deref().copied().unwrap_or(true),
        repository_key: repository_key?,
        secrets,
    })
}

/// Databases that no site has.
fn databases(
    raw: &raw::Backup,
    sites: Option<&BTreeMap<SiteName, Site>>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<String> {
    let mut databases: Vec<String> = Vec::new();
    let of_sites = || {
        let sites = sites.into_iter().flat_map(BTreeMap::values);
        sites.map(|site| &site.database).filter(|one| one.enabled)
    };
    for written in &raw.databases {
        let Some(name) = mistakes.check("backup.databases", Some(written), |text| database(text))
        else {
            continue;
        };
        let wrong = if of_sites().any(|one| one.name.as_str() == name) {
            let message = format!("backup.databases: {name} is the database of a site");
            Some((message, "leave it out: a backup has it"))
        } else if databases.contains(&name) {
            let message = format!("backup.databases: {name} is named twice");
            Some((message, "leave it out"))
        } else if sites.is_some() && of_sites().next().is_none() {
            let message =
                format!("backup.databases: no site has a database, so {name} has no server");
            Some((message, "leave it out"))
        } else {
            None
        };
        match wrong {
            Some((message, help)) => {
                mistakes.push(mistakes.at(written.span(), message).help(help));
            }
            None => databases.push(name),
        }
    }
    databases
}

/// The name of a database that somebody has made. What a restore keeps has a longer one, of 64
/// characters at most.
fn database(text: &str) -> Result<String, InvalidValue> {
    if SYSTEM_DATABASES.contains(&text) {
        return Err(
            InvalidValue::new(format!("`{text}` belongs to the database server itself"))
                .hint("accounts are in each backup"),
        );
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if text.is_empty() || text.len() > 40 || text.starts_with('-') || !text.chars().all(is_plain) {
        return Err(
            InvalidValue::new(format!("`{text}` is no database that can be backed up"))
                .hint("letters, digits, `_` and `-`, 40 at most"),
        );
    }
    Ok(text.to_owned())
}

/// A place that restic can keep a repository in. A password in it is refused.
fn repository(text: &str) -> Result<String, InvalidValue> {
    let hint = "a folder of the server, or one of sftp:user@host:/folder, rest:https://host/, \
                s3:https://host/bucket";
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(InvalidValue::new("a repository has no spaces in its address").hint(hint));
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return AbsolutePath::new(text)
            .map(|path| path.to_string())
            .map_err(|_| InvalidValue::new(format!("`{text}` is no repository")).hint(hint));
    };
    if text.starts_with('/') || !SCHEMES.contains(&scheme) || rest.is_empty() {
        return Err(InvalidValue::new(format!("`{text}` is no repository")).hint(hint));
    }
    // As `s3://…`, and as `rest:https://…`.
    let with_password = |text| Url::parse(text).is_ok_and(|url| url.password().is_some());
    let has_password = with_password(text) || with_password(rest);
    if has_password {
        return Err(
            InvalidValue::new("there is a password in the repository's address").hint(
                "give it to restic as secrets: RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD",
            ),
        );
    }
    Ok(text.to_owned())
}

/// `HH:MM`.
pub(super) fn time(text: &str) -> Result<String, InvalidValue> {
    let number = |text: &str, limit: u8| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits && text.parse::<u8>().is_ok_and(|number| number < limit)
    };
    match text.split_once(':') {
        Some((hours, minutes)) if number(hours, 24) && number(minutes, 60) => Ok(text.to_owned()),
        _ => Err(InvalidValue::new(format!("`{text}` is no time of a day")).hint("like \"03:30\"")),
    }
}
