//! `bq.progress`: progress bars on a terminal. No thread redraws them: the process forks, and may have only one thread then.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mlua::{Lua, LuaString, Table, Value};

use crate::error::Result;
use crate::lua::module::Module;
use crate::lua::value::{Field, Strict, Wrong, word};
use crate::modules::log::set_suspend;

/// What a bar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Items,
}

/// One line on the terminal. It is removed when the value is dropped.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// Adds a bar below the existing ones. Without a length it shows the elapsed time.
    pub(crate) fn new(label: &str, length: Option<u64>, unit: Unit) -> Self {
        let bar = match length {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::no_length(),
        };
        // The bar is added to the terminal before it draws: otherwise it would draw separately.
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

/// Removes the bars that a script has left.
pub(crate) fn clear() {
    if let Some(terminal) = TERMINAL.get() {
        // This fails if the terminal is gone, and then it does not matter.
        drop(terminal.clear());
    }
}

/// The bars of this process. Messages of `bq.log` appear above them.
fn terminal() -> &'static MultiProgress {
    TERMINAL.get_or_init(|| {
        let terminal = MultiProgress::new();
        let lines = terminal.clone();
        let owner = std::process::id();
        set_suspend(Box::new(move |write| {
            // A forked child may have another standard error, and no bars.
            if std::process::id() == owner {
                lines.suspend(write);
            } else {
                write();
            }
        }));
        terminal
    })
}

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "progress").function("bar", bar).build()
}

impl Field for Unit {
    fn read(value: Value, _: &Lua) -> std::result::Result<Self, Wrong> {
        word(&value, &[("bytes", Self::Bytes), ("items", Self::Items)])
    }
}

options! {
    struct BarOptions {
        label: LuaString,
        length: Option<u64>,
        unit: Unit = Unit::Items,
    }
}

/// The table for Lua. The bar is removed by `finish`, at the end of its `<close>` variable, or when the table is collected.
fn bar(lua: &Lua, options: BarOptions) -> Result<Table> {
    let unit = options.unit;
    let bar = Bar::new(&options.label.to_string_lossy(), options.length, unit);
    let shared = Rc::new(RefCell::new(Some(bar)));
    let (set, length, message, finish) = (shared.clone(), shared.clone(), shared.clone(), shared);
    let table = Module::new(lua, "bar")
        .function(
            "set",
            move |_, (_, Strict(position)): (Table, Strict<u64>)| {
                if let Some(bar) = &*set.borrow() {
                    bar.set(position);
                    bar.0.tick();
                }
                Ok(())
            },
        )
        .function(
            "length",
            move |_, (_, Strict(items)): (Table, Strict<u64>)| {
                if let Some(bar) = &*length.borrow() {
                    bar.length(items, unit);
                }
                Ok(())
            },
        )
        .function(
            "message",
            move |_, (_, Strict(text)): (Table, Strict<LuaString>)| {
                if let Some(bar) = &*message.borrow() {
                    bar.message(&text.to_string_lossy());
                }
                Ok(())
            },
        )
        .function("finish", move |_, _: Value| {
            finish.take();
            Ok(())
        })
        .build()?;
    let meta = lua.create_table()?;
    meta.raw_set("__close", table.raw_get::<Value>("finish")?)?;
    table.set_metatable(Some(meta))?;
    Ok(table)
}
