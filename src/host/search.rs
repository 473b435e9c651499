//! How `require` finds modules.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::places::Places;
use crate::bundle;

/// `require` searches the native modules, then our places and the bundle, and nothing else.
pub(super) fn searchers(lua: &Lua, places: Places) -> mlua::Result<()> {
    let package: Table = lua.globals().get("package")?;
    let all: Table = package.get("searchers")?;
    let kept = lua.create_table()?;
    kept.push(all.get::<Value>(1)?)?;
    kept.push(lua.create_function(move |lua, name: String| search(lua, &places, &name))?)?;
    package.set("searchers", kept)?;
    package.set("cpath", "")?;
    package.set("path", "")?;
    package.set("loadlib", Value::Nil)
}

fn search(lua: &Lua, places: &Places, name: &str) -> mlua::Result<MultiValue> {
    let file = name.replace('.', "/");
    let mut tried = String::new();
    for folder in &places.modules {
        for candidate in [format!("{file}.lua"), format!("{file}/init.lua")] {
            let path = folder.join(candidate);
            match std::fs::read(&path) {
                Ok(text) => return loaded(lua, path.as_os_str(), text),
                Err(_) => tried.extend(["\n\tno file '", &path.to_string_lossy(), "'"]),
            }
        }
    }
    for candidate in [format!("{file}.lua"), format!("{file}/init.lua")] {
        let path = format!("{}lua-lib/{candidate}", bundle::PREFIX);
        if let Some(text) = bundle::file(&path) {
            return loaded(lua, OsStr::new(&path), text.to_vec());
        }
        tried.extend(["\n\tno file '", &path, "'"]);
    }
    // Lua puts the message of each searcher on a new line.
    Ok(MultiValue::from_iter([Value::String(
        lua.create_string(tried.trim_start())?,
    )]))
}

fn loaded(lua: &Lua, path: &OsStr, text: Vec<u8>) -> mlua::Result<MultiValue> {
    let load: Function = lua.globals().get("load")?;
    let chunk = lua.create_string(without_shebang(text))?;
    let (function, message): (Option<Function>, Option<String>) =
        load.call((chunk, lua.create_string(chunk_name(path))?, "t"))?;
    let Some(function) = function else {
        return Err(mlua::Error::runtime(message.unwrap_or_default()));
    };
    let path = lua.create_string(path.as_bytes())?;
    Ok(MultiValue::from_iter([
        Value::Function(function),
        Value::String(path),
    ]))
}

/// The name of a file gets an `@`, as in `lua`. Names with `=` are shown unchanged.
pub(super) fn chunk_name(name: &OsStr) -> Vec<u8> {
    let bytes = name.as_bytes();
    if bytes.starts_with(b"=") {
        bytes.to_vec()
    } else {
        [b"@", bytes].concat()
    }
}

/// Drops a byte order mark. Turns a `#!` line into a comment, so that line numbers stay right.
pub(super) fn without_shebang(mut text: Vec<u8>) -> Vec<u8> {
    if text.starts_with(b"\xEF\xBB\xBF") {
        text.drain(..3);
    }
    if text.starts_with(b"#") {
        [b"--".as_slice(), &text].concat()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::without_shebang;

    #[test]
    fn shebang_keeps_its_line() {
        assert_eq!(
            without_shebang(b"#!/usr/bin/env bq\nx".to_vec()),
            b"--#!/usr/bin/env bq\nx"
        );
        assert_eq!(without_shebang(b"x".to_vec()), b"x");
        assert_eq!(without_shebang(b"\xEF\xBB\xBF#!y".to_vec()), b"--#!y");
    }
}
