//! The options of `fetch`, checked before anything happens.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use mlua::{Table, Value};

use crate::error::{Error, Result};

/// The longest time that a timeout can be; more is as good as none.
const MAX_SECONDS: f64 = 365.0 * 86400.0;

#[derive(Debug)]
pub(super) struct Options {
    pub(super) files: Vec<File>,
    pub(super) jobs: usize,
    pub(super) progress: bool,
    pub(super) retries: u32,
    pub(super) connect_timeout: Duration,
    pub(super) stall_timeout: Duration,
    pub(super) max_size: u64,
    pub(super) keep_going: bool,
    pub(super) verify_only: bool,
}

#[derive(Debug)]
pub(super) struct File {
    /// Its place in the list.
    pub(super) index: usize,
    pub(super) urls: Vec<OsString>,
    pub(super) path: PathBuf,
    pub(super) sha256: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) name: String,
}

/// Reads the table that Lua gave.
pub(super) fn parse(table: &Table) -> Result<Options> {
    let mut options = Options {
        files: Vec::new(),
        jobs: 8,
        progress: true,
        retries: 5,
        connect_timeout: Duration::from_secs(15),
        stall_timeout: Duration::from_secs(30),
        max_size: 8 << 30,
        keep_going: true,
        verify_only: false,
    };
    let mut has_files = false;
    for (key, value) in entries(table, "")? {
        match key.as_str() {
            "files" => {
                has_files = true;
                for (index, value) in list(&value, &key)?.into_iter().enumerate() {
                    options.files.push(file(index, &value)?);
                }
            }
            "jobs" => options.jobs = integer(&value, &key)?.clamp(1, 64) as usize,
            "progress" => options.progress = boolean(&value, &key)?,
            "retries" => options.retries = integer(&value, &key)?.min(1000) as u32,
            "connect_timeout" => options.connect_timeout = seconds(&value, &key)?,
            "stall_timeout" => options.stall_timeout = seconds(&value, &key)?,
            "max_size" => options.max_size = integer(&value, &key)?,
            "keep_going" => options.keep_going = boolean(&value, &key)?,
            "verify_only" => options.verify_only = boolean(&value, &key)?,
            _ => return Err(argument(format!("unknown option `{key}`"))),
        }
    }
    if !has_files {
        return Err(argument("`files` is missing"));
    }
    Ok(options)
}

fn file(index: usize, value: &Value) -> Result<File> {
    let place = format!("files[{}].", index + 1);
    let Value::Table(table) = value else {
        return Err(wrong(place.trim_end_matches('.'), "a table", value));
    };
    let (mut urls, mut path, mut sha256, mut size, mut name) = (None, None, None, None, None);
    for (key, value) in entries(table, &place)? {
        let at = format!("{place}{key}");
        match key.as_str() {
            "urls" => {
                let list = list(&value, &at)?;
                urls = Some(list.iter().map(|v| bytes(v, &at)).collect::<Result<_>>()?);
            }
            "path" => path = Some(PathBuf::from(bytes(&value, &at)?)),
            "sha256" => sha256 = Some(digest(&value, &at)?),
            "size" => size = Some(integer(&value, &at)?),
            "name" => name = Some(bytes(&value, &at)?.to_string_lossy().into_owned()),
            _ => return Err(argument(format!("unknown option `{at}`"))),
        }
    }
    let path = path.ok_or_else(|| argument(format!("`{place}path` is missing")))?;
    let Some(last) = path.file_name() else {
        return Err(argument(format!("`{place}path` names no file")));
    };
    Ok(File {
        index,
        name: name.unwrap_or_else(|| last.to_string_lossy().into_owned()),
        urls: urls.ok_or_else(|| argument(format!("`{place}urls` is missing")))?,
        path,
        sha256,
        size,
    })
}

/// The entries of a table whose keys are names, in no order.
fn entries(table: &Table, place: &str) -> Result<Vec<(String, Value)>> {
    table
        .pairs::<Value, Value>()
        .map(|pair| match pair {
            Ok((Value::String(key), value)) => Ok((key.to_string_lossy(), value)),
            Ok((key, _)) => Err(argument(format!(
                "unknown option `{place}[{}]`",
                key.to_string().unwrap_or_default()
            ))),
            Err(error) => Err(argument(error.to_string())),
        })
        .collect()
}

fn list(value: &Value, at: &str) -> Result<Vec<Value>> {
    let Value::Table(table) = value else {
        return Err(wrong(at, "a list", value));
    };
    table
        .sequence_values::<Value>()
        .collect::<mlua::Result<_>>()
        .map_err(|error| argument(error.to_string()))
}

fn bytes(value: &Value, at: &str) -> Result<OsString> {
    match value {
        Value::String(text) if text.as_bytes().contains(&0) => {
            Err(argument(format!("`{at}` holds a zero byte")))
        }
        Value::String(text) => Ok(OsString::from_vec(text.as_bytes().to_vec())),
        _ => Err(wrong(at, "a string", value)),
    }
}

fn digest(value: &Value, at: &str) -> Result<String> {
    let text = bytes(value, at)?.to_string_lossy().to_ascii_lowercase();
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(text)
    } else {
        Err(argument(format!("`{at}` is not 64 hexadecimal digits")))
    }
}

fn integer(value: &Value, at: &str) -> Result<u64> {
    match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        // A whole number that a computation made a float, as `2^20` does.
        Value::Number(number) if number.fract() == 0.0 && (0.0..9e15).contains(number) => {
            Some(*number as u64)
        }
        _ => None,
    }
    .ok_or_else(|| wrong(at, "a whole number, 0 or more", value))
}

fn seconds(value: &Value, at: &str) -> Result<Duration> {
    let number = match value {
        Value::Integer(number) => f64::from((*number).clamp(0, 1 << 30) as u32),
        Value::Number(number) => *number,
        _ => 0.0,
    };
    if number > 0.0 {
        Ok(Duration::from_secs_f64(number.min(MAX_SECONDS)))
    } else {
        Err(wrong(at, "a number of seconds above 0", value))
    }
}

fn boolean(value: &Value, at: &str) -> Result<bool> {
    match value {
        Value::Boolean(flag) => Ok(*flag),
        _ => Err(wrong(at, "true or false", value)),
    }
}

fn wrong(at: &str, expected: &str, value: &Value) -> Error {
    let got = match value {
        Value::Integer(_) | Value::Number(_) => value.to_string().unwrap_or_default(),
        _ => value.type_name().to_owned(),
    };
    argument(format!("`{at}`: expected {expected}, got {got}"))
}

fn argument(message: impl Into<String>) -> Error {
    Error::argument("fetch", message)
}
