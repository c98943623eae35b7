//! `init`: a commented inventory to start from.

use crate::cli;
use crate::error::Error;
use crate::inventory;
use crate::report::Reporter;
use std::io::Write;

/// Writes it; what is there already is left alone.
pub(super) fn init(options: &cli::Init, reporter: &Reporter) -> Result<(), Error> {
    let shown = options.file.display();
    let mut file = match std::fs::File::create_new(&options.file) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Error::Usage {
                message: format!("{shown} is there already"),
                hint: "name another file: foobar-stack init FILE".to_owned(),
            });
        }
        Err(error) => return Err(Error::io(format!("make {shown}"))(error)),
    };
    let text = inventory::starter(&options.domain, options.ipv4);
    file.write_all(text.as_bytes())
        .map_err(Error::io(format!("write {shown}")))?;
    reporter.done(&format!(
        "wrote {shown}; set app.source to the folder with your code, then run `foobar-stack plan`"
    ));
    Ok(())
}
