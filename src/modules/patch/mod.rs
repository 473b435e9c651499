//! `bq.patch`: applies unified and git patches to a tree, exactly or not at all.

use mlua::{Lua, LuaString, Table};

mod apply;
mod binary;
mod broken;
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

use crate::error::Result;
use crate::lua::bytes::Bytes;
use crate::lua::module::Module;
use apply::Done;
use section::Action;

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "patch").function("apply", apply).build()
}

options! {
    struct PatchOptions {
        text: LuaString,
        root: Bytes,
        strip: Option<usize>,
        fuzz: usize = 0,
    }
}

fn apply(lua: &Lua, options: PatchOptions) -> Result<Table> {
    let how = apply::Options {
        strip: options.strip,
        fuzz: options.fuzz,
    };
    let (strip, done) = apply::apply(&options.text.as_bytes(), &options.root, &how)?;
    Ok(table_of(lua, strip, &done)?)
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
