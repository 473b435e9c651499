//! `bq.log`: messages on standard error, text on standard output.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::{Mutex, PoisonError};

use log::Level;
use mlua::{Lua, LuaString, Table};
use nix::libc;

use crate::error::{Error, Result};
use crate::lua::module::Module;
use crate::tree::address::hidden_in;

/// Suspends drawing on the terminal while a line is written.
type Suspend = Box<dyn Fn(&mut dyn FnMut()) + Send>;

static SUSPEND: Mutex<Option<Suspend>> = Mutex::new(None);

/// Registers the function that suspends drawing on the terminal.
pub(crate) fn set_suspend(suspend: Suspend) {
    *SUSPEND.lock().unwrap_or_else(PoisonError::into_inner) = Some(suspend);
}

const TARGET: &str = "bq";

/// Sets which messages are shown: only errors, the default, or more. Messages of libraries are shown only with `-v`: their
/// errors are reported anyway. `BQ_LOG` sets filters in detail, as in `BQ_LOG=ureq=debug`, unless `-v` or `-q` is given.
pub(crate) fn init(verbose: u8, quiet: bool) {
    let filters = match (quiet, verbose) {
        (true, _) => "off,bq=error",
        (false, 0) => "off,bq=info",
        (false, 1) => "debug",
        (false, _) => "trace",
    };
    let mut logger = env_logger::Builder::new();
    logger.parse_filters(filters);
    if !quiet && verbose == 0 {
        logger.parse_env("BQ_LOG");
    }
    logger
        .format(|out, record| {
            // ureq logs every sent byte, including passwords.
            if record.level() == Level::Trace && record.target().starts_with("ureq") {
                return Ok(());
            }
            let text = record.args().to_string();
            out.write_all(&line(record.level(), &hidden_in(&text)))
        })
        .target(env_logger::Target::Pipe(Box::new(Terminal)))
        .init();
}

/// Standard error. Drawing is suspended during a write.
struct Terminal;

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // If standard error is closed, the error cannot be reported.
        let mut write = || drop(stderr().lock().write_all(bytes));
        match &*SUSPEND.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(suspend) => suspend(&mut write),
            None => write(),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
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

fn line(level: Level, text: &str) -> Vec<u8> {
    let (word, color) = match level {
        Level::Error => ("error: ", "1;31"),
        Level::Warn => ("warning: ", "1;33"),
        Level::Info => ("", ""),
        Level::Debug | Level::Trace => ("debug: ", "2"),
    };
    if word.is_empty() || !wants_color() {
        format!("{word}{text}\n")
    } else {
        format!("\x1b[{color}m{word}\x1b[0m{text}\n")
    }
    .into_bytes()
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
    let bytes = text.as_bytes();
    let line = match std::str::from_utf8(&bytes) {
        Ok(text) => format!("{}\n", hidden_in(text)).into_bytes(),
        Err(_) => [&bytes, b"\n".as_slice()].concat(),
    };
    drop(Terminal.write_all(&line));
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
        // The reader is gone, as in `bq … | head`. Exit like a program that SIGPIPE ends.
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
    // SAFETY: a winsize consists of numbers, for which zero is valid.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: TIOCGWINSZ writes one winsize behind the pointer, which is valid for that.
    let status = unsafe { libc::ioctl(libc::STDERR_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    if status == 0 && size.ws_col > 0 {
        size.ws_col
    } else {
        80
    }
}
