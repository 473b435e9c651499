//! The one error type, and the one place where it crosses into Lua.

use std::fmt;
use std::path::Path;

use mlua::{Function, IntoLuaMulti, Lua, MultiValue, Table, Value};
use nix::errno::Errno;

/// What a native function reports: which operation failed, on what, and what the system said.
#[derive(Debug, Default)]
pub(crate) struct Error {
    /// The call or operation, such as `mount` or `fetch`.
    pub(crate) op: String,
    /// The path, URL or name that it was about.
    pub(crate) path: Option<String>,
    /// A stable word for the kind of failure: an errno's name, or a word such as `hash_mismatch`.
    pub(crate) code: String,
    /// The kernel's number, where there is one.
    pub(crate) errno: Option<i32>,
    /// What the kernel, server or tool said.
    pub(crate) message: String,
    /// Further fields for Lua, such as `expected` and `actual` of a digest.
    pub(crate) details: Vec<(&'static str, String)>,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure that has a word of its own and no errno.
    pub(crate) fn new(op: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            op: op.to_owned(),
            code: code.to_owned(),
            message: message.into(),
            ..Self::default()
        }
    }

    /// A failure of the kernel.
    pub(crate) fn os(op: &str, errno: Errno) -> Self {
        Self {
            op: op.to_owned(),
            code: format!("{errno:?}"),
            errno: Some(errno as i32),
            message: errno.desc().to_owned(),
            ..Self::default()
        }
    }

    /// A failure of `std::io`, with its errno where it carries one.
    pub(crate) fn io(op: &str, error: &std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(raw) => Self::os(op, Errno::from_raw(raw)),
            None => Self::new(op, "io", error.to_string()),
        }
    }

    /// Wrong arguments from Lua: a mistake of the script, not of the system.
    pub(crate) fn argument(op: &str, message: impl Into<String>) -> Self {
        Self::new(op, "argument", message)
    }

    /// Names the path that the failure was about.
    #[must_use]
    pub(crate) fn at(mut self, path: impl AsRef<Path>) -> Self {
        self.path = Some(path.as_ref().to_string_lossy().into_owned());
        self
    }

    /// Adds a field that Lua can read from the error.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    fn into_table(self, lua: &Lua) -> mlua::Result<Table> {
        let text = self.to_string();
        let table = lua.create_table()?;
        table.raw_set("op", self.op)?;
        table.raw_set("path", self.path)?;
        table.raw_set("code", self.code)?;
        table.raw_set("errno", self.errno)?;
        table.raw_set("message", self.message)?;
        table.raw_set("text", text)?;
        for (name, value) in self.details {
            table.raw_set(name, value)?;
        }
        Ok(table)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.op)?;
        if let Some(path) = &self.path {
            write!(f, " `{path}`")?;
        }
        write!(f, ": {}", self.message)?;
        if self.errno.is_some() {
            write!(f, " ({})", self.code)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<Error> for mlua::Error {
    fn from(error: Error) -> Self {
        mlua::Error::external(error)
    }
}

/// The Lua side of the crossing: raises what the native returned as its second value.
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

/// Loads the shim that natives are wrapped with; call it once per Lua state.
pub(crate) fn install(lua: &Lua) -> mlua::Result<()> {
    let shim: Table = lua.load(SHIM).set_name("=bq").eval()?;
    lua.set_named_registry_value(SHIM_KEY, shim)
}

/// Adds a native function to a module: its `Err` becomes a Lua table that is raised.
pub(crate) fn native<A, R, F>(
    lua: &Lua,
    module: &Table,
    name: &str,
    function: F,
) -> mlua::Result<()>
where
    A: mlua::FromLuaMulti,
    R: IntoLuaMulti,
    F: Fn(&Lua, A) -> Result<R> + 'static,
{
    let module_name: String = module.raw_get("__name").unwrap_or_default();
    let op = format!(
        "{}{}{name}",
        module_name,
        if module_name.is_empty() { "" } else { "." }
    );
    let inner = lua.create_function(move |lua, arguments: MultiValue| {
        let result = match A::from_lua_args(arguments, 1, Some(&op), lua) {
            Ok(arguments) => function(lua, arguments),
            Err(error) => Err(argument_error(&op, &error)),
        };
        match result {
            Ok(values) => {
                let mut values = values.into_lua_multi(lua)?;
                values.push_front(Value::Boolean(true));
                Ok(values)
            }
            Err(error) => (false, error.into_table(lua)?).into_lua_multi(lua),
        }
    })?;
    let shim: Table = lua.named_registry_value(SHIM_KEY)?;
    let wrapped: Function = shim.get::<Function>("wrap")?.call(inner)?;
    module.raw_set(name, wrapped)
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
        mlua::Error::DeserializeError(text) => text.clone(),
        other => other.to_string(),
    };
    Error::argument(op, message)
}
