//! `bq.digest`: see `lua-lib/meta/digest.lua`.

use mlua::{Lua, Table};

pub(crate) fn module(_lua: &Lua, _module: &Table) -> mlua::Result<()> {
    Ok(())
}
