//! Strings of Lua as bytes for the kernel: paths, arguments, content.

use std::ffi::OsString;
use std::ops::Deref;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use mlua::{FromLua, Lua, LuaString, Value};

use super::value::{Field, Wrong};
use crate::error::Result;

/// A path or another string that is passed to the kernel with a final zero. It contains no zero itself.
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
        Self::new(&text).map_err(mlua::Error::runtime)
    }
}

impl Bytes {
    fn new(text: &LuaString) -> std::result::Result<Self, &'static str> {
        let bytes = text.as_bytes().to_vec();
        if bytes.contains(&0) {
            return Err("a path cannot hold a zero byte");
        }
        Ok(Self(OsString::from_vec(bytes)))
    }
}

impl Field for Bytes {
    fn read(value: Value, lua: &Lua) -> std::result::Result<Self, Wrong> {
        Self::new(&LuaString::read(value, lua)?).map_err(Wrong::says)
    }
}

impl From<Bytes> for PathBuf {
    fn from(bytes: Bytes) -> Self {
        PathBuf::from(bytes.0)
    }
}

/// Content: any bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl Field for Blob {
    fn read(value: Value, lua: &Lua) -> std::result::Result<Self, Wrong> {
        LuaString::read(value, lua).map(|text| Self(text.as_bytes().to_vec()))
    }
}

/// A SHA-256 as text: 64 hexadecimal digits, in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Sha256Digits(pub(crate) String);

impl Field for Sha256Digits {
    fn read(value: Value, lua: &Lua) -> std::result::Result<Self, Wrong> {
        let text = LuaString::read(value, lua)?.to_string_lossy();
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(Wrong::says(format!(
                "expected 64 hexadecimal digits, got `{text}`"
            )))
        }
    }
}

/// A Lua string from the bytes of a path.
pub(crate) fn text(lua: &Lua, path: impl AsRef<Path>) -> Result<LuaString> {
    Ok(lua.create_string(path.as_ref().as_os_str().as_bytes())?)
}
