//! A temporary folder beside the target. One rename makes it the target; on failure it is removed.

use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::error::{Error, Result};
use crate::tree::remove::remove_quietly;
use crate::tree::replace::beside;

/// The folder that is filled.
#[derive(Debug)]
pub(super) struct Staging {
    target: PathBuf,
    /// The folder beside the target. `None` if the target itself is filled.
    temporary: Option<PathBuf>,
    /// The target had files before.
    shared: bool,
    /// The target is filled in place and was empty. It is emptied again on failure.
    empties: bool,
    /// Folders above the target that were made, the topmost first.
    above: Vec<PathBuf>,
    done: bool,
}

impl Staging {
    /// With `merge` the target is filled in place, unless it is absent or empty.
    pub(super) fn new(target: &Path, merge: bool) -> Result<Self> {
        let fail = |op: &str, error: &std::io::Error| Error::io(op, error).at(target);
        let mut staging = Self {
            target: target.to_owned(),
            temporary: None,
            shared: false,
            empties: false,
            above: Vec::new(),
            done: false,
        };
        let mut mode = 0o755;
        match fs::canonicalize(target) {
            Ok(real) => {
                let stat = fs::metadata(&real).map_err(|e| fail("stat", &e))?;
                let mut entries = fs::read_dir(&real).map_err(|e| fail("open", &e))?;
                if entries.next().is_some() {
                    if !merge {
                        return Err(Error::os("extract", Errno::ENOTEMPTY).at(target));
                    }
                    staging.shared = true;
                }
                let mount = real
                    .parent()
                    .is_none_or(|p| fs::metadata(p).is_ok_and(|p| p.dev() != stat.dev()));
                staging.target = real;
                if staging.shared || mount {
                    staging.empties = !staging.shared;
                    return Ok(staging);
                }
                mode = stat.mode() & 0o7777;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => staging.make_above(target)?,
            Err(error) => return Err(fail("open", &error)),
        }
        let temporary = beside(&staging.target);
        DirBuilder::new()
            .mode(0o700)
            .create(&temporary)
            .map_err(|e| fail("mkdir", &e))?;
        staging.temporary = Some(temporary.clone());
        fs::set_permissions(&temporary, Permissions::from_mode(mode))
            .map_err(|e| fail("chmod", &e))?;
        Ok(staging)
    }

    fn make_above(&mut self, target: &Path) -> Result<()> {
        let mut missing: Vec<&Path> = target
            .ancestors()
            .skip(1)
            .filter(|p| !p.as_os_str().is_empty())
            .take_while(|p| !p.exists())
            .collect();
        missing.reverse();
        for folder in missing {
            match fs::create_dir(folder) {
                Ok(()) => self.above.push(folder.to_owned()),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("mkdir", &error).at(folder)),
            }
        }
        Ok(())
    }

    /// The folder to fill.
    pub(super) fn path(&self) -> &Path {
        self.temporary.as_deref().unwrap_or(&self.target)
    }

    /// Whether the target had files before.
    pub(super) fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether the target itself is filled.
    pub(super) fn is_in_place(&self) -> bool {
        self.temporary.is_none()
    }

    /// Makes the filled folder the target.
    pub(super) fn commit(mut self) -> Result<()> {
        if let Some(temporary) = &self.temporary {
            fs::rename(temporary, &self.target)
                .map_err(|e| Error::io("rename", &e).at(&self.target))?;
        }
        self.done = true;
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        if let Some(temporary) = &self.temporary {
            remove_quietly(temporary);
        } else if self.empties {
            for entry in fs::read_dir(&self.target).into_iter().flatten().flatten() {
                remove_quietly(&entry.path());
            }
        }
        for folder in self.above.iter().rev() {
            // This fails if another program has put files into it, and that is right.
            drop(fs::remove_dir(folder));
        }
    }
}
