//! Ctrl-C, and a signal to end.

use crate::error::Error;

/// Does something that Ctrl-C or a signal ends. For the commands that follow a run, outside of
/// that: once a signal has been listened for, it no longer ends the program by itself.
pub(super) async fn interruptible<T>(
    doing: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        result = doing => result,
        () = interruption() => Err(Error::Interrupted),
    }
}

/// Waits for Ctrl-C or a signal to end.
pub(super) async fn interruption() {
    use tokio::signal::unix::{SignalKind, signal};
    let ctrl_c = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = ctrl_c => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(ctrl_c.await),
    }
}
