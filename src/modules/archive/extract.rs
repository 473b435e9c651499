//! Puts members into a tree, by the rules of a profile.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{
    Mode, SFlag, UtimensatFlags, fchmod, fstatat, futimens, makedev, mknodat, utimensat,
};
use nix::unistd::{LinkatFlags, linkat, symlinkat};

use super::member::{Kind, Member};
use super::reader::Reader;
use super::rules::{Devices, Folder, Profile, TIME_MAX, refused, timespec};
use super::tree::Tree;
use crate::error::{Error, Result};
use crate::tree::inside::{climb, normalise, split, strip};
use crate::tree::names::components;
use crate::tree::names::shown;
use crate::tree::root::type_of;

impl Tree<'_> {
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
}
