//! The reply to one question that only the server can answer.

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Exit status of the command; 124 and 137 when its time was up (timeout(1)).
    pub status: i32,
    /// What it wrote, to both outputs.
    pub output: String,
}

impl Section {
    /// How the command failed, in words that follow its name.
    #[must_use]
    pub fn failure(&self) -> String {
        if matches!(self.status, 124 | 137) {
            return "did not end in time".to_owned();
        }
        let output: Vec<&str> = self
            .output
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        match output.as_slice() {
            [] => format!("ended with status {}", self.status),
            lines => format!("ended with status {}: {}", self.status, lines.join("; ")),
        }
    }
}
