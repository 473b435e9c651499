//! `bq.json`: canonical JSON.

use mlua::serde::SerializeOptions;
use mlua::{Lua, LuaSerdeExt, LuaString, Table, Value};
use serde::Serialize;
use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::lua::module::Module;

/// The deepest nesting of data. The limit also catches cycles.
const MAX_DEPTH: usize = 100;

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    let empty = lua.create_table()?;
    empty.set_metatable(Some(lua.array_metatable()))?;
    Module::new(lua, "json")
        .value("null", lua.null())
        .value("empty_array", empty)
        .function("encode", encode)
        .function("decode", decode)
        .function("text", text)
        .function("array", array)
        .build()
}

options! {
    struct EncodeOptions {
        pretty: bool = false,
    }
}

fn encode(lua: &Lua, (value, options): (Value, EncodeOptions)) -> Result<LuaString> {
    let value = to_json(lua, &value, 0)?;
    let fail = |e: serde_json::Error| Error::argument("encode", e.to_string());
    let mut out = Vec::new();
    if options.pretty {
        value
            .serialize(&mut serde_json::Serializer::pretty(&mut out))
            .map_err(fail)?;
        out.push(b'\n');
    } else {
        serde_json::to_writer(&mut out, &value).map_err(fail)?;
    }
    Ok(lua.create_string(out)?)
}

/// Text as UTF-8. Invalid bytes are replaced.
fn text(lua: &Lua, text: LuaString) -> Result<LuaString> {
    Ok(lua.create_string(text.to_string_lossy())?)
}

/// Marks a table as a list, even if it is empty.
fn array(lua: &Lua, table: Table) -> Result<Table> {
    table.set_metatable(Some(lua.array_metatable()))?;
    Ok(table)
}

/// Converts a Lua value to JSON. `serde_json` sorts the keys of objects by their bytes.
fn to_json(lua: &Lua, value: &Value, depth: usize) -> Result<Json> {
    let bad = |text: String| Err(Error::argument("encode", text));
    match value {
        Value::Nil => Ok(Json::Null),
        Value::LightUserData(_) if *value == lua.null() => Ok(Json::Null),
        Value::Boolean(flag) => Ok(Json::Bool(*flag)),
        Value::Integer(number) => Ok(Json::from(*number)),
        Value::Number(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => Ok(Json::Number(number)),
            None => bad(format!("the number {number} has no JSON")),
        },
        Value::String(text) => match text.to_str() {
            Ok(text) => Ok(Json::String(text.to_owned())),
            Err(_) => bad(format!("`{}` is not UTF-8", text.to_string_lossy())),
        },
        Value::Table(_) if depth >= MAX_DEPTH => bad(format!(
            "data nested deeper than {MAX_DEPTH} levels, or in a cycle"
        )),
        Value::Table(table) => from_table(lua, table, depth),
        other => bad(format!("a {} has no JSON", other.type_name())),
    }
}

fn from_table(lua: &Lua, table: &Table, depth: usize) -> Result<Json> {
    let length = table.raw_len();
    if length > 0
        || table
            .metatable()
            .is_some_and(|meta| meta == lua.array_metatable())
    {
        let mut items = Vec::with_capacity(length);
        for index in 1..=length {
            items.push(to_json(lua, &table.raw_get(index)?, depth + 1)?);
        }
        // If a list has holes, Lua may return the position before any of them as its length.
        let whole = (1..=length).all(|index| !matches!(table.raw_get(index), Ok(Value::Nil)));
        if !whole || table.pairs::<Value, Value>().count() != length {
            return Err(Error::argument(
                "encode",
                "a table that is both a list and a map, or a list with holes",
            ));
        }
        return Ok(Json::Array(items));
    }
    let mut map = serde_json::Map::new();
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let Value::String(key) = &key else {
            return Err(Error::argument(
                "encode",
                format!("a {} as the key of a map", key.type_name()),
            ));
        };
        let Json::String(key) = to_json(lua, &Value::String(key.clone()), depth)? else {
            continue;
        };
        map.insert(key, to_json(lua, &value, depth + 1)?);
    }
    Ok(Json::Object(map))
}

fn decode(lua: &Lua, text: LuaString) -> Result<Value> {
    let value: Json = serde_json::from_slice(&text.as_bytes())
        .map_err(|e| Error::new("decode", "format", e.to_string()))?;
    let rules = SerializeOptions::new()
        .set_array_metatable(true)
        .serialize_none_to_null(true)
        .serialize_unit_to_null(true);
    Ok(lua.to_value_with(&value, rules)?)
}
