//! Unpacks members into a tree, by the rules of a profile.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{
    Mode, SFlag, UtimensatFlags, fchmod, fstatat, futimens, makedev, mknodat, utimensat,
};
use nix::unistd::{LinkatFlags, Whence, ftruncate, linkat, lseek, symlinkat};

use super::member::{Kind, Member, Members};
use super::rules::{Devices, Folder, Owners, Profile, TIME_MAX, refused, set_owner, timespec};
use super::select::Selection;
use super::tree::Tree;
use crate::error::{Error, Result};
use crate::tree::attributes::set_capabilities;
use crate::tree::inside::{climb, normalise, split, strip};
use crate::tree::names::components;
use crate::tree::names::shown;
use crate::tree::steps::type_of;

impl Tree<'_> {
    /// Unpacks all members of an archive.
    pub(super) fn unpack(&mut self, reader: &mut dyn Members) -> Result<()> {
        let mut selection = Selection::new(self.rules);
        while let Some(member) = reader.next()? {
            if let Some(name) = selection.name(&member)? {
                self.member(name, &member, reader)?;
            }
        }
        for (key, count) in reader.dropped() {
            self.summary.drop(&key, count);
        }
        selection.finish()
    }

    fn member(&mut self, name: &[u8], member: &Member, reader: &mut dyn Members) -> Result<()> {
        let rules = self.rules;
        let attribute = self.attribute(name, member)?;
        match member.kind {
            Kind::File => self.file(name, member, reader)?,
            Kind::Dir => self.dir(name, member)?,
            Kind::Symlink => self.symlink(name, member)?,
            Kind::Hardlink => self.hardlink(name, member)?,
            Kind::Char | Kind::Block | Kind::Fifo => match rules.devices {
                Devices::Refuse => return Err(refused(name, "a device node or FIFO")),
                Devices::Create => self.device(name, member)?,
                Devices::Skip => {
                    self.summary.skipped += 1;
                    return Ok(());
                }
            },
        }
        if member.kind != Kind::Hardlink {
            self.record_attribute(name, attribute)?;
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
    fn mode(&mut self, name: &[u8], member: &Member) -> Result<u32> {
        let rules = self.rules;
        let special = member.mode & 0o6000 != 0;
        if rules.profile == Profile::Source {
            let executable = member.kind == Kind::Dir || member.mode & 0o111 != 0;
            let bits = if rules.setid { member.mode & 0o7000 } else { 0 };
            if special && !rules.setid {
                self.summary.drop(b"setid", 1);
            }
            return Ok(bits | if executable { 0o755 } else { 0o644 });
        }
        match rules.owners {
            _ if !special || rules.setid => Ok(member.mode),
            Owners::Drop => Err(refused(name, "a set-user-id or set-group-id bit")),
            Owners::Collect => Ok(member.mode & !0o6000),
            Owners::Apply => Ok(member.mode),
        }
    }

    fn time(&self, member: &Member) -> (i64, u32) {
        match self.rules.mtime {
            Some(seconds) => (seconds, 0),
            None if (0..=TIME_MAX).contains(&member.mtime.0) => member.mtime,
            None => (member.mtime.0.clamp(0, TIME_MAX), 0),
        }
    }

    fn file(&mut self, name: &[u8], member: &Member, reader: &mut dyn Members) -> Result<()> {
        let mode = self.mode(name, member)?;
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        // Special bits are set after the content is written, because writing clears them.
        let plain = Mode::from_bits_truncate(mode & 0o777);
        let fd = self.make("open", name, |parent, last| {
            openat(parent, last, flags, plain)
        })?;
        reader.content(&mut |mut piece| {
            if member.sparse && piece.iter().all(|&byte| byte == 0) {
                return lseek(&fd, piece.len() as i64, Whence::SeekCur)
                    .map(drop)
                    .map_err(|errno| Error::os("seek", errno).at(shown(name)));
            }
            while !piece.is_empty() {
                match nix::unistd::write(&fd, piece) {
                    Ok(count) => piece = &piece[count..],
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(Error::os("write", errno).at(shown(name))),
                }
            }
            Ok(())
        })?;
        if member.sparse {
            // This makes the hole at the end of the file, if there is one.
            ftruncate(&fd, member.size as i64)
                .map_err(|errno| Error::os("truncate", errno).at(shown(name)))?;
        }
        let owner = self.owner(member);
        if let Some(owner) = owner {
            set_owner(&fd, b"", owner)
                .map_err(|errno| Error::os("chown", errno).at(shown(name)))?;
        }
        if owner.is_some() || mode & (0o7000 | self.umask) != 0 {
            fchmod(&fd, Mode::from_bits_truncate(mode))
                .map_err(|errno| Error::os("chmod", errno).at(shown(name)))?;
        }
        if let Some(value) = &member.capabilities
            && self.rules.owners == Owners::Apply
        {
            set_capabilities(&fd, value)
                .map_err(|errno| Error::os("setxattr", errno).at(shown(name)))?;
        }
        let time = timespec(self.time(member));
        futimens(&fd, &time, &time).map_err(|errno| Error::os("utimens", errno).at(shown(name)))?;
        self.placed(name, None)
    }

    fn dir(&mut self, name: &[u8], member: &Member) -> Result<()> {
        let state = Folder {
            mode: self.mode(name, member)?,
            mtime: Some(self.time(member)),
            owner: self.owner(member),
            order: 0,
        };
        self.folder(name, state)
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
                self.links_to_recheck.push(name.to_vec());
            }
        }
        self.make("symlink", name, |parent, last| {
            symlinkat(text, parent, last)
        })?;
        let (parent, last) = self.parent(name)?;
        if let Some(owner) = self.owner(member) {
            set_owner(&parent, last, owner)
                .map_err(|errno| Error::os("chown", errno).at(shown(name)))?;
        }
        let time = timespec(self.time(member));
        utimensat(
            &*parent,
            last,
            &time,
            &time,
            UtimensatFlags::NoFollowSymlink,
        )
        .map_err(|errno| Error::os("utimens", errno).at(shown(name)))?;
        self.placed(name, None)
    }

    fn hardlink(&mut self, name: &[u8], member: &Member) -> Result<()> {
        let rootfs = self.rules.profile == Profile::Rootfs;
        let raw = match member.link.strip_prefix(b"/") {
            Some(rest) if rootfs => rest,
            _ => &member.link,
        };
        let no_target = |why: &str| refused(name, &format!("a hard link to {why}"));
        let target = normalise(raw)
            .map_err(|why| no_target(&format!("a name that is not allowed: {why}")))?;
        let target = match strip(&target, self.rules.strip) {
            Some(target) if !target.is_empty() => target,
            _ => return Err(no_target("a file that was left out")),
        };
        if target == name {
            return Err(no_target("itself"));
        }
        let found = self.root.parent(target, None);
        let (from, from_last) = found.map_err(|_| no_target("a file that does not exist"))?;
        let stat = fstatat(&*from, from_last, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(|_| no_target("a file that does not exist"))?;
        let kind = type_of(&stat);
        if kind != SFlag::S_IFREG && !(rootfs && kind == SFlag::S_IFLNK) {
            return Err(no_target("an entry that is not a file"));
        }
        let (parent, last) = self.parent(name)?;
        if let Ok(there) = fstatat(&*parent, last, AtFlags::AT_SYMLINK_NOFOLLOW)
            && (there.st_dev, there.st_ino) == (stat.st_dev, stat.st_ino)
        {
            return self.placed(name, None);
        }
        self.make("link", name, |parent, last| {
            linkat(&*from, from_last, parent, last, LinkatFlags::empty())
        })?;
        self.placed(name, None)?;
        // Both names are one file, so the link has the attributes of its target, whatever the entry says.
        let same = self.recorded_attribute(target)?;
        self.record_attribute(name, same)
    }

    fn device(&mut self, name: &[u8], member: &Member) -> Result<()> {
        let mode = self.mode(name, member)?;
        let kind = match member.kind {
            Kind::Char => SFlag::S_IFCHR,
            Kind::Block => SFlag::S_IFBLK,
            _ => SFlag::S_IFIFO,
        };
        let device = makedev(u64::from(member.device.0), u64::from(member.device.1));
        // The kernel applies the umask to new nodes, so it is applied here as well.
        let permissions = Mode::from_bits_truncate(mode & 0o7777 & !self.umask);
        self.make("mknod", name, |parent, last| {
            mknodat(parent, last, kind, permissions, device)
        })?;
        if let Some(owner) = self.owner(member) {
            let (parent, last) = self.parent(name)?;
            set_owner(&parent, last, owner)
                .map_err(|errno| Error::os("chown", errno).at(shown(name)))?;
        }
        self.placed(name, None)
    }
}
