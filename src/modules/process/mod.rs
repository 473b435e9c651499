//! `bq.process`: runs programs, waits for them, and is the first process of a pid namespace.

mod children;
mod command;
mod ended;
mod fork;
mod jobs;
mod keeper;
mod machine;
mod raw;
mod reap;
mod relay;
mod run;
mod stream;
mod terminal;

use mlua::{Lua, Table};

use crate::lua::module::Module;

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "process")
        .function("run", run::run)
        .function("spawn", children::spawn)
        .function("wait_any", children::wait_any)
        .function("catch_signals", children::catch_signals)
        .function("on_interrupt", children::on_interrupt)
        .function("kill", children::kill)
        .function("exec", fork::exec)
        .function("fork", fork::fork)
        .function("exit", fork::exit)
        .function("reap", reap::reap)
        .function("attribute_keeper", keeper::keeper)
        .function("open_terminal", terminal::open_terminal)
        .function("use_terminal", terminal::use_terminal)
        .function("relay", relay::relay)
        .function("jobserver", jobs::jobserver)
        .function("which", machine::which)
        .function("cores", machine::cores)
        .function("clock", machine::clock)
        .function("executable", machine::executable)
        .build()
}
