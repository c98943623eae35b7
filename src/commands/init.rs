//! `init`: a commented inventory to start from.

use crate::cli::Init;
use crate::error::Error;
use crate::inventory::starter;
use crate::report::Reporter;
use std::fs::File;
use std::io::{ErrorKind, Write};

/// Writes the inventory; never over one that is there.
pub(super) fn run(init: &Init, reporter: &Reporter) -> Result<(), Error> {
    let path = init.file.display();
    let mut file = match File::create_new(&init.file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Error::Usage {
                message: format!("{path} is there already"),
                hint: "name another file, or remove this one first".to_owned(),
            });
        }
        opened => opened.map_err(Error::io(format!("write {path}")))?,
    };
    file.write_all(starter(&init.domain, init.ipv4).as_bytes())
        .map_err(Error::io(format!("write {path}")))?;
    reporter.done(&format!("wrote {path}"));
    Ok(())
}
