//! Writes the changes from memory to the tree: all of them, or none.

use std::fs::File;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, fchmod, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};

use super::state::{Entry, Found, Known, State};
use crate::error::{Error, Result};
use crate::tree::inside::split;
use crate::tree::names::shown;
use crate::tree::root::Root;

/// A step that was done. It is undone if a later one fails.
enum Step {
    /// The file was moved into the temporary folder, under this number.
    MovedOut(Vec<u8>, usize),
    /// The file was moved to its place from the temporary folder.
    MovedIn(Vec<u8>, usize),
    Made(Vec<u8>),
    Removed(Vec<u8>, Mode),
}

struct Commit {
    root: Root,
    /// A temporary folder in the tree. It has new files before they are in place, and old files that were moved away.
    aside: Vec<u8>,
    steps: Vec<Step>,
    count: usize,
}

pub(super) fn commit(state: State) -> Result<()> {
    let changed: Vec<(Vec<u8>, Known)> = state
        .known
        .into_iter()
        .filter(|(_, known)| known.changed)
        .collect();
    let time = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.subsec_nanos());
    let mut commit = Commit {
        root: state.root,
        aside: format!(".patch-{}-{time:08x}", std::process::id()).into_bytes(),
        steps: Vec::new(),
        count: 0,
    };
    let failed = |name: &[u8]| {
        let name = shown(name);
        move |errno| Error::os("patch", errno).at(name)
    };
    mkdirat(commit.root.top(), commit.aside.as_slice(), Mode::S_IRWXU)
        .map_err(failed(&commit.aside))?;
    let result = commit
        .all(&changed)
        .map_err(|(name, errno)| failed(&name)(errno));
    if result.is_err() {
        commit.undo();
    }
    commit.clean();
    result
}

type Outcome<T> = std::result::Result<T, (Vec<u8>, Errno)>;

impl Commit {
    fn all(&mut self, changed: &[(Vec<u8>, Known)]) -> Outcome<()> {
        let mut new = Vec::new();
        for (name, known) in changed {
            if let Found::Entry(entry) = &known.found {
                let number = self.write(entry).map_err(|errno| (name.clone(), errno))?;
                new.push((name, number));
            }
        }
        for (name, _) in changed.iter().filter(|(_, known)| known.on_disk) {
            self.move_out(name).map_err(|errno| (name.clone(), errno))?;
        }
        for (name, known) in changed {
            if known.on_disk && matches!(known.found, Found::Nothing) {
                self.remove_empty(split(name).0, &new)
                    .map_err(|errno| (name.clone(), errno))?;
            }
        }
        self.root.forget();
        for (name, number) in new {
            self.move_in(name, number)
                .map_err(|errno| (name.clone(), errno))?;
        }
        Ok(())
    }

    fn number(&mut self) -> usize {
        self.count += 1;
        self.count
    }

    /// The name of a file in the temporary folder.
    fn aside(&self, number: usize) -> Vec<u8> {
        [self.aside.as_slice(), b"/", number.to_string().as_bytes()].concat()
    }

