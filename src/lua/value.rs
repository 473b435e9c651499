//! Typed values of option tables, without Lua's conversions between types.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use mlua::{FromLua, Function, Lua, LuaString, Table, Value};

use crate::kernel::threads::Threads;
use crate::nearest::nearest;

/// A type that a field of an option table can have.
pub(crate) trait Field: Sized {
    fn read(value: Value, lua: &Lua) -> Result<Self, Wrong>;

    /// The value of an absent field. `None` if the field is required.
    fn absent() -> Option<Self> {
        None
    }
}

/// The error of an option, with its place, as in `files[1].sha256`.
#[derive(Debug)]
pub(crate) struct Wrong {
    place: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Missing,
    Unknown(Vec<&'static str>),
    Expected { expected: String, got: String },
    Says(String),
}

impl Wrong {
    fn new(what: What) -> Self {
        let place = String::new();
        Self { place, what }
    }

    pub(crate) fn missing() -> Self {
        Self::new(What::Missing)
    }

    pub(crate) fn unknown(known: Vec<&'static str>) -> Self {
        Self::new(What::Unknown(known))
    }

    pub(crate) fn says(text: impl Into<String>) -> Self {
        Self::new(What::Says(text.into()))
    }

    pub(crate) fn expected(expected: impl Into<String>, value: &Value) -> Self {
        let got = match value {
            Value::Integer(_) | Value::Number(_) => value.to_string().unwrap_or_default(),
            _ => value.type_name().to_owned(),
        };
        let expected = expected.into();
        Self::new(What::Expected { expected, got })
    }

    /// Adds the name of the field to the place, or the number of an item, as `[1]`.
    pub(crate) fn within(mut self, name: &str) -> Self {
        let dot = if self.place.is_empty() || self.place.starts_with('[') {
            ""
        } else {
            "."
        };
        self.place = format!("{name}{dot}{}", self.place);
        self
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match &self.what {
            What::Missing => return write!(f, "`{place}` is missing"),
            What::Unknown(known) => {
                write!(f, "unknown option `{place}`")?;
                let word = place.rsplit('.').next().unwrap_or(place);
                return match nearest(word, known.iter().copied()) {
                    Some(near) => write!(f, ", did you mean `{near}`?"),
                    None if known.is_empty() => Ok(()),
                    None => write!(f, ", expected one of {}", known.join(", ")),
                };
            }
            _ if !place.is_empty() => write!(f, "`{place}`: ")?,
            _ => {}
        }
        match &self.what {
            What::Expected { expected, got } => write!(f, "expected {expected}, got {got}"),
            What::Says(text) => f.write_str(text),
            What::Missing | What::Unknown(_) => Ok(()),
        }
    }
}

impl std::error::Error for Wrong {}

impl From<Wrong> for mlua::Error {
    fn from(wrong: Wrong) -> Self {
        mlua::Error::external(wrong)
    }
}

/// An argument that is read as strictly as a field.
pub(crate) struct Strict<T>(pub(crate) T);

impl<T: Field> FromLua for Strict<T> {
    fn from_lua(value: Value, lua: &Lua) -> mlua::Result<Self> {
        Ok(Self(T::read(value, lua)?))
    }
}

impl<T: Field> Field for Option<T> {
    fn read(value: Value, lua: &Lua) -> Result<Self, Wrong> {
        T::read(value, lua).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(value: Value, lua: &Lua) -> Result<Self, Wrong> {
        let Value::Table(table) = &value else {
            return Err(Wrong::expected("a list", &value));
        };
        let length = table.raw_len();
        let items = (1..=length)
            .map(|index| {
                let item = table.raw_get(index).unwrap_or(Value::Nil);
                T::read(item, lua).map_err(|wrong| wrong.within(&format!("[{index}]")))
            })
            .collect::<Result<_, _>>()?;
        if table.pairs::<Value, Value>().count() != length {
            return Err(Wrong::says("expected a list, got a table with other keys"));
        }
        Ok(items)
    }
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn read(value: Value, lua: &Lua) -> Result<Self, Wrong> {
        let Value::Table(table) = &value else {
            return Err(Wrong::expected("a table", &value));
        };
        let mut map = Self::new();
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair.map_err(|e| Wrong::says(e.to_string()))?;
            let key = match &key {
                Value::String(_) => String::read(key, lua)?,
                other => return Err(Wrong::expected("names as keys", other)),
            };
            let value = T::read(value, lua).map_err(|wrong| wrong.within(&key))?;
            map.insert(key, value);
        }
        Ok(map)
    }
}

impl Field for bool {
    fn read(value: Value, _: &Lua) -> Result<Self, Wrong> {
        match value {
            Value::Boolean(flag) => Ok(flag),
            other => Err(Wrong::expected("true or false", &other)),
        }
    }
}

/// Reads a whole number. It may be a float, as the result of `2^20` is.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(*number as i64)
        }
        _ => None,
    }
}

