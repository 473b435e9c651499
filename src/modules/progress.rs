//! `bq.progress`: bars on a terminal. Nothing ticks by itself: a thread would outlive a fork of the process.

use std::sync::{Mutex, OnceLock, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mlua::{Lua, Table, Value};

use crate::error::{Error, Result, native};
use crate::modules::log::set_suspend;

/// What a bar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Items,
}

/// One line on the terminal, which goes away with the value.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar below those that are there; without a length it shows the time that has passed.
    pub(crate) fn new(label: &str, length: Option<u64>, unit: Unit) -> Self {
        let bar = match length {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::no_length(),
        };
        // Added to the terminal before anything draws: by itself it would draw on its own.
        let bar = if log::max_level() < log::LevelFilter::Info {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
            bar
        } else {
            terminal().add(bar)
        };
        bar.set_style(style(length.is_some(), unit));
        bar.set_prefix(label.to_owned());
        bar.tick();
        Self(bar)
    }

    pub(crate) fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    pub(crate) fn length(&self, length: u64, unit: Unit) {
        self.0.set_style(style(true, unit));
        self.0.set_length(length);
    }

    pub(crate) fn message(&self, text: &str) {
        self.0.set_message(text.to_owned());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
        terminal().remove(&self.0);
    }
}

fn style(has_length: bool, unit: Unit) -> ProgressStyle {
    let template = match (has_length, unit) {
        (true, Unit::Bytes) => {
            "{prefix:24!} {wide_bar} {binary_bytes:>11}/{binary_total_bytes:11} {binary_bytes_per_sec:>13} {msg}"
        }
        (true, Unit::Items) => "{prefix:24!} {wide_bar} {human_pos}/{human_len} {elapsed} {msg}",
        (false, Unit::Bytes) => {
            "{prefix:24!} {spinner} {elapsed} {binary_bytes} {binary_bytes_per_sec} {msg}"
        }
        (false, Unit::Items) => "{prefix:24!} {spinner} {elapsed} {msg}",
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
        .tick_chars("-\\|/ ")
}

static TERMINAL: OnceLock<MultiProgress> = OnceLock::new();

/// Takes away the bars that a script has left.
pub(crate) fn clear() {
    if let Some(terminal) = TERMINAL.get() {
        // There is nobody to tell that the terminal has gone.
        drop(terminal.clear());
    }
}

/// The lines of this process; messages of `bq.log` go above them.
fn terminal() -> &'static MultiProgress {
    TERMINAL.get_or_init(|| {
        let terminal = MultiProgress::new();
        let lines = terminal.clone();
        let owner = std::process::id();
        set_suspend(Box::new(move |write| {
            // A child of this process has another standard error, without bars.
            if std::process::id() == owner {
                lines.suspend(write);
            } else {
                write();
            }
        }));
        terminal
    })
}

pub(crate) fn module(lua: &Lua, module: &Table) -> mlua::Result<()> {
    native(lua, module, "bar", bar)
}

fn bar(lua: &Lua, options: Table) -> Result<Table> {
    let mut label = None;
    let mut length = None;
    let mut unit = Unit::Items;
    for pair in options.pairs::<String, Value>() {
        let (key, value) = pair.map_err(|e| bad(&e))?;
        match (key.as_str(), &value) {
            ("label", Value::String(text)) => label = Some(text.to_string_lossy()),
            ("length", _) => length = Some(count(&value, "length")?),
            ("unit", Value::String(text)) if text == "bytes" => unit = Unit::Bytes,
            ("unit", Value::String(text)) if text == "items" => unit = Unit::Items,
            ("unit", _) => return Err(argument("`unit` is `bytes` or `items`")),
            ("label", _) => return Err(argument("`label` is a string")),
            _ => return Err(argument(format!("unknown option `{key}`"))),
        }
    }
    let label = label.ok_or_else(|| argument("`label` is missing"))?;
    object(lua, Bar::new(&label, length, unit), unit).map_err(|e| bad(&e))
}

/// The table that Lua holds; the bar goes with it, at `finish` or at the end of a `<close>` variable.
fn object(lua: &Lua, bar: Bar, unit: Unit) -> mlua::Result<Table> {
    let shared = std::sync::Arc::new(Mutex::new(Some(bar)));
    let table = lua.create_table()?;
    table.raw_set("__name", "bar")?;
    let method = |name: &str, apply: fn(&Bar, Unit, Value) -> Result<()>| {
        let shared = shared.clone();
        native(
            lua,
            &table,
            name,
            move |_, (_, value): (Table, Value)| match &*shared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
            {
                Some(bar) => apply(bar, unit, value),
                None => Ok(()),
            },
        )
    };
    method("set", |bar, _, value| {
        bar.set(count(&value, "position")?);
        bar.0.tick();
        Ok(())
    })?;
    method("length", |bar, unit, value| {
        bar.length(count(&value, "length")?, unit);
        Ok(())
    })?;
    method("message", |bar, _, value| match value {
        Value::String(text) => {
            bar.message(&text.to_string_lossy());
            Ok(())
        }
        _ => Err(argument("a message is a string")),
    })?;
    native(lua, &table, "finish", move |_, ()| {
        shared.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    })?;
    table.raw_set("__name", mlua::Nil)?;
    let meta = lua.create_table()?;
    meta.raw_set("__close", table.raw_get::<Value>("finish")?)?;
    table.set_metatable(Some(meta))?;
    Ok(table)
}

fn count(value: &Value, what: &str) -> Result<u64> {
    let number = match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        _ => None,
    };
    number.ok_or_else(|| argument(format!("`{what}` is a whole number, 0 or more")))
}

fn argument(message: impl Into<String>) -> Error {
    Error::argument("bar", message)
}

fn bad(error: &mlua::Error) -> Error {
    argument(error.to_string())
}
