//! Tables of options: names, types and defaults. Unknown options are refused.

use mlua::{FromLua, Lua, Table, Value};

use super::value::{Field, Wrong};

/// A table whose fields are declared by `options!`.
pub(crate) trait Options: Sized {
    /// The names of all fields.
    fn names() -> Vec<&'static str>;
    /// Reads the fields. The table may have other fields.
    fn take(fields: &Fields<'_>) -> Result<Self, Wrong>;
}

/// The fields of one table.
pub(crate) struct Fields<'l> {
    lua: &'l Lua,
    table: Table,
}

impl<'l> Fields<'l> {
    /// Checks that a table has only known fields. nil counts as an empty table.
    fn new(value: Value, lua: &'l Lua, known: Vec<&'static str>) -> Result<Self, Wrong> {
        let table = match value {
            Value::Nil => lua.create_table().map_err(|e| Wrong::says(e.to_string()))?,
            other => Table::read(other, lua)?,
        };
        for pair in table.pairs::<Value, Value>() {
            let (key, _) = pair.map_err(|e| Wrong::says(e.to_string()))?;
            let name = match &key {
                Value::String(name) => name.to_string_lossy(),
                other => format!("[{}]", other.to_string().unwrap_or_default()),
            };
            if !known.contains(&name.as_str()) {
                return Err(Wrong::unknown(known).within(&name));
            }
        }
        Ok(Self { lua, table })
    }

    /// Reads a field. If it is absent, its type decides.
    pub(crate) fn get<T: Field>(&self, name: &str) -> Result<T, Wrong> {
        let value = self.value(name)?;
        let read = if value.is_nil() {
            T::absent().ok_or_else(Wrong::missing)
        } else {
            T::read(value, self.lua)
        };
        read.map_err(|wrong| wrong.within(plain(name)))
    }

    /// Reads a field. If it is absent, returns the default.
    pub(crate) fn get_or<T: Field>(&self, name: &str, default: T) -> Result<T, Wrong> {
        if self.value(name)?.is_nil() {
            Ok(default)
        } else {
            self.get(name)
        }
    }

    fn value(&self, name: &str) -> Result<Value, Wrong> {
        let value = self.table.raw_get(plain(name));
        value.map_err(|e| Wrong::says(e.to_string()))
    }
}

