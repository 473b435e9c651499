//! `bq.fs`: see `lua-lib/meta/fs.lua`.

use mlua::{Lua, Table};

pub(crate) fn module(_lua: &Lua, _module: &Table) -> mlua::Result<()> {
    Ok(())
}
