//! Writes an output file and renames it into place, so that it is complete or absent.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::bytes::is_zero;
use super::segments::Segments;
use crate::error::{Error, Result};
use crate::tree::replace::Replacement;

/// Called with the number of bytes that are done, and of all bytes.
pub(super) type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> Result<()>;

/// Writes a file under a temporary name beside `path`, syncs it and renames it.
pub(super) fn replace<T>(path: &Path, write: impl FnOnce(&File) -> Result<T>) -> Result<T> {
    let new = Replacement::create_large(path)?;
    // An error of the file itself has no path yet: it gets the output's.
    let result = write(new.file()).map_err(|error| match error.path {
        None if error.errno.is_some() => error.at(path),
        _ => error,
    })?;
    new.commit(true)?;
    Ok(result)
}

pub(super) fn write_at(file: &File, at: u64, data: &[u8]) -> Result<()> {
    file.write_all_at(data, at)
        .map_err(|e| Error::io("write", &e))
}

pub(super) fn set_size(file: &File, size: u64) -> Result<()> {
    file.set_len(size).map_err(|e| Error::io("ftruncate", &e))
}

const CHUNK: u64 = 1 << 20;
const BLOCK: usize = 4096;

/// Writes the disk as a sparse file: ranges of zeros become holes.
pub(super) fn write_raw(file: &File, disk: &Segments, progress: Progress<'_>) -> Result<()> {
    set_size(file, disk.size())?;
    let runs = disk.runs(BLOCK as u64)?;
    let total = runs.iter().map(|run| run.end - run.start).sum();
    let mut done = 0;
    let mut buffer = vec![0; CHUNK as usize];
    for run in runs {
        let mut at = run.start;
        while at < run.end {
            let end = (at + CHUNK).min(run.end);
            let data = &mut buffer[..(end.min(disk.size()) - at) as usize];
            disk.read_at(at, data)?;
            write_blocks(file, at, data)?;
            done += end - at;
            progress(done, total)?;
            at = end;
        }
    }
    Ok(())
}

/// Writes the blocks that are not zero; adjacent blocks in one call.
fn write_blocks(file: &File, at: u64, data: &[u8]) -> Result<()> {
    let mut start = 0;
    while start < data.len() {
        let zero = |from: usize| is_zero(&data[from..data.len().min(from + BLOCK)]);
        let mut end = start;
        while end < data.len() && !zero(end) {
            end += BLOCK;
        }
        let end = end.min(data.len());
        if end > start {
            write_at(file, at + start as u64, &data[start..end])?;
        }
        start = end;
        while start < data.len() && zero(start) {
            start += BLOCK;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{replace, write_at, write_raw};
    use crate::error::Error;
    use crate::modules::image::segments::{Data, Segment, Segments};

    #[test]
    fn a_failure_leaves_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("out");
        let failed: Result<(), Error> = replace(&path, |file| {
            write_at(file, 0, b"half")?;
            Err(Error::os("write", nix::errno::Errno::ENOSPC))
        });
        let error = failed.expect_err("fails");
        assert_eq!(error.path.as_deref(), path.to_str());
        assert_eq!(folder.path().read_dir().expect("lists").count(), 0);
    }

    #[test]
    fn raw_is_the_disk() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("out");
        let mut expected = vec![0; (3 << 20) + 512];
        let mut list = Vec::new();
        for (offset, length) in [
            (0, 512),
            (4096, 9000),
            ((1 << 20) - 1, 70_000),
            (3 << 20, 512),
        ] {
            let data: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            expected[offset..offset + length].copy_from_slice(&data);
            let data = Data::Bytes(data);
            list.push(Segment {
                offset: offset as u64,
                data,
            });
        }
        let disk = Segments::new(list, expected.len() as u64).expect("fits");
        replace(&path, |file| write_raw(file, &disk, &mut |_, _| Ok(()))).expect("writes");
        assert!(std::fs::read(&path).expect("reads") == expected);
    }
}
