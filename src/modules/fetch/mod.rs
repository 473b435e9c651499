//! `bq.fetch`: downloads, several at once, hashed while they are written.

use std::os::unix::ffi::OsStrExt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mlua::{Lua, LuaSerdeExt, LuaString, Table};

use crate::error::Result;
use crate::kernel::threads::until_threads_end;
use crate::lua::module::Module;
use crate::modules::progress::{Bar, Unit};

mod answer;
mod back_off;
mod candidate;
mod copy;
mod exchange;
mod failure;
mod floor;
mod forward;
mod http;
mod job;
mod options;
mod outcome;
mod page;
mod part;
pub(super) mod proxy;
mod resolve;
mod task;
mod transfer;
mod url;
mod watch;

use crate::tree::address::{hidden, hidden_in};
use job::Job;
use options::{Options, Request};
use outcome::{Attempt, Outcome};
use task::Task;

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "fetch")
        .function("fetch", fetch)
        .function("exchange", exchange::exchange)
        .function("shown", shown)
        .build()
}

fn fetch(lua: &Lua, request: Request) -> Result<Table> {
    let options = Options::try_from(request)?;
    // The process forks later, so the threads must have ended.
    let outcomes = until_threads_end(|| fetch_all(&options));
    Ok(results(lua, &options, &outcomes)?)
}

fn shown(lua: &Lua, text: LuaString) -> Result<LuaString> {
    let bytes = hidden(&text.as_bytes());
    let shown = match std::str::from_utf8(&bytes) {
        Ok(text) => lua.create_string(hidden_in(text).as_bytes()),
        Err(_) => lua.create_string(&bytes),
    };
    Ok(shown?)
}

/// Fetches on threads.
fn fetch_all(options: &Options) -> Vec<Outcome> {
    let total = (options.progress && options.files.len() > 1)
        .then(|| Bar::new("fetch", Some(options.files.len() as u64), Unit::Items));
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let outcomes: Vec<Mutex<Outcome>> = options
        .files
        .iter()
        .map(|_| Mutex::new(Outcome::default()))
        .collect();
    let work = || {
        let client = http::Client::new(options);
        while let Some(file) = options.files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let task = Task {
                options,
                file,
                client: &client,
                stop: &stop,
            };
            let outcome = Job { task }.run();
            if !outcome.ok && !options.keep_going {
                stop.store(true, Ordering::Relaxed);
            }
            if let Some(bar) = &total {
                bar.set(done.fetch_add(1, Ordering::Relaxed) as u64 + 1);
            }
            let slot = &outcomes[file.index];
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
        }
    };
    std::thread::scope(|scope| {
        // This thread works too. If the system allows no more threads, fewer files are fetched at once.
        for _ in 1..options.jobs.min(options.files.len()) {
            if std::thread::Builder::new()
                .spawn_scoped(scope, work)
                .is_err()
            {
                break;
            }
        }
        work();
    });
    drop(total);
    outcomes
        .into_iter()
        .map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

fn results(lua: &Lua, options: &Options, outcomes: &[Outcome]) -> mlua::Result<Table> {
    let list = array(lua)?;
    for (file, outcome) in options.files.iter().zip(outcomes) {
        let result = lua.create_table()?;
        result.raw_set("path", lua.create_string(file.path.as_os_str().as_bytes())?)?;
        result.raw_set("ok", outcome.ok)?;
        result.raw_set("cached", outcome.cached)?;
        if let Some(source) = &outcome.url {
            result.raw_set("url", lua.create_string(hidden(source.as_bytes()))?)?;
        }
        result.raw_set("sha256", outcome.sha256.as_deref())?;
        result.raw_set("size", outcome.size)?;
        let attempts = array(lua)?;
        for attempt in &outcome.attempts {
            attempts.raw_push(attempt_table(lua, attempt)?)?;
        }
        result.raw_set("attempts", attempts)?;
        list.raw_push(result)?;
    }
    Ok(list)
}

/// A table that `bq.json` writes as a list even when it is empty.
fn array(lua: &Lua) -> mlua::Result<Table> {
    let list = lua.create_table()?;
    list.set_metatable(Some(lua.array_metatable()))?;
    Ok(list)
}

fn attempt_table(lua: &Lua, attempt: &Attempt) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("url", lua.create_string(hidden(attempt.url.as_bytes()))?)?;
    table.raw_set("code", attempt.failure.code.as_str())?;
    table.raw_set("message", attempt.failure.message.as_str())?;
    if let Some((expected, actual)) = &attempt.failure.digests {
        table.raw_set("expected", expected.as_str())?;
        table.raw_set("actual", actual.as_str())?;
    }
    Ok(table)
}