    fn write(&mut self, entry: &Entry) -> nix::Result<usize> {
        let number = self.number();
        let name = self.aside(number);
        let (folder, last) = self.root.parent(&name, None)?;
        if entry.link {
            symlinkat(&*entry.content, &folder, last)?;
            return Ok(number);
        }
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut file = File::from(openat(&folder, last, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
        let result = file.write_all(&entry.content);
        result.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
        fchmod(&file, Mode::from_bits_truncate(entry.mode))?;
        Ok(number)
    }

    /// Moves an old file into the temporary folder.
    fn move_out(&mut self, name: &[u8]) -> nix::Result<()> {
        let number = self.number();
        let aside = self.aside(number);
        let (folder, last) = self.root.parent(name, None)?;
        let (other, other_last) = self.root.parent(&aside, None)?;
        renameat(&folder, last, &other, other_last)?;
        self.steps.push(Step::MovedOut(name.to_vec(), number));
        Ok(())
    }

    /// Moves a new file to its place. Makes the folders above it.
    fn move_in(&mut self, name: &[u8], number: usize) -> nix::Result<()> {
        let aside = self.aside(number);
        let steps = &mut self.steps;
        let mut tell = |folder: &[u8]| steps.push(Step::Made(folder.to_vec()));
        let (folder, last) = self.root.parent(name, Some(&mut tell))?;
        let (other, other_last) = self.root.parent(&aside, None)?;
        // Another program may have made a file there in the meantime.
        match fstatat(&folder, last, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => {}
            Ok(_) => return Err(Errno::EEXIST),
            Err(errno) => return Err(errno),
        }
        renameat(&other, other_last, &folder, last)?;
        self.steps.push(Step::MovedIn(name.to_vec(), number));
        Ok(())
    }

    /// Removes a folder that is empty now and gets no new file. Then does the same for the folders above it.
    fn remove_empty(&mut self, folder: &[u8], new: &[(&Vec<u8>, usize)]) -> nix::Result<()> {
        let mut folder = folder;
        let is_below = |name: &[u8], folder: &[u8]| {
            name.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with(b"/"))
        };
        while !folder.is_empty() && !new.iter().any(|(name, _)| is_below(name, folder)) {
            let (above, last) = match self.root.parent(folder, None) {
                Err(Errno::ENOENT) => return Ok(()),
                result => result?,
            };
            let stat = match fstatat(&above, last, AtFlags::AT_SYMLINK_NOFOLLOW) {
                Err(Errno::ENOENT) => return Ok(()),
                result => result?,
            };
            match unlinkat(&above, last, UnlinkatFlags::RemoveDir) {
                Ok(()) => {}
                Err(Errno::ENOTEMPTY | Errno::EEXIST) => return Ok(()),
                Err(errno) => return Err(errno),
            }
            self.steps.push(Step::Removed(
                folder.to_vec(),
                Mode::from_bits_truncate(stat.st_mode),
            ));
            self.root.forget();
            folder = split(folder).0;
        }
        Ok(())
    }

    /// Undoes the steps, the last one first. Errors are ignored: nothing better can be done.
    fn undo(&mut self) {
        while let Some(step) = self.steps.pop() {
            self.root.forget();
            let _ = self.undo_step(&step);
        }
    }

    fn undo_step(&mut self, step: &Step) -> nix::Result<()> {
        match step {
            Step::MovedOut(name, number) | Step::MovedIn(name, number) => {
                let aside = self.aside(*number);
                let (other, number_name) = self.root.parent(&aside, None)?;
                let (folder, last) = self.root.parent(name, None)?;
                if matches!(step, Step::MovedOut(..)) {
                    renameat(&other, number_name, &folder, last)
                } else {
                    renameat(&folder, last, &other, number_name)
                }
            }
            Step::Made(name) => {
                let (folder, last) = self.root.parent(name, None)?;
                unlinkat(&folder, last, UnlinkatFlags::RemoveDir)
            }
            Step::Removed(name, mode) => {
                let (folder, last) = self.root.parent(name, None)?;
                mkdirat(&folder, last, Mode::S_IRWXU)?;
                let folder = openat(
                    &folder,
                    last,
                    OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC,
                    Mode::empty(),
                )?;
                fchmod(&folder, *mode)
            }
        }
    }

    /// Removes the temporary folder.
    fn clean(&mut self) {
        self.root.forget();
        for number in 1..=self.count {
            let name = self.aside(number);
            if let Ok((folder, last)) = self.root.parent(&name, None) {
                let _ = unlinkat(&folder, last, UnlinkatFlags::NoRemoveDir);
            }
        }
        let _ = unlinkat(
            self.root.top(),
            self.aside.as_slice(),
            UnlinkatFlags::RemoveDir,
        );
    }
}