/// The Lua name of a field whose Rust name is a raw identifier.
pub(crate) fn plain(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// Reads a table that has only the options of `T`.
pub(crate) fn read<T: Options>(value: Value, lua: &Lua) -> Result<T, Wrong> {
    T::take(&Fields::new(value, lua, T::names())?)
}

/// Two sets of options in one table.
pub(crate) struct Both<A, B>(pub(crate) A, pub(crate) B);

impl<A: Options, B: Options> FromLua for Both<A, B> {
    fn from_lua(value: Value, lua: &Lua) -> mlua::Result<Self> {
        let names = [A::names(), B::names()].concat();
        let fields = Fields::new(value, lua, names)?;
        Ok(Self(A::take(&fields)?, B::take(&fields)?))
    }
}

/// Declares a struct that is read from a table of options:
///
/// ```ignore
/// options! {
///     struct Copy {
///         from: Bytes,             // has to be there
///         to: Option<Bytes>,       // may be absent
///         merge: bool = false,     // what it is when absent
///     }
/// }
/// ```
macro_rules! options {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$about:meta])* $seen:vis $field:ident: $type:ty $(= $default:expr)?),* $(,)?
    }) => {
        $(#[$meta])*
        $vis struct $name {
            $($(#[$about])* $seen $field: $type),*
        }

        impl $crate::lua::options::Options for $name {
            fn names() -> Vec<&'static str> {
                vec![$($crate::lua::options::plain(stringify!($field))),*]
            }

            fn take(
                fields: &$crate::lua::options::Fields<'_>,
            ) -> std::result::Result<Self, $crate::lua::value::Wrong> {
                Ok(Self {
                    $($field: options!(@get fields, $field $(, $default)?)?),*
                })
            }
        }

        impl $crate::lua::value::Field for $name {
            fn read(
                value: mlua::Value,
                lua: &mlua::Lua,
            ) -> std::result::Result<Self, $crate::lua::value::Wrong> {
                $crate::lua::options::read(value, lua)
            }
        }

        impl mlua::FromLua for $name {
            fn from_lua(value: mlua::Value, lua: &mlua::Lua) -> mlua::Result<Self> {
                Ok($crate::lua::options::read(value, lua)?)
            }
        }
    };
    (@get $fields:ident, $field:ident) => { $fields.get(stringify!($field)) };
    (@get $fields:ident, $field:ident, $default:expr) => {
        $fields.get_or(stringify!($field), $default)
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mlua::{FromLua, Lua, Value};

    use super::Both;
    use crate::lua::bytes::{Blob, Bytes};

    options! {
        #[derive(Debug)]
        struct Inner {
            name: String,
            r#type: Option<u32>,
        }
    }

    options! {
        struct Outer {
            path: Bytes,
            size: u64 = 7,
            seconds: Option<f64>,
            sync: bool = true,
            list: Vec<Inner> = Vec::new(),
            env: BTreeMap<String, Blob> = BTreeMap::new(),
        }
    }

    fn read<T: FromLua>(code: &str) -> Result<T, String> {
        let lua = Lua::new();
        let value: Value = lua.load(code).eval().expect("the code is right");
        T::from_lua(value, &lua).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_read() {
        let outer: Outer = read(
            r#"{ path = "a\xff", size = 2^20, seconds = 2, sync = false, list = { { name = "x", type = 1 } },
                 env = { A = "\0" } }"#,
        )
        .expect("all is right");
        assert_eq!(outer.path.0.as_encoded_bytes(), b"a\xff");
        assert_eq!(
            (outer.size, outer.seconds, outer.sync),
            (1 << 20, Some(2.0), false)
        );
        assert_eq!(outer.list[0].name, "x");
        assert_eq!(outer.list[0].r#type, Some(1));
        assert_eq!(outer.env["A"].0, [0]);
        let outer: Outer = read(r#"{ path = "" }"#).expect("all is right");
        assert_eq!((outer.size, outer.seconds, outer.sync), (7, None, true));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (code, says) in [
            ("nil", "`path` is missing"),
            ("5", "expected a table, got 5"),
            ("{ path = 1 }", "`path`: expected a string, got 1"),
            (
                r#"{ path = "\0" }"#,
                "`path`: a path cannot hold a zero byte",
            ),
            (
                r#"{ path = "", siez = 1 }"#,
                "unknown option `siez`, did you mean `size`?",
            ),
            (
                r#"{ path = "", compression = 1 }"#,
                "unknown option `compression`, expected one of path, size, seconds, sync, list, env",
            ),
            (
                r#"{ "x", path = "" }"#,
                "unknown option `[1]`, expected one of path, size, seconds, sync, list, env",
            ),
            (
                r#"{ path = "", size = -1 }"#,
                "`size`: expected a whole number, 0 or more, got -1",
            ),
            (
                r#"{ path = "", size = 0.5 }"#,
                "`size`: expected a whole number, 0 or more, got 0.5",
            ),
            (
                r#"{ path = "", size = "1" }"#,
                "`size`: expected a whole number, 0 or more, got string",
            ),
            (
                r#"{ path = "", sync = 1 }"#,
                "`sync`: expected true or false, got 1",
            ),
            (
                r#"{ path = "", list = { { name = "\xff" } } }"#,
                "`list[1].name`: expected text in UTF-8",
            ),
            (
                r#"{ path = "", list = { { name = "", typo = 1 } } }"#,
                "unknown option `list[1].typo`, did you mean `type`?",
            ),
            (
                r#"{ path = "", list = { {} } }"#,
                "`list[1].name` is missing",
            ),
            (
                r#"{ path = "", list = { name = "" } }"#,
                "`list`: expected a list, got a table with other keys",
            ),
            (
                r#"{ path = "", env = { A = 1 } }"#,
                "`env.A`: expected a string, got 1",
            ),
        ] {
            assert_eq!(read::<Outer>(code).err().as_deref(), Some(says), "{code}");
        }
    }

    #[test]
    fn two_sets_in_one_table() {
        type Two = Both<Outer, Inner>;
        let two: Two = read(r#"{ path = "p", name = "n" }"#).expect("all is right");
        assert_eq!((two.0.size, two.1.name.as_str()), (7, "n"));
        let error = read::<Two>(r#"{ path = "p", nmae = "n" }"#).err();
        assert_eq!(
            error.as_deref(),
            Some("unknown option `nmae`, did you mean `name`?")
        );
    }
}
