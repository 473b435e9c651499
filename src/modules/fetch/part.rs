//! The file that is being written, `<path>.part`. It is locked, hashed as it grows, and renamed when it is complete.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::tree::{digest, replace};

/// Bytes that are read, hashed and written at a time.
pub(super) const CHUNK: usize = 128 << 10;

/// Identifies the server's copy that the bytes came from.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) url: String,
    /// A strong `ETag`, or else `Last-Modified`.
    pub(super) validator: Option<String>,
    /// The size of the whole file, if the server announced it.
    pub(super) total: Option<u64>,
}

pub(super) struct Part {
    path: PathBuf,
    file: Flock<File>,
    hasher: Sha256,
    length: u64,
    /// The bytes came in several transfers, so they may be from two different files.
    pub(super) patched: bool,
    /// Where the bytes came from, if this process fetched them.
    pub(super) origin: Option<Origin>,
}

impl Part {
    /// Opens and locks the file beside `path`. It may have bytes of an earlier run. `wait` is called before waiting for
    /// another process. Returns `None` if that process finished: the caller must check `path` again.
    pub(super) fn open(path: &Path, wait: impl Fn()) -> Result<Option<Self>> {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)
            .map_err(|e| Error::io("open", &e).at(&path))?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((file, Errno::EWOULDBLOCK)) => {
                wait();
                lock_waiting(file).map_err(|e| Error::os("flock", e).at(&path))?
            }
            Err((_, errno)) => return Err(Error::os("flock", errno).at(&path)),
        };
        let own = file
            .metadata()
            .map_err(|e| Error::io("stat", &e).at(&path))?;
        // If the process that had the lock renamed or removed the file, this lock is on another file.
        match std::fs::symlink_metadata(&path) {
            Ok(now) if (now.dev(), now.ino()) == (own.dev(), own.ino()) => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("stat", &error).at(&path)),
        }
        let mut part = Self {
            path,
            file,
            hasher: Sha256::new(),
            length: 0,
            patched: own.len() > 0,
            origin: None,
        };
        part.rehash()?;
        Ok(Some(part))
    }

    /// Hashes the bytes in the file, so that hashing can continue after them.
    pub(super) fn rehash(&mut self) -> Result<()> {
        self.hasher = Sha256::new();
        self.length = 0;
        let mut buffer = vec![0; CHUNK];
        let fail = |e| Error::io("read", &e).at(&self.path);
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        loop {
            let count = read(&mut file, &mut buffer).map_err(fail)?;
            if count == 0 {
                return Ok(());
            }
            self.hasher.update(&buffer[..count]);
            self.length += count as u64;
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.length
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// The first bytes of the file.
    pub(super) fn start(&self, count: usize) -> Result<Vec<u8>> {
        let mut start = vec![0; count];
        let got = self.file.read_at(&mut start, 0);
        start.truncate(got.map_err(|e| Error::io("read", &e).at(&self.path))?);
        Ok(start)
    }

    /// The digest of the bytes so far.
    pub(super) fn digest(&self) -> String {
        digest::hex(&self.hasher.clone().finalize())
    }

    /// Adds bytes. `goal` is the size of the whole file, if known; the message about a full disk uses it.
    pub(super) fn write(&mut self, bytes: &[u8], goal: Option<u64>) -> Result<()> {
        self.hasher.update(bytes);
        let result = (&*self.file).write_all(bytes);
        self.length += bytes.len() as u64;
        result.map_err(|error| self.write_error(&error, goal))
    }

    fn write_error(&self, error: &std::io::Error, goal: Option<u64>) -> Error {
        let mut report = Error::io("write", error).at(&self.path);
        if matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT)) {
            let there = self.file.metadata().map_or(0, |m| m.len());
            let needed = match goal {
                Some(goal) => format!("{} more bytes are needed", goal.saturating_sub(there)),
                None => format!("more than {there} bytes are needed"),
            };
            report.message = format!("{}: {needed}", report.message);
        }
        report
    }

    /// Drops all bytes.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.file
            .set_len(0)
            .and_then(|()| (&*self.file).seek(SeekFrom::Start(0)))
            .map_err(|e| Error::io("truncate", &e).at(&self.path))?;
        self.hasher = Sha256::new();
        self.length = 0;
        self.patched = false;
        self.origin = None;
        Ok(())
    }

    /// Removes the file.
    pub(super) fn remove(self) -> Result<()> {
        std::fs::remove_file(&self.path).map_err(|e| Error::io("unlink", &e).at(&self.path))
    }

    /// Moves the file to `path` durably: syncs the content, renames, and syncs the folder.
    pub(super) fn commit(self, path: &Path) -> Result<()> {
        replace::rename(&self.file, &self.path, path, true)
    }
}

fn lock_waiting(mut file: File) -> std::result::Result<Flock<File>, Errno> {
    loop {
        match Flock::lock(file, FlockArg::LockExclusive) {
            Ok(locked) => return Ok(locked),
            Err((same, Errno::EINTR)) => file = same,
            Err((_, errno)) => return Err(errno),
        }
    }
}

/// One read, repeated if a signal interrupts it.
pub(super) fn read(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The digest and size of a file; `None` if there is none.
pub(super) fn digest_of(path: &Path) -> Result<Option<(String, u64)>> {
    match digest::of_file(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.errno == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}
