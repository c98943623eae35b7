//! `import`: an existing zone, from a file or from a name server, as lines of the inventory.

use crate::cli;
use crate::diagnostic::Source;
use crate::error::{Error, Exit, ImportError};
use crate::inventory::{ImportOptions, import as write, import_reverse, is_reverse, parse};
use crate::report::Reporter;
use crate::types::{FileRecord, Fqdn, ZoneFileError, zone_records};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::{Output, Stdio};
use tokio::process::Command;

/// Prints the lines; what is not among them is an error, told after them.
pub(super) async fn import(
    options: &cli::Import,
    inventory: Option<&Path>,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    // Where there is none yet, or one with mistakes, they are those of a site.
    let inventory = inventory.and_then(|path| std::fs::read_to_string(path).ok());
    let inventory = inventory.and_then(|text| parse(&Source::new("inventory", text)).ok());
    let zone = &options.zone;
    let (records, numbered) = match (&options.from, &options.file) {
        (Some(server), _) => {
            let records = transferred(zone, server, options.key.as_deref()).await?;
            (records, false)
        }
        (None, Some(file)) => from_file(zone, file).await?,
        (None, None) => (Vec::new(), false),
    };
    let how = ImportOptions {
        zone,
        site: options.site.as_ref(),
        numbered,
        inventory: inventory.as_ref().map(|parsed| &parsed.inventory),
    };
    let imported = match is_reverse(zone) {
        true => import_reverse(records, how),
        false => write(records, how),
    };
    reporter.output(&imported.text);
    if imported.refused.is_empty() {
        return Ok(Exit::Done);
    }
    let records = imported.refused;
    Err(ImportError::Refused { records }.into())
}

/// The records of a file, and whether their lines are those of the file.
async fn from_file(zone: &Fqdn, file: &Path) -> Result<(Vec<FileRecord>, bool), Error> {
    let is_input = file == Path::new("-");
    let name = match is_input {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    };
    let bytes = if is_input {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = bytes.map_err(Error::io(format!("read {name}")))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::Name { path: name.clone() });
    let text = text?;
    match zone_records(&text, zone) {
        Err(ZoneFileError::Directive { .. }) if !is_input => {
            let text = expanded(zone, file).await?;
            Ok((read(zone, &text, name)?, false))
        }
        Err(source) => Err(unreadable(zone, name, source)),
        Ok(records) => Ok((records, true)),
    }
}

fn read(zone: &Fqdn, text: &str, name: String) -> Result<Vec<FileRecord>, Error> {
    zone_records(text, zone).map_err(|source| unreadable(zone, name, source))
}

fn unreadable(zone: &Fqdn, name: String, source: ZoneFileError) -> Error {
    let zone = zone.clone();
    ImportError::Unreadable { zone, name, source }.into()
}

/// The text of a zone file with what its directives stand for, as BIND reads them.
async fn expanded(zone: &Fqdn, file: &Path) -> Result<String, Error> {
    let mut command = Command::new("named-checkzone");
    // What it is to say is only what it reads: others find what is wrong with that.
    let lenient = ["-k", "-m", "-M", "-n", "-r", "-S", "-T"];
    command.args(lenient.iter().flat_map(|option| [option, "ignore"]));
    command.args(["-i", "none", "-D", "-q", "-o", "-", "--", zone.as_str()]);
    command.arg(file);
    let output = output(command, "named-checkzone", "bind9-utils").await?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ImportError::Expansion {
        zone: zone.clone(),
        name: file.display().to_string(),
        said: said(&output),
    }
    .into())
}

/// What a name server answers to AXFR (RFC 5936).
async fn transferred(
    zone: &Fqdn,
    server: &str,
    key: Option<&Path>,
) -> Result<Vec<FileRecord>, Error> {
    let mut command = Command::new("dig");
    if let Some(key) = key {
        // That it is missing would be a line of `dig` among others.
        std::fs::File::open(key).map_err(Error::io(format!("read {}", key.display())))?;
        command.arg("-k").arg(key);
    }
    command.args(["+time=10", "+tries=1", "+noidnout", "+nostats", "+nocmd"]);
    command.args([
        &format!("@{server}"),
        "-q",
        &format!("{zone}."),
        "-t",
        "AXFR",
    ]);
    let output = output(command, "dig", "bind9-dnsutils").await?;
    let failed = |said: String| ImportError::Transfer {
        zone: zone.clone(),
        server: server.to_owned(),
        said,
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut records = read(zone, &text, format!("the answer of {server}"))?;
    // `dig` prints the signature of each message among them, with the class ANY.
    records.retain(|record| record.kind != "ANY");
    // It is whole if it ends as it begins (RFC 5936 section 2.2).
    let is_soa = |record: Option<&FileRecord>| record.is_some_and(|record| record.kind == "SOA");
    let whole = records.len() > 1 && is_soa(records.first()) && is_soa(records.last());
    match output.status.success() && whole {
        true => Ok(records),
        false => Err(failed(said(&output)).into()),
    }
}

async fn output(
    mut command: Command,
    program: &'static str,
    package: &'static str,
) -> Result<Output, Error> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    output.await.map_err(|error| match error.kind() {
        ErrorKind::NotFound => ImportError::Missing { program, package }.into(),
        _ => Error::io(format!("run {program}"))(error),
    })
}

/// What a program said that is no record, in one line.
fn said(output: &Output) -> String {
    let all = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes));
    let lines = all.iter().flat_map(|text| text.lines());
    let words = lines.filter(|line| line.starts_with(';') || !line.contains("\tIN\t"));
    let words = words.map(|line| line.trim_start_matches([';', ' ']).trim());
    let words: Vec<&str> = words.filter(|line| !line.is_empty()).take(5).collect();
    match words.is_empty() {
        true => "the answer is not whole".to_owned(),
        false => words.join("; "),
    }
}
