//! `bq.log`: messages on standard error, text on standard output.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::{Mutex, OnceLock, PoisonError};

use log::Level;
use mlua::{Lua, LuaString, Table};
use nix::libc;

use crate::error::{Error, Result};
use crate::lua::module::Module;
use crate::tree::address::hidden_in;

/// Calls a writer of text with the bytes that take away what is drawn on the terminal, and those that draw it again below.
type Around = Box<dyn Fn(&mut dyn FnMut(&[u8], &[u8])) + Send>;

static AROUND: Mutex<Option<Around>> = Mutex::new(None);

/// Registers the owner of what is drawn.
pub(crate) fn set_around(around: Around) {
    *AROUND.lock().unwrap_or_else(PoisonError::into_inner) = Some(around);
}

fn around(write: &mut dyn FnMut(&[u8], &[u8])) {
    match &*AROUND.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(around) => around(write),
        None => write(b"", b""),
    }
}

/// When messages have colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Color {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    Always,
    Never,
}

static COLOR: OnceLock<Color> = OnceLock::new();

const TARGET: &str = "bq";

/// Sets which messages are shown: only errors, the default, or more. Messages of libraries are shown only with `-v`: their
/// errors are reported anyway. `BQ_LOG` sets filters in detail, as in `BQ_LOG=ureq=debug`, unless `-v` or `-q` is given.
pub(crate) fn init(verbose: u8, quiet: bool, color: Color) {
    COLOR.get_or_init(|| color);
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

/// Standard error. A message is written above what is drawn, by one write.
struct Terminal;

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        around(&mut |before, after| {
            let whole = [before, bytes, after].concat();
            // If standard error is closed, the error cannot be reported.
            drop(stderr().lock().write_all(&whole));
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn wants_color() -> bool {
    let set =
        |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    match COLOR.get().copied().unwrap_or_default() {
        Color::Always => return true,
        Color::Never => return false,
        Color::Auto => {}
    }
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
    let mut result = Ok(());
    if stdout().is_terminal() {
        around(&mut |before, after| {
            drop(stderr().lock().write_all(before));
            result = write_out(&text.as_bytes());
            drop(stderr().lock().write_all(after));
        });
    } else {
        result = write_out(&text.as_bytes());
    }
    match result {
        Ok(()) => Ok(()),
        // The reader is gone, as in `bq … | head`. Exit like a program that SIGPIPE ends.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            std::process::exit(128 + libc::SIGPIPE)
        }
        Err(error) => Err(Error::io("write", &error).at("standard output")),
    }
}

fn write_out(text: &[u8]) -> std::io::Result<()> {
    let mut stdout = stdout().lock();
    stdout
        .write_all(text)
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush())
}

fn terminal(lua: &Lua, (): ()) -> Result<Table> {
    let table = lua.create_table()?;
    let (rows, columns) = size();
    table.raw_set("is_terminal", stderr().is_terminal())?;
    table.raw_set("color", wants_color())?;
    table.raw_set("columns", columns)?;
    table.raw_set("rows", rows)?;
    Ok(table)
}

/// The rows and columns of the terminal; 24 and 80 if it does not say.
pub(crate) fn size() -> (usize, usize) {
    // SAFETY: a winsize consists of numbers, for which zero is valid.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: TIOCGWINSZ writes one winsize behind the pointer, which is valid for that.
    let status = unsafe { libc::ioctl(libc::STDERR_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    let known = |number: u16, usual| {
        if status == 0 && number > 0 {
            usize::from(number)
        } else {
            usual
        }
    };
    (known(size.ws_row, 24), known(size.ws_col, 80))
}
