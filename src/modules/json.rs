//! `bq.json`: canonical JSON.

use mlua::serde::{DeserializeOptions, SerializeOptions};
use mlua::{Lua, LuaSerdeExt, Table, Value};
use serde::Serialize;

use crate::error::{Error, Result, native};

pub(crate) fn module(lua: &Lua, module: &Table) -> mlua::Result<()> {
    module.raw_set("null", lua.null())?;
    let empty = lua.create_table()?;
    empty.set_metatable(Some(lua.array_metatable()))?;
    module.raw_set("empty_array", empty)?;
    native(lua, module, "encode", encode)?;
    native(lua, module, "decode", decode)?;
    native(lua, module, "array", |lua, table: Table| {
        table
            .set_metatable(Some(lua.array_metatable()))
            .map_err(|e| Error::argument("array", e.to_string()))?;
        Ok(table)
    })
}

fn encode(lua: &Lua, (value, options): (Value, Option<Table>)) -> Result<mlua::LuaString> {
    let pretty = options
        .and_then(|o| o.get::<bool>("pretty").ok())
        .unwrap_or(false);
    let rules = DeserializeOptions::new()
        .deny_unsupported_types(true)
        .deny_recursive_tables(true)
        .detect_mixed_tables(true)
        .sort_keys(true);
    // Through serde_json's own value, whose maps are sorted by byte whatever the keys' Lua types.
    let value: serde_json::Value = lua.from_value_with(value, rules).map_err(|e| bad(&e))?;
    let mut out = Vec::new();
    if pretty {
        let mut serializer = serde_json::Serializer::pretty(&mut out);
        value
            .serialize(&mut serializer)
            .map_err(|e| Error::argument("encode", e.to_string()))?;
        out.push(b'\n');
    } else {
        serde_json::to_writer(&mut out, &value)
            .map_err(|e| Error::argument("encode", e.to_string()))?;
    }
    lua.create_string(out)
        .map_err(|e| Error::argument("encode", e.to_string()))
}

fn bad(error: &mlua::Error) -> Error {
    Error::argument(
        "encode",
        match error {
            mlua::Error::DeserializeError(text) => text.clone(),
            other => other.to_string(),
        },
    )
}

fn decode(lua: &Lua, text: mlua::LuaString) -> Result<Value> {
    let value: serde_json::Value = serde_json::from_slice(&text.as_bytes())
        .map_err(|e| Error::new("decode", "format", e.to_string()))?;
    let rules = SerializeOptions::new()
        .set_array_metatable(true)
        .serialize_none_to_null(true)
        .serialize_unit_to_null(true);
    lua.to_value_with(&value, rules)
        .map_err(|e| Error::new("decode", "format", e.to_string()))
}
