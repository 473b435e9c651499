//! Arguments that only images have.

use std::fmt;

use mlua::{FromLua, Lua, Table, Value};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use crate::error::{Error, Result};

/// A file's content: any bytes.
#[derive(Debug)]
pub(super) struct Blob(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Blob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> std::result::Result<Blob, E> {
                Ok(Blob(text.as_bytes().to_vec()))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> std::result::Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }

        deserializer.deserialize_any(Text)
    }
}

/// A copy of a table without one of its keys, and that key's value.
pub(super) fn split<T: FromLua>(
    lua: &Lua,
    op: &str,
    table: &Table,
    key: &str,
) -> Result<(Table, Option<T>)> {
    let out = lua.create_table()?;
    for pair in table.pairs::<Value, Value>() {
        let (name, value) = pair?;
        out.raw_set(name, value)?;
    }
    out.raw_set(key, Value::Nil)?;
    let value = table.get(key);
    let value = value.map_err(|e| Error::argument(op, format!("`{key}`: {e}")))?;
    Ok((out, value))
}
