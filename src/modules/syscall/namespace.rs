//! Namespaces, and the setup of a new one.

use std::fs;
use std::os::fd::AsRawFd;

use mlua::{Lua, Table};
use nix::libc;
use nix::sched::CloneFlags;

use super::names::{NAMESPACES, flags};
use super::outcome::{check, os};
use crate::error::{Error, Result};
use crate::lua::bytes::{Bytes, text};
use crate::lua::descriptor::Descriptor;

pub(super) fn unshare(_: &Lua, names: Vec<String>) -> Result<()> {
    let set: CloneFlags = flags("unshare", NAMESPACES, &names)?;
    nix::sched::unshare(set).map_err(|errno| Error::os("unshare", errno).at(names.join(",")))
}

pub(super) fn setns(_: &Lua, (descriptor, name): (Descriptor, Option<String>)) -> Result<()> {
    let set = flags("setns", NAMESPACES, name.as_slice())?;
    descriptor.with("setns", |fd| os("setns", nix::sched::setns(fd, set)))
}

options! {
    pub(super) struct Map {
        uid: u32 = 0,
        gid: u32 = 0,
        outer_uid: u32,
        outer_gid: u32,
    }
}

/// Writes each file once, in this order: the kernel refuses a `gid_map` before setgroups is denied.
pub(super) fn write_proc_self_map(_: &Lua, map: Map) -> Result<()> {
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

pub(super) fn sethostname(_: &Lua, name: Bytes) -> Result<()> {
    os("sethostname", nix::unistd::sethostname(name.0))
}

pub(super) fn setdomainname(_: &Lua, name: Bytes) -> Result<()> {
    let bytes = name.0.as_encoded_bytes();
    // SAFETY: pointer and length are those of one slice that lives for the call.
    let result = unsafe { libc::setdomainname(bytes.as_ptr().cast(), bytes.len()) };
    check("setdomainname", result.into())
}

/// Sets `IFF_UP` on `lo`. In a new network namespace it is down.
pub(super) fn loopback_up(_: &Lua, (): ()) -> Result<()> {
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
    // SAFETY: an ifreq consists of numbers, for which zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *slot = *byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq behind the pointer, which is valid for that.
    let result = unsafe {
        libc::ioctl(
            socket.as_raw_fd(),
            libc::SIOCSIFFLAGS as libc::Ioctl,
            &raw const request,
        )
    };
    check("ioctl", result.into()).map_err(|error| error.at("lo"))
}

pub(super) fn uname(lua: &Lua, (): ()) -> Result<Table> {
    let info = os("uname", nix::sys::utsname::uname())?;
    let out = lua.create_table()?;
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
