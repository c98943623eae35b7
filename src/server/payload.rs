//! What is sent with a script: its beginning in memory, and what is beyond that in a file, since
//! it may be larger than the memory of this machine.

use std::fs::File;
use std::io::{self, Seek, Write};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much of a payload is in memory, in bytes.
const IN_MEMORY: usize = 16 << 20;

/// Bytes for the standard input of a script, written once and then sent.
#[derive(Debug, Default)]
pub struct Payload {
    memory: Vec<u8>,
    /// Has no name, so that nobody else finds it, and nothing of it stays.
    file: Option<File>,
    written: u64,
}

impl Payload {
    /// An empty payload.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its size, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.memory.len() as u64 + self.written
    }

    /// Reads it from its beginning.
    pub(super) fn reader(&mut self) -> io::Result<impl AsyncRead + Unpin + '_> {
        let file = match &mut self.file {
            Some(file) => {
                file.rewind()?;
                Some(tokio::fs::File::from_std(file.try_clone()?))
            }
            None => None,
        };
        let rest: Box<dyn AsyncRead + Unpin + Send> = match file {
            Some(file) => Box::new(file),
            None => Box::new(tokio::io::empty()),
        };
        Ok((&self.memory[..]).chain(rest))
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self {
            memory: bytes.to_vec(),
            ..Self::default()
        }
    }
}

impl Write for Payload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.file.is_none() && self.memory.len() + bytes.len() <= IN_MEMORY {
            self.memory.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        let written = file.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read() {
        let part: Vec<u8> = (0..=255_u8).cycle().take(3 << 20).collect();
        for parts in [0, 1, 7] {
            let mut payload = Payload::new();
            let mut wanted = Vec::new();
            for _ in 0..parts {
                payload.write_all(&part).unwrap();
                wanted.extend_from_slice(&part);
            }
            assert_eq!(payload.file.is_some(), parts == 7);
            assert_eq!(payload.size(), wanted.len() as u64);
            let mut read = Vec::new();
            payload
                .reader()
                .unwrap()
                .read_to_end(&mut read)
                .await
                .unwrap();
            assert!(read == wanted);
        }
    }
}
