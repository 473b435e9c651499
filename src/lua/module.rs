//! Builds a module of native functions, and turns their errors into Lua errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mlua::{FromLuaMulti, Function, IntoLua, IntoLuaMulti, Lua, MultiValue, Table, Value};

use crate::error::{Error, Result};
use crate::panic;

/// The Lua part of it. A native function returns whether it succeeded, and a value. The shim raises the value if it failed.
const SHIM: &str = r#"
local Error = { __name = "bq.error" }
Error.__index = Error
function Error.__tostring(self) return self.text end
local error, setmetatable = error, setmetatable
local function check(ok, value)
  if ok then return value end
  error(setmetatable(value, Error), 0)
end
local function wrap(native)
  return function(...)
    return (check(native(...)))
  end
end
return { wrap = wrap, metatable = Error }
"#;

const SHIM_KEY: &str = "bq.error.shim";

/// Loads the shim. Call it once per Lua state.
pub(crate) fn install(lua: &Lua) -> mlua::Result<()> {
    let shim: Table = lua.load(SHIM).set_name("=bq").eval()?;
    lua.set_named_registry_value(SHIM_KEY, shim)
}

/// A module that is being built.
pub(crate) struct Module<'l> {
    lua: &'l Lua,
    name: &'static str,
    table: mlua::Result<Table>,
}

impl<'l> Module<'l> {
    /// The name appears in errors about arguments, as in `fs.stat`.
    pub(crate) fn new(lua: &'l Lua, name: &'static str) -> Self {
        let table = lua.create_table();
        Self { lua, name, table }
    }

    /// Adds a function. Its `Err` is raised as a Lua table.
    pub(crate) fn function<A, R, F>(self, name: &str, function: F) -> Self
    where
        A: FromLuaMulti,
        R: IntoLuaMulti,
        F: Fn(&Lua, A) -> Result<R> + 'static,
    {
        let op = format!("{}.{name}", self.name);
        let lua = self.lua;
        self.with(|table| table.raw_set(name, native(lua, op, function)?))
    }

    /// Adds a value that is not a function.
    pub(crate) fn value(self, name: &str, value: impl IntoLua) -> Self {
        self.with(|table| table.raw_set(name, value))
    }

    /// The finished table, or the first error.
    pub(crate) fn build(self) -> mlua::Result<Table> {
        self.table
    }

    fn with(mut self, fill: impl FnOnce(&Table) -> mlua::Result<()>) -> Self {
        self.table = self.table.and_then(|table| fill(&table).map(|()| table));
        self
    }
}

fn native<A, R, F>(lua: &Lua, op: String, function: F) -> mlua::Result<Function>
where
    A: FromLuaMulti,
    R: IntoLuaMulti,
    F: Fn(&Lua, A) -> Result<R> + 'static,
{
    let inner = lua.create_function(move |lua, arguments: MultiValue| {
        let result = match A::from_lua_args(arguments, 1, Some(&op), lua) {
            // For Lua a panic is an error like others. But it is a bug in bq, so the message has its place in the source.
            Ok(arguments) => catch_unwind(AssertUnwindSafe(|| function(lua, arguments)))
                .unwrap_or_else(|payload| Err(panicked(&op, &*payload))),
            Err(error) => Err(argument_error(&op, &error)),
        };
        match result {
            Ok(values) => {
                let mut values = values.into_lua_multi(lua)?;
                values.push_front(Value::Boolean(true));
                Ok(values)
            }
            Err(error) => (false, table_of(error, lua)?).into_lua_multi(lua),
        }
    })?;
    let shim: Table = lua.named_registry_value(SHIM_KEY)?;
    shim.get::<Function>("wrap")?.call(inner)
}

fn panicked(op: &str, payload: &(dyn Any + Send)) -> Error {
    let text = panic::text(payload);
    let text = format!("bq itself failed, please report this: {text}");
    Error::new(op, "panic", text)
}

fn table_of(error: Error, lua: &Lua) -> mlua::Result<Table> {
    let text = error.to_string();
    let table = lua.create_table()?;
    table.raw_set("op", error.op)?;
    table.raw_set("path", error.path)?;
    table.raw_set("code", error.code)?;
    table.raw_set("errno", error.errno)?;
    table.raw_set("message", error.message)?;
    table.raw_set("text", text)?;
    for (name, value) in error.details {
        table.raw_set(name, value)?;
    }
    Ok(table)
}

/// Turns a conversion failure of mlua into an error that says what was wrong with the argument.
fn argument_error(op: &str, error: &mlua::Error) -> Error {
    let mut cause = error;
    while let mlua::Error::BadArgument { cause: inner, .. }
    | mlua::Error::CallbackError { cause: inner, .. } = cause
    {
        cause = inner;
    }
    let message = match cause {
        mlua::Error::FromLuaConversionError { from, to, message } => {
            let detail = message
                .as_deref()
                .map(|m| format!(": {m}"))
                .unwrap_or_default();
            format!("expected {to}, got {from}{detail}")
        }
        mlua::Error::RuntimeError(text) => text.clone(),
        other => other.to_string(),
    };
    Error::argument(op, message)
}

#[cfg(test)]
mod tests {
    use mlua::Lua;

    use super::{Module, install};
    use crate::error::Result;
    use crate::panic;

    fn fails(_: &Lua, index: usize) -> Result<u8> {
        Ok([1, 2, 3][index])
    }

    #[test]
    fn a_panic_is_an_error_with_its_place() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(panic::note_place));
        let lua = Lua::new();
        install(&lua).expect("it loads");
        let module = Module::new(&lua, "test").function("fails", fails).build();
        lua.globals()
            .set("test", module.expect("it is built"))
            .expect("it is set");
        let code = "local ok, err = pcall(test.fails, 7) return ok, err.code, tostring(err)";
        let (ok, code, text): (bool, String, String) = lua.load(code).eval().expect("it runs");
        std::panic::set_hook(before);
        assert_eq!((ok, code.as_str()), (false, "panic"));
        let place = concat!(file!(), ":");
        assert!(
            text.starts_with("test.fails: ") && text.contains(place),
            "{text}"
        );
    }
}
