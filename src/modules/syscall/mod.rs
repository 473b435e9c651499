//! `bq.syscall`: the kernel's calls under the kernel's names.

mod capability;
mod filter;
mod mount;
mod names;

use std::fs;
use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::path::Path;

use mlua::{Lua, LuaString, Table, Value};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sched::CloneFlags;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid};
use serde::Deserialize;

use super::arguments::{Bytes, options, required, table, text};
use crate::error::{Error, Result, native};
use crate::kernel::descriptor::close_from;
use crate::kernel::{limit, parent, signal};
use names::{NAMESPACES, flags};

pub(crate) fn module(lua: &Lua, module: &Table) -> mlua::Result<()> {
    native(lua, module, "unshare", unshare)?;
    native(lua, module, "setns", setns)?;
    native(lua, module, "write_proc_self_map", write_proc_self_map)?;
    mount::add(lua, module)?;
    capability::add(lua, module)?;
    filter::add(lua, module)?;
    native(lua, module, "chroot", |_, path: Bytes| {
        at("chroot", &path, nix::unistd::chroot(&*path))
    })?;
    native(lua, module, "chdir", |_, path: Bytes| {
        at("chdir", &path, nix::unistd::chdir(&*path))
    })?;
    native(lua, module, "fchdir", |_, fd: RawFd| {
        os("fchdir", nix::unistd::fchdir(borrow(fd)?))
    })?;
    native(lua, module, "open_path", open_path)?;
    native(lua, module, "close", |_, fd: RawFd| {
        borrow(fd)?;
        // SAFETY: the descriptor is open, and the script says that it gives it up.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
        Ok(())
    })?;
    native(lua, module, "pipe", |_, ()| {
        let (reader, writer) = os("pipe", nix::unistd::pipe2(OFlag::O_CLOEXEC))?;
        Ok(vec![reader.into_raw_fd(), writer.into_raw_fd()])
    })?;
    native(lua, module, "set_nonblocking", |_, fd: RawFd| {
        let fd = borrow(fd)?;
        let flags = OFlag::from_bits_retain(os("fcntl", fcntl(fd, FcntlArg::F_GETFL))?);
        os(
            "fcntl",
            fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)),
        )?;
        Ok(())
    })?;
    native(lua, module, "write", |_, (fd, data): (RawFd, LuaString)| {
        os("write", nix::unistd::write(borrow(fd)?, &data.as_bytes()))
    })?;
    native(lua, module, "close_range", close_range)?;
    native(lua, module, "sethostname", |_, name: Bytes| {
        os("sethostname", nix::unistd::sethostname(name.0))
    })?;
    native(lua, module, "setdomainname", |_, name: Bytes| {
        let bytes = name.0.as_encoded_bytes();
        // SAFETY: the pointer and the length are those of one live slice.
        check(
            "setdomainname",
            unsafe { libc::setdomainname(bytes.as_ptr().cast(), bytes.len()) }.into(),
        )
    })?;
    ids(lua, module)?;
    native(lua, module, "setsid", |_, ()| {
        os("setsid", nix::unistd::setsid()).map(nix::unistd::Pid::as_raw)
    })?;
    native(lua, module, "umask", |_, mask: u32| {
        Ok(nix::sys::stat::umask(Mode::from_bits_truncate(mask)).bits())
    })?;
    native(lua, module, "set_no_new_privs", |_, ()| {
        os("prctl", nix::sys::prctl::set_no_new_privs())
    })?;
    native(
        lua,
        module,
        "set_parent_death_signal",
        set_parent_death_signal,
    )?;
    native(lua, module, "set_dumpable", |_, on: bool| {
        os("prctl", nix::sys::prctl::set_dumpable(on))
    })?;
    native(
        lua,
        module,
        "setrlimit",
        |_, (name, soft, hard): (String, u64, Option<u64>)| {
            os(
                "setrlimit",
                nix::sys::resource::setrlimit(limit::resource(&name)?, soft, hard.unwrap_or(soft)),
            )
        },
    )?;
    native(lua, module, "loopback_up", |_, ()| loopback_up())?;
    native(lua, module, "uname", uname)
}

fn ids(lua: &Lua, module: &Table) -> mlua::Result<()> {
    native(lua, module, "getpid", |_, ()| Ok(std::process::id()))?;
    native(lua, module, "getppid", |_, ()| {
        Ok(nix::unistd::getppid().as_raw())
    })?;
    native(lua, module, "getuid", |_, ()| {
        Ok(nix::unistd::getuid().as_raw())
    })?;
    native(lua, module, "getgid", |_, ()| {
        Ok(nix::unistd::getgid().as_raw())
    })?;
    native(lua, module, "geteuid", |_, ()| {
        Ok(nix::unistd::geteuid().as_raw())
    })?;
    native(lua, module, "getegid", |_, ()| {
        Ok(nix::unistd::getegid().as_raw())
    })?;
    native(lua, module, "setuid", |_, id: u32| {
        let id = Uid::from_raw(id);
        os("setresuid", nix::unistd::setresuid(id, id, id))
    })?;
    native(lua, module, "setgid", |_, id: u32| {
        let id = Gid::from_raw(id);
        os("setresgid", nix::unistd::setresgid(id, id, id))
    })?;
    native(lua, module, "setgroups", |_, ids: Vec<u32>| {
        let ids: Vec<Gid> = ids.into_iter().map(Gid::from_raw).collect();
        os("setgroups", nix::unistd::setgroups(&ids))
    })
}

