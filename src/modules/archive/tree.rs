//! A tree that archives are unpacked into. Every file is made relative to an open folder inside the tree.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fchmod, fstatat, futimens, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::member::Limits;
use super::rules::{Folder, Placed, Profile, Rules, Summary, failed, refused, set_owner, timespec};
use crate::error::{Error, Result};
use crate::tree::inside::split;
use crate::tree::names::shown;
use crate::tree::root::Root;
use crate::tree::steps::type_of;

/// A tree that archives are unpacked into.
pub(super) struct Tree<'r> {
    pub(super) root: Root,
    pub(super) rules: &'r Rules,
    pub(super) umask: u32,
    folders: BTreeMap<Vec<u8>, Folder>,
    order: u64,
    /// Links that are checked again at the end, when all members are unpacked.
    pub(super) links_to_recheck: Vec<Vec<u8>>,
    pub(super) summary: Summary,
    /// All names that were unpacked, in order. `None` if they are not recorded.
    pub(super) record: Option<Vec<Placed>>,
}

impl<'r> Tree<'r> {
    pub(super) fn new(root: Root, rules: &'r Rules, umask: u32) -> Self {
        Self {
            root,
            rules,
            umask,
            folders: BTreeMap::new(),
            order: 0,
            links_to_recheck: Vec::new(),
            summary: Summary::default(),
            record: None,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        self.rules.limits
    }

    /// The parent folder of a name, made if it is absent, and the last component of the name.
    pub(super) fn parent<'n>(&mut self, name: &'n [u8]) -> Result<(Rc<OwnedFd>, &'n [u8])> {
        let Self {
            root,
            folders,
            rules,
            ..
        } = self;
        let mtime = rules.mtime.map(|seconds| (seconds, 0));
        let mut made = |folder: &[u8]| {
            let state = Folder {
                mode: 0o755,
                mtime,
                owner: None,
                order: 0,
            };
            folders.insert(folder.to_vec(), state);
        };
        root.parent(name, Some(&mut made))
            .map_err(|errno| failed("open", name, errno))
    }

    /// A name with the links in its parent folders resolved.
    pub(super) fn real(&mut self, name: &[u8]) -> Result<Vec<u8>> {
        let (folder, last) = split(name);
        let mut real = self
            .root
            .real(folder)
            .map_err(|errno| Error::os("readlink", errno).at(shown(name)))?;
        if !real.is_empty() && !last.is_empty() {
            real.push(b'/');
        }
        real.extend_from_slice(last);
        Ok(real)
    }

    /// Records a name that was unpacked, with links resolved: the links themselves are moved separately.
    pub(super) fn placed(&mut self, name: &[u8], folder: Option<Folder>) -> Result<()> {
        if self.record.is_some() {
            let real = self.real(name)?;
            self.record.get_or_insert_default().push((real, folder));
        }
        Ok(())
    }