macro_rules! whole_numbers {
    ($($type:ty => $expected:expr),* $(,)?) => {
        $(impl Field for $type {
            fn read(value: Value, _: &Lua) -> Result<Self, Wrong> {
                whole(&value)
                    .and_then(|number| number.try_into().ok())
                    .ok_or_else(|| Wrong::expected($expected, &value))
            }
        })*
    };
}

whole_numbers! {
    i64 => "a whole number",
    i32 => "a whole number",
    u64 => "a whole number, 0 or more",
    u32 => format!("a whole number from 0 to {}", u32::MAX),
    usize => "a whole number, 0 or more",
}

impl Field for f64 {
    fn read(value: Value, _: &Lua) -> Result<Self, Wrong> {
        match value {
            #[allow(clippy::cast_precision_loss)] // no option is larger than 2^53
            Value::Integer(number) => Ok(number as f64),
            Value::Number(number) => Ok(number),
            other => Err(Wrong::expected("a number", &other)),
        }
    }
}

/// The longest time. A longer one is cut to this.
const MAX_SECONDS: f64 = 365.0 * 86400.0;

/// A time above zero.
#[derive(Clone, Copy)]
pub(crate) struct Seconds(pub(crate) Duration);

impl Field for Seconds {
    fn read(value: Value, lua: &Lua) -> Result<Self, Wrong> {
        match f64::read(value.clone(), lua) {
            Ok(number) if number > 0.0 => {
                Ok(Self(Duration::from_secs_f64(number.min(MAX_SECONDS))))
            }
            _ => Err(Wrong::expected("a number of seconds above 0", &value)),
        }
    }
}

impl Field for LuaString {
    fn read(value: Value, _: &Lua) -> Result<Self, Wrong> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(Wrong::expected("a string", &other)),
        }
    }
}

impl Field for String {
    fn read(value: Value, lua: &Lua) -> Result<Self, Wrong> {
        let text = LuaString::read(value, lua)?;
        let text = text.to_str();
        text.map(|text| text.to_owned())
            .map_err(|_| Wrong::says("expected text in UTF-8"))
    }
}

impl Field for Table {
    fn read(value: Value, _: &Lua) -> Result<Self, Wrong> {
        match value {
            Value::Table(table) => Ok(table),
            other => Err(Wrong::expected("a table", &other)),
        }
    }
}

impl Field for Function {
    fn read(value: Value, _: &Lua) -> Result<Self, Wrong> {
        match value {
            Value::Function(function) => Ok(function),
            other => Err(Wrong::expected("a function", &other)),
        }
    }
}

impl Field for Threads {
    fn read(value: Value, lua: &Lua) -> Result<Self, Wrong> {
        match usize::read(value, lua)? {
            0 => Err(Wrong::says("expected at least 1, got 0")),
            count => Ok(Self(count.min(Self::MAX))),
        }
    }
}

/// Reads one of several words, such as the name of a format.
pub(crate) fn word<T: Copy>(value: &Value, words: &[(&str, T)]) -> Result<T, Wrong> {
    let known = || {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        format!("one of {}", names.join(", "))
    };
    let Value::String(text) = value else {
        return Err(Wrong::expected(known(), value));
    };
    let text = text.to_string_lossy();
    match words.iter().find(|(name, _)| *name == text) {
        Some((_, value)) => Ok(*value),
        None => Err(Wrong::says(format!("expected {}, got `{text}`", known()))),
    }
}
