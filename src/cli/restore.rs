//! `backup restore`: which backup, and what of it.

use crate::types::{AbsolutePath, Fqdn, InvalidValue};
use clap::Args;
use jiff::Timestamp;
use std::path::PathBuf;

/// Bring back what a backup holds, or what was there at a time.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Restore {
    /// The backup, as `backup list` has it [default: the newest]
    #[arg(long, value_name = "BACKUP", conflicts_with = "to", value_parser = backup)]
    pub backup: Option<String>,
    /// As it was at this time: "2026-01-31 12:00:30 UTC", or with an offset as +01:00
    ///
    /// Databases as they were in that second; folders as they are in the last backup before it.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub to: Option<i64>,
    /// Only this database
    #[arg(long, value_name = "NAME", group = "what", value_parser = database)]
    pub database: Option<String>,
    /// Only this table, if no foreign key ties it to another one
    #[arg(long, value_name = "DATABASE.TABLE", group = "what", value_parser = table)]
    pub table: Option<String>,
    /// Only this folder or file
    #[arg(long, value_name = "PATH", group = "what", value_parser = folder)]
    pub folder: Option<String>,
    /// From this repository: 1 is where backups are made, 2 the first of backup.copies, or an address
    #[arg(long, value_name = "REPOSITORY")]
    pub from: Option<String>,
    /// Do not ask: what was written after that, to the site with this domain, may be lost
    #[arg(long, value_name = "DOMAIN")]
    pub yes_lose: Option<Fqdn>,
}

/// Bring a file or a folder of a backup to this machine.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Fetch {
    /// The file or folder, as it was called on the server; without it, show which there are
    #[arg(value_name = "PATH", value_parser = folder)]
    pub path: Option<String>,
    /// The backup, as `backup list` has it [default: the newest]
    #[arg(long, value_name = "BACKUP", value_parser = backup)]
    pub backup: Option<String>,
    /// From this repository: 1 is where backups are made, 2 the first of backup.copies, or an address
    #[arg(long, value_name = "REPOSITORY")]
    pub from: Option<String>,
    /// The folder on this machine that it is put in
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub to: PathBuf,
}

/// What a backup is called: its time.
pub(super) fn backup(text: &str) -> Result<String, InvalidValue> {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if shape == "00000000T000000Z" {
        return Ok(text.to_owned());
    }
    Err(InvalidValue::new("not the name of a backup").hint("`foobar-stack backup list` has them"))
}

/// A time with its time zone, in seconds since 1970.
fn moment(text: &str) -> Result<i64, InvalidValue> {
    let text = text.trim();
    let zoned = match text.strip_suffix("UTC") {
        Some(time) => format!("{}Z", time.trim_end()),
        None => text.replace(" +", "+").replace(" -", "-"),
    };
    let parsed: Result<Timestamp, _> = zoned.parse();
    parsed.map(Timestamp::as_second).map_err(|_| {
        InvalidValue::new("not a time with its time zone")
            .hint("as \"2026-01-31 12:00:30 UTC\" or \"2026-01-31 12:00 +01:00\"")
    })
}

fn database(text: &str) -> Result<String, InvalidValue> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-$".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err(InvalidValue::new("not the name of a database"))
}

fn table(text: &str) -> Result<String, InvalidValue> {
    let quoted = |c: char| c.is_control() || "'\"`\\".contains(c);
    match text.split_once('.') {
        Some((of, name)) if !name.is_empty() && !name.contains(quoted) => {
            database(of).map(|_| text.to_owned())
        }
        _ => Err(InvalidValue::new("not a table").hint("as database.table, without quotes")),
    }
}

fn folder(text: &str) -> Result<String, InvalidValue> {
    AbsolutePath::new(text.trim_end_matches('/')).map(|path| path.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_zone() {
        for text in [
            "2026-01-31 12:00:30 UTC",
            "2026-01-31T12:00:30Z",
            "2026-01-31 13:00:30 +01:00",
            "2026-01-31 07:00:30-05:00",
        ] {
            assert_eq!(moment(text), Ok(1_769_860_830), "{text}");
        }
        assert_eq!(moment("2026-01-31 12:00 UTC"), Ok(1_769_860_800));
        for text in ["2026-01-31 12:00", "12:00 UTC", "yesterday", ""] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_plain() {
        assert!(backup("20260131T120500Z").is_ok());
        for wrong in ["latest", "20260131T120500", "20260131T120500Z "] {
            assert!(backup(wrong).is_err(), "{wrong}");
        }
        assert_eq!(table("shop.the books").as_deref(), Ok("shop.the books"));
        for wrong in ["books", "shop.", "shop.a'b", "s'hop.books", "shop.a\nb"] {
            assert!(table(wrong).is_err(), "{wrong}");
        }
        assert_eq!(folder("/srv/a/").as_deref(), Ok("/srv/a"));
        assert!(folder("srv").is_err());
    }
}
