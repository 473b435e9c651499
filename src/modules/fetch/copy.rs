//! Files on this machine: cloned if the file system supports that, copied otherwise.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::libc;

use super::failure::{Failure, Next};
use super::part::{CHUNK, Part, read};
use crate::error::Error;
use crate::tree::open;

/// Fills the part with a file's content. The file may have at most `limit` bytes.
pub(super) fn copy(from: &Path, part: &mut Part, limit: u64) -> Result<(), Failure> {
    let source = open::file(from).map_err(|e| source_failure(&e))?;
    let about = source
        .metadata()
        .map_err(|e| source_failure(&Error::io("stat", &e).at(from)))?;
    if about.len() > limit {
        let message = format!("it has {} bytes, at most {limit} are wanted", about.len());
        return Err(Failure::new("too_large", Next::OtherUrl, message));
    }
    part.restart()?;
    if clone(&source, part.file()) {
        return Ok(part.rehash()?);
    }
    let mut source = source;
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = read(&mut source, &mut buffer)
            .map_err(|e| source_failure(&Error::io("read", &e).at(from)))?;
        if count == 0 {
            return Ok(());
        }
        if part.len() + count as u64 > limit {
            part.restart()?;
            let message = format!("it has grown above the {limit} bytes that are wanted");
            return Err(Failure::new("too_large", Next::OtherUrl, message));
        }
        part.write(&buffer[..count], Some(about.len()))?;
    }
}

/// An error of the file that is copied. Another source may succeed.
fn source_failure(error: &Error) -> Failure {
    Failure::new(&error.code, Next::OtherUrl, error.to_string())
}

fn clone(from: &File, to: &File) -> bool {
    // SAFETY: FICLONE takes two file descriptors, which are open for as long as this call.
    unsafe { libc::ioctl(to.as_raw_fd(), libc::FICLONE, from.as_raw_fd()) == 0 }
}
