//! Calls that resize what is in use: a partition, and the file system that is on it.

use std::ffi::{c_char, c_int, c_longlong, c_void};
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;

use mlua::Lua;

use crate::error::{Error, Result};
use crate::lua::bytes::Bytes;

/// `struct blkpg_partition` of linux/blkpg.h.
#[repr(C)]
struct Partition {
    start: c_longlong,
    length: c_longlong,
    number: c_int,
    device: [c_char; 64],
    volume: [c_char; 64],
}

/// `struct blkpg_ioctl_arg`, and its `BLKPG_RESIZE_PARTITION`.
#[repr(C)]
struct Argument {
    operation: c_int,
    flags: c_int,
    length: c_int,
    data: *mut c_void,
}
const RESIZE_PARTITION: c_int = 3;

// linux/blkpg.h: BLKPG is _IO(0x12, 105).
nix::ioctl_write_ptr_bad!(blkpg, 0x1269, Argument);
// fs/ext4/ext4.h: EXT4_IOC_RESIZE_FS is _IOW('f', 16, __u64).
nix::ioctl_write_ptr!(resize_fs, b'f', 16, u64);

options! {
    pub(super) struct Resize {
        device: Bytes,
        index: c_int,
        start: c_longlong,
        size: c_longlong,
    }
}

pub(super) fn resize_partition(_: &Lua, options: Resize) -> Result<()> {
    let path = options.device.path();
    let failed = |e: &std::io::Error| Error::io("open", e).at(path);
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(|e| failed(&e))?;
    let mut partition = Partition {
        start: options.start,
        length: options.size,
        number: options.index,
        device: [0; 64],
        volume: [0; 64],
    };
    let argument = Argument {
        operation: RESIZE_PARTITION,
        flags: 0,
        length: size_of::<Partition>() as c_int,
        data: (&raw mut partition).cast(),
    };
    // SAFETY: the descriptor is open, and the argument points to a partition that outlives the call.
    let result = unsafe { blkpg(file.as_raw_fd(), &raw const argument) };
    result
        .map(drop)
        .map_err(|errno| Error::os("ioctl", errno).at(path))
}

pub(super) fn ext4_resize(_: &Lua, (path, blocks): (Bytes, u64)) -> Result<()> {
    let path = path.path();
    let file = File::open(path).map_err(|e| Error::io("open", &e).at(path))?;
    // SAFETY: the descriptor is open, and the number outlives the call.
    let result = unsafe { resize_fs(file.as_raw_fd(), &raw const blocks) };
    result
        .map(drop)
        .map_err(|errno| Error::os("ioctl", errno).at(path))
}
