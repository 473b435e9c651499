//! `bq.fetch`: see `lua-lib/meta/fetch.lua`.

use mlua::{Lua, Table};

pub(crate) fn module(_lua: &Lua, _module: &Table) -> mlua::Result<()> {
    Ok(())
}
