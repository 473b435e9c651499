//! Puts members into a tree, by the rules of a profile. Every object is made relative to an open folder inside the tree.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{
    Mode, SFlag, UtimensatFlags, fchmod, fstatat, futimens, makedev, mkdirat, mknodat, utimensat,
};
use nix::unistd::{LinkatFlags, UnlinkatFlags, linkat, symlinkat, unlinkat};

use super::member::{Kind, Limits, Member};
use super::names::{climb, components, normalise, shown, split, strip};
use super::reader::Reader;
use super::root::{Root, type_of};
use super::rules::{
    Devices, Folder, Placed, Profile, Rules, Summary, TIME_MAX, failed, refused, timespec,
};
use crate::error::{Error, Result};

/// A tree that archives are unpacked into.
pub(super) struct Tree<'r> {
    pub(super) root: Root,
    rules: &'r Rules,
    umask: u32,
    folders: BTreeMap<Vec<u8>, Folder>,
    order: u64,
    /// Links that are looked at again when all is in place.
    late: Vec<Vec<u8>>,
    pub(super) summary: Summary,
    /// All that entries put in place, in order, if wanted.
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
            late: Vec::new(),
            summary: Summary::default(),
            record: None,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        self.rules.limits
    }

    /// Puts all members of an archive in place.
    pub(super) fn unpack(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        while let Some(member) = reader.next()? {
            self.member(member, reader)?;
        }
        Ok(())
    }

    fn member(&mut self, member: Member, reader: &mut Reader<'_>) -> Result<()> {
        let rules = self.rules;
        let Some(name) = strip(&member.name, rules.strip) else {
            return Ok(());
        };
        if rules.strip > 0 && name.is_empty() {
            return Ok(());
        }
        let wanted = rules
            .include
            .as_ref()
            .is_none_or(|include| include.cover(name));
        if !wanted || (!rules.exclude.is_empty() && rules.exclude.cover(name)) {
            return Ok(());
        }
        match member.kind {
            Kind::File => self.file(name, &member, reader)?,
            Kind::Dir => self.dir(name, &member)?,
            Kind::Symlink => self.symlink(name, &member)?,
            Kind::Hardlink => self.hardlink(name, &member)?,
            Kind::Char | Kind::Block | Kind::Fifo => match rules.devices {
                Devices::Refuse => return Err(refused(name, "a device node or FIFO")),
                Devices::Create => self.device(name, &member)?,
                Devices::Skip => {
                    self.summary.skipped += 1;
                    return Ok(());
                }
            },
        }
        if let Some(first) = components(name).next()
            && !self.summary.top.contains(first)
        {
            self.summary.top.insert(first.to_vec());
        }
        self.summary.entries += 1;
        self.summary.bytes += member.size;
        Ok(())
    }

    /// The permissions that a member gets.
    fn mode(&self, name: &[u8], member: &Member) -> Result<u32> {
        if self.rules.profile == Profile::Source {
            let executable = member.kind == Kind::Dir || member.mode & 0o111 != 0;
            let special = if self.rules.setid {
                member.mode & 0o7000
            } else {
                0
            };
            return Ok(special | if executable { 0o755 } else { 0o644 });
        }
        if member.mode & 0o6000 != 0 && !self.rules.setid {
            return Err(refused(name, "a set-user-id or set-group-id bit"));
        }
        Ok(member.mode)
    }

    fn time(&self, member: &Member) -> (i64, u32) {
        match self.rules.mtime {
            Some(seconds) => (seconds, 0),
            None if (0..=TIME_MAX).contains(&member.mtime.0) => member.mtime,
            None => (member.mtime.0.clamp(0, TIME_MAX), 0),
        }
    }

    /// The folder that a name lies in, made if it is absent, and its last component.
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
                order: 0,
            };
            folders.insert(folder.to_vec(), state);
        };
        root.parent(name, Some(&mut made))
            .map_err(|errno| failed("open", name, errno))
    }

    fn placed(&mut self, name: &[u8]) {
        if let Some(record) = &mut self.record {
            record.push((name.to_vec(), None));
        }
    }

    /// Makes room for something that is no folder.
    fn clear(&mut self, parent: &OwnedFd, last: &[u8], name: &[u8]) -> Result<()> {
        let stat = fstatat(parent, last, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(|errno| Error::os("stat", errno).at(shown(name)))?;
        match type_of(&stat) {
            SFlag::S_IFDIR => return Err(refused(name, "a folder is in its place")),
            // Folders that were opened through it may now be others.
            SFlag::S_IFLNK => self.root.forget(),
            _ => {}
        }
        unlinkat(parent, last, UnlinkatFlags::NoRemoveDir)
            .map_err(|errno| Error::os("unlink", errno).at(shown(name)))
    }

    /// Makes something, after making room for it if its place is taken.
    fn make<T>(
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

    fn file(&mut self, name: &[u8], member: &Member, reader: &mut Reader<'_>) -> Result<()> {
        let mode = self.mode(name, member)?;
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        // Special bits are set when the content is there, since writing takes them away.
        let plain = Mode::from_bits_truncate(mode & 0o777);
        let fd = self.make("open", name, |parent, last| {
            openat(parent, last, flags, plain)
        })?;
        reader.content(&mut |mut piece| {
            while !piece.is_empty() {
                match nix::unistd::write(&fd, piece) {
                    Ok(count) => piece = &piece[count..],
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(Error::os("write", errno).at(shown(name))),
                }
            }
            Ok(())
        })?;
        if mode & (0o7000 | self.umask) != 0 {
            fchmod(&fd, Mode::from_bits_truncate(mode))
                .map_err(|errno| Error::os("chmod", errno).at(shown(name)))?;
        }
        let time = timespec(self.time(member));
        futimens(&fd, &time, &time).map_err(|errno| Error::os("utimens", errno).at(shown(name)))?;
        self.placed(name);
        Ok(())
    }

    fn dir(&mut self, name: &[u8], member: &Member) -> Result<()> {
        let state = Folder {
            mode: self.mode(name, member)?,
            mtime: Some(self.time(member)),
            order: 0,
        };
        self.folder(name, state)
    }

    /// Makes a folder, or finds it there; its mode and time are set at the end.
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
                        // A merged /usr: the link stays, and what is below goes where it leads.
                        let found = self.root.folder(name, None);
                        found.map_err(|errno| failed("open", name, errno))?;
                        if let Some(record) = &mut self.record {
                            record.push((name.to_vec(), Some(state)));
                        }
                        return Ok(());
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
        if let Some(record) = &mut self.record {
            record.push((name.to_vec(), Some(state)));
        }
        Ok(())
    }

    fn symlink(&mut self, name: &[u8], member: &Member) -> Result<()> {
        let text = member.link.as_slice();
        if self.rules.profile == Profile::Source {
            if text.starts_with(b"/") {
                return Err(refused(name, "a link to an absolute path"));
            }
            let (up, winding) = climb(text);
            if up > components(split(name).0).count() {
                return Err(refused(name, "a link that leads outside"));
            }
            if winding {
                self.late.push(name.to_vec());
            }
        }
        self.make("symlink", name, |parent, last| {
            symlinkat(text, parent, last)
        })?;
        let (parent, last) = self.parent(name)?;
        let time = timespec(self.time(member));
        utimensat(
            &*parent,
            last,
            &time,
            &time,
            UtimensatFlags::NoFollowSymlink,
        )
        .map_err(|errno| Error::os("utimens", errno).at(shown(name)))?;
        self.placed(name);
        Ok(())
    }

    fn hardlink(&mut self, name: &[u8], member: &Member) -> Result<()> {
        let rootfs = self.rules.profile == Profile::Rootfs;
        let raw = match member.link.strip_prefix(b"/") {
            Some(rest) if rootfs => rest,
            _ => &member.link,
        };
        let no_target = |why: &str| refused(name, &format!("a hard link to {why}"));
        let target =
            normalise(raw).map_err(|why| no_target(&format!("a name that is not taken: {why}")))?;
        let target = match strip(&target, self.rules.strip) {
            Some(target) if !target.is_empty() => target,
            _ => return Err(no_target("what was left out")),
        };
        if target == name {
            return Err(no_target("itself"));
        }
        let found = self.root.parent(target, None);
        let (from, from_last) = found.map_err(|_| no_target("what is not there"))?;
        let stat = fstatat(&*from, from_last, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(|_| no_target("what is not there"))?;
        let kind = type_of(&stat);
        if kind != SFlag::S_IFREG && !(rootfs && kind == SFlag::S_IFLNK) {
            return Err(no_target("something that is no file"));
        }
        let (parent, last) = self.parent(name)?;
        if let Ok(there) = fstatat(&*parent, last, AtFlags::AT_SYMLINK_NOFOLLOW)
            && (there.st_dev, there.st_ino) == (stat.st_dev, stat.st_ino)
        {
            self.placed(name);
            return Ok(());
        }
        self.make("link", name, |parent, last| {
            linkat(&*from, from_last, parent, last, LinkatFlags::empty())
        })?;
        self.placed(name);
        Ok(())
    }

    fn device(&mut self, name: &[u8], member: &Member) -> Result<()> {
        let mode = self.mode(name, member)?;
        let kind = match member.kind {
            Kind::Char => SFlag::S_IFCHR,
            Kind::Block => SFlag::S_IFBLK,
            _ => SFlag::S_IFIFO,
        };
        let device = makedev(u64::from(member.device.0), u64::from(member.device.1));
        // Made without any permission that the umask could take away; nothing else knows of the tree yet.
        let permissions = Mode::from_bits_truncate(mode & 0o7777 & !self.umask);
        self.make("mknod", name, |parent, last| {
            mknodat(parent, last, kind, permissions, device)
        })?;
        self.placed(name);
        Ok(())
    }

    /// Looks again at links that wind, and gives folders their modes and times, the deepest first.
    pub(super) fn finish(&mut self) -> Result<()> {
        for name in std::mem::take(&mut self.late) {
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

    /// Through links one folder can have several names; the last entry of them all says how it is.
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
        fchmod(fd, Mode::from_bits_truncate(folder.mode))?;
        if let Some(time) = folder.mtime {
            let time = timespec(time);
            futimens(fd, &time, &time)?;
        }
        Ok(())
    }
}
