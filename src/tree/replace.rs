//! Writes files atomically: under a temporary name beside their place, or under none, followed by a rename.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};

use crate::error::{Error, Result};

/// A temporary name keeps this many bytes of the name, so that it stays below the limit of file systems (255 bytes).
const KEPT: usize = 200;

/// An unused name beside a path: `.NAME.partial-…`.
pub(crate) fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let time = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().as_bytes();
    let mut temporary = [b".", &name[..name.len().min(KEPT)]].concat();
    temporary.extend(format!(".partial-{}-{time:08x}{count}", std::process::id()).bytes());
    path.with_file_name(OsString::from_vec(temporary))
}

/// The parent folder of a path.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Renames a file to its place. With `sync` it survives a power failure: first the content is written to the disk, then the
/// name.
pub(crate) fn rename(file: &File, from: &Path, to: &Path, sync: bool) -> Result<()> {
    if sync {
        file.sync_all()
            .map_err(|e| Error::io("fsync", &e).at(from))?;
    }
    std::fs::rename(from, to).map_err(|e| Error::io("rename", &e).at(to))?;
    if sync {
        let folder = folder_of(to);
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|e| Error::io("fsync", &e).at(folder))?;
    }
    Ok(())
}

/// A file in a folder that has no name yet: nothing is left of it, whatever ends this program. `None` where the file system has
/// no such files, or the file could get no name later: its name is made from the one in `/proc`.
fn unnamed(folder: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_TMPFILE.bits())
        .mode(0o666)
        .open(folder)
        .ok()?;
    std::fs::metadata(own_link(&file)).is_ok().then_some(file)
}

/// The link in `/proc` that leads to an open file.
fn own_link(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// A new file that is not in its place yet. It is removed unless it is committed.
#[derive(Debug)]
pub(crate) struct Replacement {
    file: File,
    /// Empty if the file has no name.
    temporary: PathBuf,
    path: PathBuf,
}

/// Refuses what cannot be a file's path.
fn require_name(path: &Path) -> Result<()> {
    if path.file_name().is_none() {
        return Err(Error::new("write", "not_a_file", "not the name of a file").at(path));
    }
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()) {
        return Err(Error::os("write", nix::errno::Errno::EISDIR).at(path));
    }
    Ok(())
}

impl Replacement {
    /// Creates a large file with the default mode of new files. Where it can be, it has no name until it is whole, since a signal may
    /// end this program while it is written.
    pub(crate) fn create_large(path: &Path) -> Result<Self> {
        require_name(path)?;
        match unnamed(folder_of(path)) {
            Some(file) => Ok(Self {
                file,
                temporary: PathBuf::new(),
                path: path.to_owned(),
            }),
            None => Self::create(path, None),
        }
    }

    /// Creates the file with exactly this mode, or with the default mode of new files.
    pub(crate) fn create(path: &Path, mode: Option<u32>) -> Result<Self> {
        require_name(path)?;
        loop {
            let temporary = beside(path);
            // It is readable too: a writer may read back what it wrote.
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            // Set-id bits are set below, as on a file that exists: `process.attribute_keeper` notes them.
            match options
                .mode(mode.unwrap_or(0o666) & 0o1777)
                .open(&temporary)
            {
                Ok(file) => {
                    let new = Self {
                        file,
                        temporary,
                        path: path.to_owned(),
                    };
                    // The umask may have cleared bits.
                    if let Some(mode) = mode {
                        let set = new.file.set_permissions(Permissions::from_mode(mode));
                        set.map_err(|e| Error::io("chmod", &e).at(path))?;
                    }
                    return Ok(new);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("create", &error).at(path)),
            }
        }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file a temporary name, if it has none.
    fn name(&mut self, sync: bool) -> Result<()> {
        if sync {
            // What is named next is gone a moment later: the long wait comes before.
            let synced = self.file.sync_all();
            synced.map_err(|e| Error::io("fsync", &e).at(&self.path))?;
        }
        while self.temporary.as_os_str().is_empty() {
            let temporary = beside(&self.path);
            let follow = AtFlags::AT_SYMLINK_FOLLOW;
            match nix::unistd::linkat(
                AT_FDCWD,
                &own_link(&self.file),
                AT_FDCWD,
                &temporary,
                follow,
            ) {
                Ok(()) => self.temporary = temporary,
                Err(nix::errno::Errno::EEXIST) => {}
                Err(error) => return Err(Error::os("link", error).at(&self.path)),
            }
        }
        Ok(())
    }

    /// Renames the file to its place.
    pub(crate) fn commit(mut self, sync: bool) -> Result<()> {
        if self.temporary.as_os_str().is_empty() {
            self.name(sync)?;
        }
        rename(&self.file, &self.temporary, &self.path, sync).map_err(|error| {
            // The error names the final path: the temporary name would not help the user.
            error.at(&self.path)
        })?;
        self.temporary = PathBuf::new();
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            // An error here is ignored: the failure before it is reported already.
            drop(std::fs::remove_file(&self.temporary));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use super::{Replacement, beside};

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries
            .map(|entry| entry.expect("an entry").file_name().into_string())
            .collect::<Result<_, _>>()
            .expect("plain names")
    }

    #[test]
    fn a_file_is_there_when_it_is_committed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out");
        for sync in [true, false] {
            std::fs::write(&path, "old").expect("writes");
            let new = Replacement::create(&path, Some(0o602)).expect("creates");
            new.file().write_all(b"new").expect("writes");
            assert_eq!(std::fs::read(&path).expect("reads"), b"old");
            new.commit(sync).expect("renames");
            assert_eq!(std::fs::read(&path).expect("reads"), b"new");
            let mode = std::fs::metadata(&path).expect("is there").mode();
            assert_eq!(mode & 0o7777, 0o602);
            assert_eq!(names(folder.path()), ["out"]);
        }
    }

    #[test]
    fn what_is_not_committed_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let new = Replacement::create(&folder.path().join("out"), None).expect("creates");
        assert_eq!(names(folder.path()).len(), 1);
        drop(new);
        assert!(names(folder.path()).is_empty());
        assert!(Replacement::create(folder.path(), None).is_err());
        assert!(Replacement::create(&folder.path().join(".."), None).is_err());
    }

    #[test]
    fn long_names_have_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x".repeat(255));
        let new = Replacement::create(&path, None).expect("creates");
        new.commit(false).expect("renames");
        assert!(path.exists());
        assert_ne!(beside(&path), beside(&path));
    }

    #[test]
    fn a_large_file_has_no_name_until_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("large");
        let has_none = super::unnamed(folder.path()).is_some();
        for text in ["first", "second"] {
            let before = names(folder.path());
            let new = Replacement::create_large(&path).expect("it is created");
            new.file()
                .write_all(text.as_bytes())
                .expect("it is written");
            assert_eq!(names(folder.path()) == before, has_none);
            drop(new);
            assert_eq!(names(folder.path()), before);
            let new = Replacement::create_large(&path).expect("it is created");
            new.file()
                .write_all(text.as_bytes())
                .expect("it is written");
            new.commit(true).expect("it is named");
            assert_eq!(names(folder.path()), ["large"]);
            assert_eq!(std::fs::read_to_string(&path).expect("it is there"), text);
        }
        assert!(Replacement::create_large(folder.path()).is_err());
        assert!(Replacement::create_large(&folder.path().join("none/large")).is_err());
    }
}
