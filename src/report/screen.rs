//! The two streams of the program: colours where they are wanted, quiet when nobody reads on.

use super::Color;
use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use std::io::{self, IsTerminal, Write};

/// Where text goes.
pub(super) struct Stream {
    out: Box<dyn Write + Send>,
    color: bool,
    terminal: bool,
    error: Option<io::Error>,
}

impl Stream {
    /// Standard output.
    pub(super) fn stdout(color: Color) -> Self {
        let out = io::stdout();
        let (color, terminal) = (
            is_coloured(color, AutoStream::choice(&out)),
            out.is_terminal(),
        );
        Self::new(Box::new(out), color, terminal)
    }

    /// Standard error.
    pub(super) fn stderr(color: Color) -> Self {
        let out = io::stderr();
        let (color, terminal) = (
            is_coloured(color, AutoStream::choice(&out)),
            out.is_terminal(),
        );
        Self::new(Box::new(out), color, terminal)
    }

    pub(super) fn new(out: Box<dyn Write + Send>, color: bool, terminal: bool) -> Self {
        Self {
            out,
            color,
            terminal,
            error: None,
        }
    }

    pub(super) fn has_color(&self) -> bool {
        self.color
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes painted text, and a newline if it ends without one.
    pub(super) fn print(&mut self, text: &str) {
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        if self.color {
            self.write(format!("{text}{newline}").as_bytes());
        } else {
            self.write(format!("{}{newline}", strip_str(text)).as_bytes());
        }
    }

    /// Writes bytes as they are. After an error nothing more is written: a reader that has
    /// gone (`| head`) is no reason to end a run half-way.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none()
            && let Err(error) = self.out.write_all(bytes).and_then(|()| self.out.flush())
        {
            self.error = Some(error);
        }
    }

    /// What kept text from being written, other than a reader that has gone.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error
            .take_if(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }
}

/// `automatic` is what the terminal, `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE` say.
fn is_coloured(wanted: Color, automatic: ColorChoice) -> bool {
    match wanted {
        Color::Auto => automatic != ColorChoice::Never,
        Color::Always => true,
        Color::Never => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::Paper;
    use crate::report::text::{GOOD, paint};

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn colours_go_where_they_are_wanted() {
        for (color, text) in [(true, "\u{1b}[32mgood\u{1b}[0m\n"), (false, "good\n")] {
            let paper = Paper::default();
            let mut stream = Stream::new(Box::new(paper.clone()), color, false);
            stream.print(&paint(GOOD, "good"));
            assert_eq!(paper.text(), text);
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error() {
        for (kind, is_error) in [
            (io::ErrorKind::BrokenPipe, false),
            (io::ErrorKind::StorageFull, true),
        ] {
            let mut stream = Stream::new(Box::new(Broken(kind)), false, false);
            stream.print("a");
            stream.print("b");
            assert_eq!(stream.take_error().is_some(), is_error);
        }
    }
}
