//! The question whether to go on.

use super::interrupt::interruptible;
use crate::error::Error;
use crate::report::Reporter;

/// Goes on if the answer is yes; it may be interrupted.
///
/// # Errors
/// [`Error::Declined`] if it is another one.
pub(super) async fn confirm(question: &str, reporter: &Reporter) -> Result<(), Error> {
    let answer = async {
        let answer = reporter.confirm(question).await;
        answer.map_err(Error::io("read the answer"))
    };
    if interruptible(answer).await? {
        Ok(())
    } else {
        Err(Error::Declined)
    }
}
