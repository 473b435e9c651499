//! Tables of options from Lua: each field by its type, and a word about those that nobody knows.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use mlua::{FromLua, Lua, LuaString, Table, Value};

use crate::error::{Error, Result};

/// The options of one call.
pub(crate) struct Options<'l> {
    lua: &'l Lua,
    op: &'static str,
    table: Option<Table>,
}

impl<'l> Options<'l> {
    /// Takes a table whose fields are all among the known ones.
    pub(crate) fn new(
        lua: &'l Lua,
        op: &'static str,
        table: Option<Table>,
        known: &[&str],
    ) -> Result<Self> {
        let options = Self { lua, op, table };
        for pair in options.table.iter().flat_map(Table::pairs::<Value, Value>) {
            let (key, _) = pair.map_err(|e| Error::argument(op, e.to_string()))?;
            let name = match &key {
                Value::String(name) => name.to_string_lossy(),
                other => other.type_name().to_owned(),
            };
            if !known.contains(&name.as_str()) {
                return Err(Error::argument(
                    op,
                    format!(
                        "unknown option `{name}`, expected one of {}",
                        known.join(", ")
                    ),
                ));
            }
        }
        Ok(options)
    }

    /// A field, or `None` if it is absent.
    pub(crate) fn get<T: FromLua>(&self, name: &str) -> Result<Option<T>> {
        let Some(table) = &self.table else {
            return Ok(None);
        };
        let value: Value = table
            .get(name)
            .map_err(|e| Error::argument(self.op, e.to_string()))?;
        if value.is_nil() {
            return Ok(None);
        }
        let kind = value.type_name();
        T::from_lua(value, self.lua).map(Some).map_err(|_| {
            Error::argument(self.op, format!("option `{name}`: a {kind} does not fit"))
        })
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        match self.get::<Value>(name)? {
            None => Ok(false),
            Some(Value::Boolean(flag)) => Ok(flag),
            Some(_) => Err(Error::argument(
                self.op,
                format!("option `{name}`: expected a boolean"),
            )),
        }
    }

    /// A number that is not negative.
    pub(crate) fn count(&self, name: &str) -> Result<Option<u64>> {
        match self.get::<i64>(name)? {
            None => Ok(None),
            Some(count) => u64::try_from(count)
                .map(Some)
                .map_err(|_| Error::argument(self.op, format!("option `{name}`: negative"))),
        }
    }

    /// How many threads to use: what is asked for, or one per core.
    pub(crate) fn threads(&self) -> Result<usize> {
        Ok(match self.count("threads")? {
            None => std::thread::available_parallelism().map_or(1, usize::from),
            Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
        }
        .clamp(1, 64))
    }

    pub(crate) fn path(&self, name: &str) -> Result<PathBuf> {
        self.get::<LuaString>(name)?
            .map(|text| path_of(&text))
            .ok_or_else(|| Error::argument(self.op, format!("option `{name}` is missing")))
    }

    pub(crate) fn strings(&self, name: &str) -> Result<Option<Vec<Vec<u8>>>> {
        let list = self.get::<Vec<LuaString>>(name)?;
        Ok(list.map(|list| list.iter().map(|text| text.as_bytes().to_vec()).collect()))
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(word) = self.get::<LuaString>(name)? else {
            return Ok(None);
        };
        let word = word.to_string_lossy();
        let found = words.iter().find(|(known, _)| *known == word);
        found.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
            Error::argument(
                self.op,
                format!("option `{name}`: `{word}` is none of {}", known.join(", ")),
            )
        })
    }
}

/// A path as Lua has it: bytes.
pub(crate) fn path_of(text: &LuaString) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&text.as_bytes()))
}
