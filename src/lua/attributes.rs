//! Tables of attributes by path.

use mlua::{Lua, LuaString, Table, Value};

use super::value::{Field, Wrong};
use crate::error::Result;
use crate::tree::attributes::{Attribute, Attributes, is_capability};
use crate::tree::digest::hex;
use crate::tree::inside::normalise;
use crate::tree::names::shown;

options! {
    struct AttributeOptions {
        uid: Option<Id>,
        gid: Option<Id>,
        mode: Option<Mode>,
        capabilities: Option<Capabilities>,
    }
}

/// A user or group number. The largest number is not allowed: in system calls it means "no change".
struct Id(u32);

impl Field for Id {
    fn read(value: Value, lua: &Lua) -> std::result::Result<Self, Wrong> {
        match u32::read(value, lua)? {
            u32::MAX => Err(Wrong::says("no number of a user or group")),
            id => Ok(Self(id)),
        }
    }
}

struct Mode(u32);

impl Field for Mode {
    fn read(value: Value, lua: &Lua) -> std::result::Result<Self, Wrong> {
        match u32::read(value, lua)? {
            mode @ 0..=0o7777 => Ok(Self(mode)),
            _ => Err(Wrong::says("more than permission bits")),
        }
    }
}

struct Capabilities(Vec<u8>);

impl Field for Capabilities {
    fn read(value: Value, lua: &Lua) -> std::result::Result<Self, Wrong> {
        let text = LuaString::read(value, lua)?;
        unhex(&text.as_bytes())
            .filter(|value| is_capability(value))
            .map(Self)
            .ok_or_else(|| Wrong::says("not the capabilities of a file, in hexadecimal"))
    }
}

impl Field for Attributes {
    fn read(value: Value, lua: &Lua) -> std::result::Result<Self, Wrong> {
        let mut all = Self::new();
        for pair in Table::read(value, lua)?.pairs::<Value, Value>() {
            let (key, fields) = pair.map_err(|error| Wrong::says(error.to_string()))?;
            let raw = LuaString::read(key, lua)?.as_bytes().to_vec();
            let within = |wrong: Wrong| wrong.within(&shown(&raw));
            let path = normalise(&raw).map_err(|why| within(Wrong::says(why)))?;
            // Paths must be in plain form, so that no two keys are the same path.
            if path != raw && raw != b"." {
                return Err(within(Wrong::says("no plain path")));
            }
            let fields = AttributeOptions::read(fields, lua).map_err(within)?;
            let attribute = Attribute {
                uid: fields.uid.map(|id| id.0),
                gid: fields.gid.map(|id| id.0),
                mode: fields.mode.map(|mode| mode.0),
                capabilities: fields.capabilities.map(|value| value.0),
            };
            all.insert(path, attribute);
        }
        Ok(all)
    }
}

/// Converts attributes to a Lua table.
pub(crate) fn table_of_attributes(lua: &Lua, attributes: &Attributes) -> Result<Table> {
    let all = lua.create_table()?;
    for (path, attribute) in attributes {
        let fields = lua.create_table()?;
        fields.raw_set("uid", attribute.uid)?;
        fields.raw_set("gid", attribute.gid)?;
        fields.raw_set("mode", attribute.mode)?;
        fields.raw_set("capabilities", attribute.capabilities.as_deref().map(hex))?;
        let path: &[u8] = if path.is_empty() { b"." } else { path };
        all.raw_set(lua.create_string(path)?, fields)?;
    }
    Ok(all)
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |&byte: &u8| char::from(byte).to_digit(16);
    text.len().is_multiple_of(2).then_some(())?;
    text.chunks_exact(2)
        .map(|two| Some((digit(&two[0])? * 16 + digit(&two[1])?) as u8))
        .collect()
}
