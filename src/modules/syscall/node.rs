//! mknod(2): device nodes, FIFOs and plain files.

use mlua::Lua;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, SFlag, makedev, mknodat};

use super::outcome::at;
use crate::error::{Error, Result};
use crate::lua::bytes::Bytes;

options! {
    pub(super) struct Node {
        path: Bytes,
        r#type: String,
        mode: u32 = 0o644,
        major: u64 = 0,
        minor: u64 = 0,
    }
}

pub(super) fn mknod(_: &Lua, node: Node) -> Result<()> {
    let kind = match node.r#type.as_str() {
        "file" => SFlag::S_IFREG,
        "char" => SFlag::S_IFCHR,
        "block" => SFlag::S_IFBLK,
        "fifo" => SFlag::S_IFIFO,
        other => {
            return Err(Error::argument(
                "mknod",
                format!("unknown type `{other}`, expected one of file, char, block, fifo"),
            ));
        }
    };
    let mode = Mode::from_bits_truncate(node.mode);
    let device = makedev(node.major, node.minor);
    let result = mknodat(AT_FDCWD, &*node.path, kind, mode, device);
    at("mknod", &node.path, result)
}