    /// Removes what has the name, so that a file or link can take it. Refuses to remove a folder.
    fn clear(&mut self, parent: &OwnedFd, last: &[u8], name: &[u8]) -> Result<()> {
        let stat = fstatat(parent, last, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(|errno| Error::os("stat", errno).at(shown(name)))?;
        match type_of(&stat) {
            SFlag::S_IFDIR => return Err(refused(name, "a folder is in its place")),
            // The link may have led to folders that are open. Names through it now lead elsewhere.
            SFlag::S_IFLNK => self.root.forget(),
            _ => {}
        }
        unlinkat(parent, last, UnlinkatFlags::NoRemoveDir)
            .map_err(|errno| Error::os("unlink", errno).at(shown(name)))
    }

    /// Makes a file, link or node. If the name exists, removes it first.
    pub(super) fn make<T>(
        &mut self,
        op: &str,
        name: &[u8],
        make: impl Fn(&OwnedFd, &[u8]) -> nix::Result<T>,
    ) -> Result<T> {
        let (parent, last) = self.parent(name)?;
        let result = match make(&parent, last) {
            Err(Errno::EEXIST) => {
                self.clear(&parent, last, name)?;
                make(&parent, last)
            }
            result => result,
        };
        result.map_err(|errno| Error::os(op, errno).at(shown(name)))
    }

    /// Makes a folder if it is absent. Its mode and time are set at the end.
    pub(super) fn folder(&mut self, name: &[u8], state: Folder) -> Result<()> {
        if !name.is_empty() {
            let (parent, last) = self.parent(name)?;
            match mkdirat(&*parent, last, Mode::from_bits_truncate(0o755)) {
                Ok(()) => {}
                Err(Errno::EEXIST) => {
                    let stat = fstatat(&*parent, last, AtFlags::AT_SYMLINK_NOFOLLOW)
                        .map_err(|errno| Error::os("stat", errno).at(shown(name)))?;
                    let kind = type_of(&stat);
                    if kind == SFlag::S_IFLNK && self.rules.profile == Profile::Rootfs {
                        // For example a merged /usr: the link stays, and the folder's content goes to the link's target.
                        let found = self.root.folder(name, None);
                        found.map_err(|errno| failed("open", name, errno))?;
                        return self.placed(name, Some(state));
                    }
                    if kind != SFlag::S_IFDIR {
                        return Err(refused(name, "something that is no folder is in its place"));
                    }
                }
                Err(errno) => return Err(Error::os("mkdir", errno).at(shown(name))),
            }
        }
        self.order += 1;
        let order = self.order;
        self.folders
            .insert(name.to_vec(), Folder { order, ..state });
        self.placed(name, Some(state))
    }

    /// Checks the recorded links again. Sets the modes and times of folders, the deepest first.
    pub(super) fn finish(&mut self) -> Result<()> {
        for name in std::mem::take(&mut self.links_to_recheck) {
            if self.root.leaves(&name) {
                return Err(refused(&name, "a link that leads outside"));
            }
        }
        if self.rules.profile == Profile::Rootfs {
            self.join_names()?;
        }
        for (name, folder) in std::mem::take(&mut self.folders).into_iter().rev() {
            self.settle(&name, folder)
                .map_err(|errno| Error::os("chmod", errno).at(shown(&name)))?;
        }
        Ok(())
    }

    /// Links can give one folder several names. Keeps only the attributes of the last entry of each folder.
    fn join_names(&mut self) -> Result<()> {
        let mut last: HashMap<(u64, u64), (u64, &[u8])> = HashMap::new();
        let mut others = Vec::new();
        for (name, folder) in &self.folders {
            let found = self.root.folder(name, None);
            let stat = found.and_then(|fd| fstatat(&*fd, c"", AtFlags::AT_EMPTY_PATH));
            let stat = stat.map_err(|errno| Error::os("stat", errno).at(shown(name)))?;
            let this = (folder.order, name.as_slice());
            if let Some(that) = last.get_mut(&(stat.st_dev, stat.st_ino)) {
                others.push(this.min(*that).1.to_vec());
                *that = this.max(*that);
            } else {
                last.insert((stat.st_dev, stat.st_ino), this);
            }
        }
        for name in others {
            self.folders.remove(&name);
        }
        Ok(())
    }

    fn settle(&mut self, name: &[u8], folder: Folder) -> nix::Result<()> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let own;
        let fd = if name.is_empty() {
            self.root.top()
        } else {
            let (parent, last) = self.root.parent(name, None)?;
            own = openat(&*parent, last, flags, Mode::empty())?;
            &own
        };
        if let Some(owner) = folder.owner {
            set_owner(fd, b"", owner)?;
        }
        fchmod(fd, Mode::from_bits_truncate(folder.mode))?;
        if let Some(time) = folder.mtime {
            let time = timespec(time);
            futimens(fd, &time, &time)?;
        }
        Ok(())
    }
}
