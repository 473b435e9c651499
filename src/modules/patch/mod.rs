//! `bq.patch`: applies unified and git patches to a tree, exactly or not at all.

use mlua::{Lua, LuaString, Table};

mod apply;
mod binary;
mod change;
mod commit;
mod hunk;
mod mismatch;
mod parse;
mod place;
mod quote;
mod section;
mod state;
mod strip;

use super::archive::Options;
use crate::error::{Error, Result, native};
use apply::Done;
use section::Action;

pub(crate) fn module(lua: &Lua, module: &Table) -> mlua::Result<()> {
    native(lua, module, "apply", apply)
}

fn apply(lua: &Lua, table: Table) -> Result<Table> {
    let options = Options::new(
        lua,
        "patch",
        Some(table),
        &["text", "root", "strip", "fuzz"],
    )?;
    let missing = || Error::argument("patch", "option `text` is missing");
    let text: LuaString = options.get("text")?.ok_or_else(missing)?;
    let root = options.path("root")?;
    let how = apply::Options {
        strip: options.count("strip")?.map(|count| count as usize),
        fuzz: options.count("fuzz")?.unwrap_or(0) as usize,
    };
    let (strip, done) = apply::apply(&text.as_bytes(), &root, &how)?;
    table_of(lua, strip, &done).map_err(|error| Error::new("patch", "lua", error.to_string()))
}

fn table_of(lua: &Lua, strip: usize, done: &[Done]) -> mlua::Result<Table> {
    let files = lua.create_table()?;
    for file in done {
        let entry = lua.create_table()?;
        entry.raw_set("path", lua.create_string(&file.path)?)?;
        let action = match file.action {
            Action::Modify => "modify",
            Action::Create => "create",
            Action::Delete => "delete",
            Action::Rename => "rename",
            Action::Copy => "copy",
        };
        entry.raw_set("action", action)?;
        if let Some(from) = &file.from {
            entry.raw_set("from", lua.create_string(from)?)?;
        }
        entry.raw_set("mode", file.mode)?;
        entry.raw_set("binary", file.binary)?;
        let hunks = lua.create_table()?;
        for hunk in &file.hunks {
            let place = lua.create_table()?;
            place.raw_set("line", hunk.line)?;
            place.raw_set("offset", hunk.offset)?;
            place.raw_set("fuzz", hunk.fuzz)?;
            hunks.raw_push(place)?;
        }
        entry.raw_set("hunks", hunks)?;
        files.raw_push(entry)?;
    }
    let out = lua.create_table()?;
    out.raw_set("strip", strip)?;
    out.raw_set("files", files)?;
    Ok(out)
}
