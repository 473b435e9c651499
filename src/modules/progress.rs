//! `bq.progress`: see `lua-lib/meta/progress.lua`.

use mlua::{Lua, Table};

pub(crate) fn module(_lua: &Lua, _module: &Table) -> mlua::Result<()> {
    Ok(())
}
