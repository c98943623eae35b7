//! Whether this machine can run throw-away servers, for the tests that need them.

use foobar_stack::sandbox::{self, DriverName};
use std::io::Write as _;
use std::sync::OnceLock;

/// Whether it can. If not, the first call says in one line that these tests are left out, and why.
///
/// With `TEST_SERVERS=required` nothing is left out: the tests fail where they need a server.
pub(crate) fn are_possible(tests: &str) -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        if std::env::var("TEST_SERVERS").is_ok_and(|value| value == "required") {
            return true;
        }
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let Err(error) = runtime.block_on(sandbox::require(DriverName::Nspawn, &|_| ())) else {
            return true;
        };
        let why = error.to_string();
        let why = why.lines().next().unwrap_or_default();
        // Not by a macro: the harness would show that only if the test failed.
        let _ = writeln!(std::io::stderr(), "left out: {tests}: {why}");
        false
    })
}
