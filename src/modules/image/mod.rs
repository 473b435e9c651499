//! `bq.image`: disk images, written and read without root, loop devices or mounts. See `lua-lib/meta/image.lua`.

use mlua::{Lua, Table};

use crate::lua::module::Module;

mod bytes;
mod detect;
mod disk;
mod ext4;
mod fat;
mod gpt;
mod grow;
mod inspect;
mod output;
mod qcow2;
mod read_at;
mod segments;
mod volume;
mod write;

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "image")
        .function("write", write::write)
        .function("fat32", write::fat32)
        .function("grow", grow::grow)
        .function("info", inspect::info)
        .function("list", inspect::list)
        .function("read", inspect::read)
        .build()
}
