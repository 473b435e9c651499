//! How arguments come from Lua: paths as bytes, tables of options with a check for unknown fields.

use std::ffi::OsString;
use std::fmt;
use std::ops::Deref;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use mlua::{FromLua, Lua, LuaSerdeExt, LuaString, Value};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};

use crate::error::{Error, Result};

/// A path or another string of bytes, as the kernel takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Bytes(pub(crate) OsString);

impl Bytes {
    pub(crate) fn path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl AsRef<Path> for Bytes {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

impl Deref for Bytes {
    type Target = Path;

    fn deref(&self) -> &Path {
        self.path()
    }
}

impl FromLua for Bytes {
    fn from_lua(value: Value, lua: &Lua) -> mlua::Result<Self> {
        let text = LuaString::from_lua(value, lua)?;
        let bytes = text.as_bytes().to_vec();
        if bytes.contains(&0) {
            return Err(mlua::Error::runtime("a path cannot hold a zero byte"));
        }
        Ok(Self(OsString::from_vec(bytes)))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Bytes, E> {
                self.visit_bytes(text.as_bytes())
            }

            fn visit_bytes<E: serde::de::Error>(
                self,
                bytes: &[u8],
            ) -> std::result::Result<Bytes, E> {
                if bytes.contains(&0) {
                    return Err(E::custom("a string with a zero byte"));
                }
                Ok(Bytes(OsString::from_vec(bytes.to_vec())))
            }
        }
        deserializer.deserialize_any(Text).map_err(D::Error::custom)
    }
}

/// Reads a table of options; `None` and an absent table give the defaults.
pub(crate) fn options<T: DeserializeOwned + Default>(
    lua: &Lua,
    op: &str,
    value: Value,
) -> Result<T> {
    if value.is_nil() {
        Ok(T::default())
    } else {
        required(lua, op, value)
    }
}

/// Reads a table of options that has to be there.
pub(crate) fn required<T: DeserializeOwned>(lua: &Lua, op: &str, value: Value) -> Result<T> {
    lua.from_value(value).map_err(|error| {
        Error::argument(
            op,
            match error {
                mlua::Error::DeserializeError(text) => text,
                other => other.to_string(),
            },
        )
    })
}

/// A Lua string from the bytes of a path.
pub(crate) fn text(lua: &Lua, path: impl AsRef<Path>) -> Result<LuaString> {
    lua.create_string(path.as_ref().as_os_str().as_bytes())
        .map_err(|e| Error::new("string", "lua", e.to_string()))
}

/// A new Lua table; it fails only where memory ends.
pub(crate) fn table(lua: &Lua) -> Result<mlua::Table> {
    lua.create_table()
        .map_err(|e| Error::new("table", "lua", e.to_string()))
}

impl From<mlua::Error> for Error {
    fn from(error: mlua::Error) -> Self {
        Error::new("lua", "lua", error.to_string())
    }
}

impl From<Bytes> for PathBuf {
    fn from(bytes: Bytes) -> Self {
        PathBuf::from(bytes.0)
    }
}
