//! A process that records the set-id bits and capabilities that its children set on files. The calls succeed, but the files do
//! not get these attributes: otherwise other users could run them with the owner's privileges.

mod create;
mod filter;
mod listener;
mod machine;
mod notes;
mod raise;
mod target;

use std::cell::RefCell;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::rc::Rc;
use std::time::Instant;

use mlua::{Lua, Table};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};

use super::ended::Ended;
use super::reap;
use crate::error::{Error, Result};
use crate::kernel::signal;
use crate::lua::module::Module;
use notes::{Notes, What};

struct Keeper {
    /// The ends of the socket through which the child sends its listener: the receiver and the sender.
    ends: Option<(OwnedFd, OwnedFd)>,
    notes: Notes,
    /// What `uname(2)` says of the architecture; the kernel says it if absent.
    machine: Option<String>,
}

options! {
    pub(super) struct KeeperOptions {
        machine: Option<String>,
    }
}

pub(super) fn keeper(lua: &Lua, options: KeeperOptions) -> Result<Table> {
    let ends = socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
    .map_err(|errno| Error::os("socketpair", errno))?;
    let keeper = Rc::new(RefCell::new(Keeper {
        ends: Some(ends),
        notes: Notes::default(),
        machine: options.machine,
    }));
    let (watch, reap) = (Rc::clone(&keeper), Rc::clone(&keeper));
    let (kept, removed) = (Rc::clone(&keeper), Rc::clone(&keeper));
    let object = Module::new(lua, "keeper")
        .function("watch", move |_, _: Table| watch.borrow_mut().watch())
        .function("reap", move |lua, (_, pid): (Table, i32)| {
            reap.borrow_mut().reap(lua, pid)
        })
        .function("attributes", move |lua, _: Table| {
            attributes(lua, &kept.borrow().notes, false)
        })
        .function("removed", move |lua, _: Table| {
            attributes(lua, &removed.borrow().notes, true)
        })
        .function("refused", move |lua, _: Table| {
            refused(lua, &keeper.borrow().notes)
        });
    Ok(object.build()?)
}

fn refused(lua: &Lua, notes: &Notes) -> Result<Table> {
    let list = lua.create_table()?;
    for one in notes.refused() {
        let entry = lua.create_table()?;
        let what = match one.what {
            What::Mode => "mode",
            What::Capability => "capability",
        };
        entry.raw_set("what", what)?;
        let path = one.path.as_ref().map(|path| lua.create_string(path));
        entry.raw_set("path", path.transpose()?)?;
        list.raw_push(entry)?;
    }
    Ok(list)
}

fn attributes(lua: &Lua, notes: &Notes, is_removed: bool) -> Result<Table> {
    let list = lua.create_table()?;
    let kept = notes.list();
    let kept = kept.map_err(|errno| Error::os("attributes", errno))?;
    for noted in kept.into_iter().filter(|one| one.is_removed == is_removed) {
        let entry = lua.create_table()?;
        entry.raw_set("path", lua.create_string(&noted.path)?)?;
        entry.raw_set("type", if noted.is_dir { "dir" } else { "file" })?;
        entry.raw_set("dev", noted.dev)?;
        entry.raw_set("ino", noted.ino)?;
        entry.raw_set("mode", noted.mode)?;
        let capability = noted.capability.map(|value| lua.create_string(value));
        entry.raw_set("capability", capability.transpose()?)?;
        list.raw_push(entry)?;
    }
    Ok(list)
}

impl Keeper {
    fn ends(&mut self, op: &str) -> Result<(OwnedFd, OwnedFd)> {
        let used = || Error::argument(op, "this keeper is in use already");
        self.ends.take().ok_or_else(used)
    }

    /// In the child: from now on the keeper records the attributes that this process and its children set.
    fn watch(&mut self) -> Result<()> {
        let (_, to) = self.ends("watch")?;
        let listener = listener::install(self.machine.is_some())
            .map_err(|errno| Error::os("seccomp", errno))?;
        let fds = [listener.as_raw_fd()];
        let message = [ControlMessage::ScmRights(&fds)];
        let data = [IoSlice::new(b"l")];
        sendmsg::<()>(to.as_raw_fd(), &data, &message, MsgFlags::empty(), None)
            .map_err(|errno| Error::os("sendmsg", errno))?;
        Ok(())
    }

    /// Like `process.reap`, but also answers the calls of the child.
    fn reap(&mut self, lua: &Lua, pid: i32) -> Result<Table> {
        let (from, to) = self.ends("reap")?;
        drop(to);
        let started = Instant::now();
        let ended =
            reap::with_signals(lua, &[], |signals| self.serve(pid, started, signals, from))?;
        ended.into_table(lua)
    }

    fn serve(
        &mut self,
        pid: i32,
        started: Instant,
        signals: &SigSet,
        from: OwnedFd,
    ) -> Result<Ended> {
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let events =
            SignalFd::with_flags(signals, flags).map_err(|errno| Error::os("signalfd", errno))?;
        // First this is the socket, then the listener that came through it.
        let (mut source, mut has_listener) = (Some(from), false);
        loop {
            if let Some(ended) = reap::ended(pid, started)? {
                return Ok(ended);
            }
            let mut fds = vec![PollFd::new(events.as_fd(), PollFlags::POLLIN)];
            fds.extend(
                source
                    .iter()
                    .map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)),
            );
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(Error::os("poll", errno)),
            }
            let happened = fds.get(1).and_then(PollFd::revents);
            let happened = happened.unwrap_or(PollFlags::empty());
            while let Some(event) = events
                .read_signal()
                .map_err(|errno| Error::os("read", errno).at("signalfd"))?
            {
                match Signal::try_from(event.ssi_signo.cast_signed()) {
                    Ok(Signal::SIGCHLD) | Err(_) => {}
                    Ok(other) => signal::send(pid, false, other),
                }
            }
            match &source {
                Some(listener) if has_listener && happened.contains(PollFlags::POLLIN) => {
                    listener::serve(listener, &mut self.notes, self.machine.as_deref())
                        .map_err(|errno| Error::os("ioctl", errno).at("seccomp"))?;
                }
                // All watched processes have ended.
                Some(_) if has_listener && !happened.is_empty() => source = None,
                Some(socket) if !happened.is_empty() => {
                    source = receive(socket)?;
                    has_listener = true;
                }
                _ => {}
            }
        }
    }
}

/// Receives the listener from the child. `None` if the child ended before it sent one.
fn receive(socket: &OwnedFd) -> Result<Option<OwnedFd>> {
    let mut byte = [0];
    let mut data = [IoSliceMut::new(&mut byte)];
    let mut space = cmsg_space!([i32; 1]);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let fail = |errno| Error::os("recvmsg", errno);
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut data, Some(&mut space), flags);
    let message = message.map_err(fail)?;
    for control in message.cmsgs().map_err(fail)? {
        if let ControlMessageOwned::ScmRights(fds) = control
            && let Some(fd) = fds.first()
        {
            // SAFETY: the kernel has just made the descriptor for this message.
            return Ok(Some(unsafe { OwnedFd::from_raw_fd(*fd) }));
        }
    }
    Ok(None)
}
