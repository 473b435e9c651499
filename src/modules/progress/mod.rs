//! `bq.progress`: lines on a terminal that are drawn again. A thread redraws them only within one native function, see `during`:
//! the process forks, and may have only one thread then.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use mlua::{Lua, LuaString, Table, Value};

use crate::error::Result;
use crate::lua::module::Module;
use crate::lua::value::{Field, Strict, Wrong, word};

mod events;
mod row;
mod screen;

use row::Row;
pub(crate) use row::Unit;
use screen::{Kind, kind, screen};
pub(crate) use screen::{TICK, clear, during, is_shown, tick};

/// One line on the terminal. It is removed when the value is dropped.
pub(crate) struct Bar(u64);

impl Bar {
    /// Adds a bar below the existing ones. Without a length it shows the elapsed time.
    pub(crate) fn new(label: &str, length: Option<u64>, unit: Unit) -> Self {
        // The first call decides how progress is shown.
        kind();
        let now = Instant::now();
        Self(screen().add(Row {
            id: 0,
            label: label.to_owned(),
            length,
            position: 0,
            first: None,
            unit,
            message: String::new(),
            started: now,
            told: now,
        }))
    }

    pub(crate) fn set(&self, position: u64) {
        screen().change(self.0, false, |row| {
            row.position = position;
            row.first.get_or_insert(position);
        });
    }

    pub(crate) fn length(&self, length: u64) {
        screen().change(self.0, false, |row| row.length = Some(length));
    }

    /// Says what is being done. It is drawn at once: what follows may take long.
    pub(crate) fn message(&self, text: &str) {
        screen().change(self.0, true, |row| text.clone_into(&mut row.message));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        screen().remove(self.0);
    }
}

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "progress")
        .function("bar", bar)
        .function("show", show)
        .function("is_live", |_, ()| Ok(kind() == Kind::Terminal))
        .function("tick", |_, ()| {
            tick();
            Ok(())
        })
        .function("events", |_, ()| {
            kind();
            screen().has_events = true;
            Ok(())
        })
        .build()
}

fn show(_: &Lua, lines: Vec<LuaString>) -> Result<()> {
    kind();
    screen().show(lines.iter().map(LuaString::to_string_lossy).collect());
    Ok(())
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
    let bar = Bar::new(
        &options.label.to_string_lossy(),
        options.length,
        options.unit,
    );
    let shared = Rc::new(RefCell::new(Some(bar)));
    let (set, length, message, finish) = (shared.clone(), shared.clone(), shared.clone(), shared);
    let table = Module::new(lua, "bar")
        .function(
            "set",
            move |_, (_, Strict(position)): (Table, Strict<u64>)| {
                if let Some(bar) = &*set.borrow() {
                    bar.set(position);
                }
                Ok(())
            },
        )
        .function(
            "length",
            move |_, (_, Strict(items)): (Table, Strict<u64>)| {
                if let Some(bar) = &*length.borrow() {
                    bar.length(items);
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
