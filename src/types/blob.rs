//! The content of a file of the app's code: in memory if it is small, else read again from where
//! it is kept whenever somebody needs it.

use super::Digest;
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

/// Where large content is kept.
pub trait Reopen: Send + Sync {
    /// A reader of all of it, from its beginning.
    ///
    /// # Errors
    /// When it is not there any more, or cannot be read.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;
}

/// Content of a known size and digest.
#[derive(Clone)]
pub struct Blob {
    size: u64,
    digest: Digest,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Memory(Arc<[u8]>),
    Elsewhere(Arc<dyn Reopen>),
}

impl Blob {
    /// Up to this size, in bytes, content is better kept in memory.
    pub const SMALL: u64 = 1 << 20;

    /// Content in memory.
    #[must_use]
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self {
            size: bytes.len() as u64,
            digest: Digest::of(&bytes),
            place: Place::Memory(bytes),
        }
    }

    /// Content that is kept elsewhere. It is read once, for its size and digest.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn elsewhere(kept: Arc<dyn Reopen>) -> io::Result<Self> {
        let (digest, size) = Digest::of_reader(kept.open()?)?;
        Ok(Self {
            size,
            digest,
            place: Place::Elsewhere(kept),
        })
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digest of its bytes.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Reads it from the beginning: exactly as many bytes as it has, or an error.
    ///
    /// # Errors
    /// When it cannot be read; the reader's, when it has changed since it was read first.
    pub fn open(&self) -> io::Result<impl Read + '_> {
        let from: Box<dyn Read + '_> = match &self.place {
            Place::Memory(bytes) => Box::new(&bytes[..]),
            Place::Elsewhere(kept) => kept.open()?,
        };
        Ok(Exact {
            from,
            left: self.size,
        })
    }

    /// Its first bytes, at most `most` of them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn start(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut start = Vec::new();
        self.open()?.take(most).read_to_end(&mut start)?;
        Ok(start)
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn bytes(&self) -> io::Result<Arc<[u8]>> {
        match &self.place {
            Place::Memory(bytes) => Ok(Arc::clone(bytes)),
            Place::Elsewhere(_) => self.start(self.size).map(Arc::from),
        }
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Blob {}

impl fmt::Debug for Blob {
    /// Its digest stands for the content, of which there may be much.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({})", self.digest)
    }
}

/// A reader that fails where its source ends early or has more.
struct Exact<R> {
    from: R,
    left: u64,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)? as u64;
        let early = read == 0 && self.left > 0 && !buffer.is_empty();
        if early || read > self.left {
            return Err(io::Error::other(
                "its size has changed since it was read first",
            ));
        }
        self.left -= read;
        Ok(usize::try_from(read).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    struct Kept(Mutex<Vec<u8>>);

    impl Reopen for Kept {
        fn open(&self) -> io::Result<Box<dyn Read + '_>> {
            Ok(Box::new(io::Cursor::new(self.0.lock().unwrap().clone())))
        }
    }

    #[test]
    fn what_is_kept_elsewhere_is_the_same_until_it_changes() {
        let kept = Arc::new(Kept(Mutex::new(b"0123456789".to_vec())));
        let blob = Blob::elsewhere(kept.clone()).unwrap();
        assert_eq!(blob, Blob::new(&b"0123456789"[..]));
        assert_eq!(blob.size(), 10);
        assert_eq!(blob.start(3).unwrap(), b"012");
        assert_eq!(&blob.bytes().unwrap()[..], b"0123456789");
        for changed in [&b"012345678"[..], b"0123456789+"] {
            *kept.0.lock().unwrap() = changed.to_vec();
            let mut read = Vec::new();
            let error = blob.open().unwrap().read_to_end(&mut read).unwrap_err();
            assert!(error.to_string().contains("has changed"), "{error}");
        }
    }
}
