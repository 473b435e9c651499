//! `bq.process`: see `lua-lib/meta/process.lua`.

use mlua::{Lua, Table};

pub(crate) fn module(_lua: &Lua, _module: &Table) -> mlua::Result<()> {
    Ok(())
}
