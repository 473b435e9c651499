//! `bq.log`: messages on standard error, text on standard output.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::{Mutex, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};
use mlua::{Lua, LuaString, Table};
use nix::libc;

use crate::error::{Error, Result};
use crate::lua::module::Module;

/// Something that draws on the terminal and has to step aside while a line is written.
type Suspend = Box<dyn Fn(&mut dyn FnMut()) + Send>;

static SUSPEND: Mutex<Option<Suspend>> = Mutex::new(None);

/// Registers what draws on the terminal: messages are written while it steps aside.
pub(crate) fn set_suspend(suspend: Suspend) {
    *SUSPEND.lock().unwrap_or_else(PoisonError::into_inner) = Some(suspend);
}

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries tell their callers what went wrong; what they log besides is for `-v`.
        metadata.target() == TARGET || log::max_level() >= LevelFilter::Debug
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            line(record.level(), &record.args().to_string());
        }
    }

    fn flush(&self) {}
}

const TARGET: &str = "bq";
static LOGGER: Logger = Logger;

/// Sets what is shown: errors only, the usual, or more.
pub(crate) fn init(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => LevelFilter::Error,
        (false, 0) => LevelFilter::Info,
        (false, 1) => LevelFilter::Debug,
        (false, _) => LevelFilter::Trace,
    };
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(level);
    }
}

fn wants_color() -> bool {
    let set =
        |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    set("CLICOLOR_FORCE")
        || (stderr().is_terminal()
            && !set("NO_COLOR")
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb"))
}

fn line(level: Level, text: &str) {
    let (word, color) = match level {
        Level::Error => ("error: ", "1;31"),
        Level::Warn => ("warning: ", "1;33"),
        Level::Info => ("", ""),
        Level::Debug | Level::Trace => ("debug: ", "2"),
    };
    let mut out = Vec::with_capacity(text.len() + 24);
    if word.is_empty() || !wants_color() {
        out.extend_from_slice(word.as_bytes());
    } else {
        out.extend_from_slice(format!("\x1b[{color}m{word}\x1b[0m").as_bytes());
    }
    out.extend_from_slice(text.as_bytes());
    write_line(&out);
}

fn write_line(text: &[u8]) {
    let out = [text, b"\n"].concat();
    // Where standard error is closed there is nobody left to tell.
    let mut write = || drop(stderr().lock().write_all(&out));
    match &*SUSPEND.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(suspend) => suspend(&mut write),
        None => write(),
    }
}

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "log")
        .function("error", |_, text| say(Level::Error, &text))
        .function("warn", |_, text| say(Level::Warn, &text))
        .function("info", |_, text| say(Level::Info, &text))
        .function("debug", |_, text| say(Level::Debug, &text))
        .function("raw", raw)
        .function("out", out)
        .function("terminal", terminal)
        .build()
}

fn say(level: Level, text: &LuaString) -> Result<()> {
    log::log!(target: TARGET, level, "{}", text.to_string_lossy());
    Ok(())
}

fn raw(_: &Lua, text: LuaString) -> Result<()> {
    write_line(&text.as_bytes());
    Ok(())
}

fn out(_: &Lua, text: LuaString) -> Result<()> {
    let mut stdout = stdout().lock();
    let result = stdout
        .write_all(&text.as_bytes())
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush());
    match result {
        Ok(()) => Ok(()),
        // The reader has gone, as in `bq … | head`: end as a program that SIGPIPE ends does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            std::process::exit(128 + libc::SIGPIPE)
        }
        Err(error) => Err(Error::io("write", &error).at("standard output")),
    }
}

fn terminal(lua: &Lua, (): ()) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("is_terminal", stderr().is_terminal())?;
    table.raw_set("color", wants_color())?;
    table.raw_set("columns", columns())?;
    Ok(table)
}

fn columns() -> u16 {
    // SAFETY: a winsize is plain numbers, for which zero is a value.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: TIOCGWINSZ writes one winsize behind the pointer, which is valid for that.
    let status = unsafe { libc::ioctl(libc::STDERR_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    if status == 0 && size.ws_col > 0 {
        size.ws_col
    } else {
        80
    }
}