/// A failed call becomes an error under the call's name.
fn os<T>(op: &str, result: nix::Result<T>) -> Result<T> {
    result.map_err(|errno| Error::os(op, errno))
}

fn at<T>(op: &str, path: &Path, result: nix::Result<T>) -> Result<T> {
    result.map_err(|errno| Error::os(op, errno).at(path))
}

/// The result of a call that returns -1 and sets errno.
fn check(op: &str, result: libc::c_long) -> Result<()> {
    if result < 0 {
        Err(Error::os(op, Errno::last()))
    } else {
        Ok(())
    }
}

fn set_parent_death_signal(_: &Lua, name: String) -> Result<()> {
    let signal = signal::number(&name)?;
    os("prctl", nix::sys::prctl::set_pdeathsig(Some(signal)))?;
    if parent::has_ended() {
        // The signal has come too early. Process 1 of a namespace would take none from here.
        // SAFETY: ends the process; nothing of it runs after.
        unsafe { libc::_exit(128 + signal as i32) }
    }
    Ok(())
}

/// A descriptor from a script, seen to be open.
fn borrow(fd: RawFd) -> Result<BorrowedFd<'static>> {
    // SAFETY: F_GETFD looks at a number and has no other effect; -1 means that it is not open.
    if fd < 0 || unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(Error::os("fcntl", Errno::EBADF).at(fd.to_string()));
    }
    // SAFETY: the descriptor is open now, and the borrow is used for one call only.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

fn unshare(_: &Lua, names: Vec<String>) -> Result<()> {
    let set: CloneFlags = flags("unshare", NAMESPACES, &names)?;
    nix::sched::unshare(set).map_err(|errno| Error::os("unshare", errno).at(names.join(",")))
}

fn setns(_: &Lua, (fd, name): (RawFd, Option<String>)) -> Result<()> {
    let set = flags("setns", NAMESPACES, name.as_slice())?;
    os("setns", nix::sched::setns(borrow(fd)?, set))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Map {
    #[serde(default)]
    uid: u32,
    #[serde(default)]
    gid: u32,
    outer_uid: u32,
    outer_gid: u32,
}

/// In this order, each file once: the kernel refuses a `gid_map` before setgroups is denied.
fn write_proc_self_map(lua: &Lua, value: Value) -> Result<()> {
    let map: Map = required(lua, "write_proc_self_map", value)?;
    let write = |path: &str, text: String| {
        fs::write(path, text).map_err(|error| Error::io("write", &error).at(path))
    };
    write("/proc/self/setgroups", "deny".into())?;
    write(
        "/proc/self/uid_map",
        format!("{} {} 1", map.uid, map.outer_uid),
    )?;
    write(
        "/proc/self/gid_map",
        format!("{} {} 1", map.gid, map.outer_gid),
    )
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OpenPath {
    directory: bool,
    nofollow: bool,
}

fn open_path(lua: &Lua, (path, value): (Bytes, Value)) -> Result<RawFd> {
    let how: OpenPath = options(lua, "open_path", value)?;
    let mut set = OFlag::O_PATH | OFlag::O_CLOEXEC;
    set.set(OFlag::O_DIRECTORY, how.directory);
    set.set(OFlag::O_NOFOLLOW, how.nofollow);
    at("open", &path, nix::fcntl::open(&*path, set, Mode::empty())).map(IntoRawFd::into_raw_fd)
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CloseRange {
    keep: Vec<RawFd>,
    now: bool,
}

fn close_range(lua: &Lua, (first, value): (RawFd, Value)) -> Result<()> {
    let how: CloseRange = options(lua, "close_range", value)?;
    close_from(first, &how.keep, how.now).map_err(|errno| Error::os("close_range", errno))
}

/// Sets `IFF_UP` on `lo`, which a new network namespace has, but down.
fn loopback_up() -> Result<()> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    let socket = os(
        "socket",
        socket(
            AddressFamily::Inet,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            None,
        ),
    )?;
    // SAFETY: an ifreq is plain numbers, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *slot = *byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq behind the pointer, which is valid for that.
    let result = unsafe {
        libc::ioctl(
            std::os::fd::AsRawFd::as_raw_fd(&socket),
            libc::SIOCSIFFLAGS as libc::Ioctl,
            &raw const request,
        )
    };
    check("ioctl", result.into()).map_err(|error| error.at("lo"))
}

fn uname(lua: &Lua, (): ()) -> Result<Table> {
    let info = os("uname", nix::sys::utsname::uname())?;
    let out = table(lua)?;
    for (name, value) in [
        ("sysname", info.sysname()),
        ("nodename", info.nodename()),
        ("release", info.release()),
        ("version", info.version()),
        ("machine", info.machine()),
    ] {
        out.raw_set(name, text(lua, value)?)?;
    }
    Ok(out)
}
