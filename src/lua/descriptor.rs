//! Open descriptors that a script owns. They are userdata and not numbers: a number could name a descriptor of something else.

use std::cell::RefCell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};

use mlua::{AnyUserData, FromLua, Lua, MetaMethod, UserData, UserDataMethods, Value};
use nix::errno::Errno;

use super::value::{Field, Wrong};
use crate::error::{Error, Result};
use crate::kernel::descriptor::close_from;

type Cell = RefCell<Option<OwnedFd>>;

/// A descriptor that a script owns. It is closed by `close`, at the end of its `<close>` variable, or when it is collected.
#[derive(Clone)]
pub(crate) struct Descriptor(Rc<Cell>);

/// All open descriptors of the script. `close_now` needs them when it closes a range of numbers.
#[derive(Default)]
struct Known(Vec<Weak<Cell>>);

impl Descriptor {
    pub(crate) fn new(lua: &Lua, fd: impl Into<OwnedFd>) -> Self {
        let cell = Rc::new(RefCell::new(Some(fd.into())));
        if let Some(mut known) = lua.app_data_mut::<Known>() {
            known.0.retain(|one| one.strong_count() > 0);
            known.0.push(Rc::downgrade(&cell));
        } else {
            lua.set_app_data(Known(vec![Rc::downgrade(&cell)]));
        }
        Self(cell)
    }

    /// Calls `body` with the descriptor. It stays open during the call.
    pub(crate) fn with<T>(
        &self,
        op: &str,
        body: impl FnOnce(BorrowedFd<'_>) -> Result<T>,
    ) -> Result<T> {
        match &*self.0.borrow() {
            Some(fd) => body(fd.as_fd()),
            None => Err(closed(op)),
        }
    }

    /// Takes the descriptor away from the script.
    pub(crate) fn take(&self, op: &str) -> Result<OwnedFd> {
        self.0.take().ok_or_else(|| closed(op))
    }

    fn number(&self) -> Option<RawFd> {
        self.0.borrow().as_ref().map(AsRawFd::as_raw_fd)
    }
}

fn closed(op: &str) -> Error {
    Error::os(op, Errno::EBADF).at("a closed descriptor")
}

impl UserData for Descriptor {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_method("number", |_, this, ()| Ok(this.number()));
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| {
            Ok(match this.number() {
                Some(number) => format!("descriptor {number}"),
                None => "closed descriptor".to_owned(),
            })
        });
        methods.add_meta_method(MetaMethod::Close, |_, this, _: Value| {
            drop(this.0.take());
            Ok(())
        });
    }
}

impl Field for Descriptor {
    fn read(value: Value, _: &Lua) -> std::result::Result<Self, Wrong> {
        let own = value.as_userdata().map(AnyUserData::borrow::<Self>);
        match own {
            Some(Ok(descriptor)) => Ok(descriptor.clone()),
            _ => Err(Wrong::expected("a descriptor", &value)),
        }
    }
}

impl FromLua for Descriptor {
    fn from_lua(value: Value, lua: &Lua) -> mlua::Result<Self> {
        Ok(Self::read(value, lua)?)
    }
}

/// A descriptor to pass to another program: one that the script owns, or the number of one that this process inherited.
#[derive(Clone)]
pub(crate) enum Inherited {
    Own(Descriptor),
    Number(RawFd),
}

impl Inherited {
    pub(crate) fn number(&self) -> Option<RawFd> {
        match self {
            Self::Own(descriptor) => descriptor.number(),
            Self::Number(number) => Some(*number),
        }
    }
}

impl Field for Inherited {
    fn read(value: Value, lua: &Lua) -> std::result::Result<Self, Wrong> {
        match &value {
            Value::UserData(_) => Descriptor::read(value, lua).map(Self::Own),
            Value::Integer(_) | Value::Number(_) => i32::read(value, lua).map(Self::Number),
            _ => Err(Wrong::expected("a descriptor or its number", &value)),
        }
    }
}

/// Closes all descriptors from `first` up except those in `keep`, including those that the script owns.
pub(crate) fn close_now(lua: &Lua, first: RawFd, keep: &[RawFd]) -> nix::Result<()> {
    close_from(first, keep, true)?;
    if let Some(known) = lua.app_data_ref::<Known>() {
        for cell in known.0.iter().filter_map(Weak::upgrade) {
            let is_gone = |fd: &OwnedFd| {
                let number = fd.as_raw_fd();
                number >= first && !keep.contains(&number)
            };
            let mut slot = cell.borrow_mut();
            if slot.as_ref().is_some_and(is_gone) {
                // The kernel has closed it already, so it must not be closed again.
                let _ = slot.take().map(IntoRawFd::into_raw_fd);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mlua::Lua;

    use super::Descriptor;

    #[test]
    fn a_closed_one_is_an_error() {
        let lua = Lua::new();
        let (reader, _writer) = nix::unistd::pipe().expect("a pipe");
        let descriptor = Descriptor::new(&lua, reader);
        let other = descriptor.clone();
        other.with("x", |_| Ok(())).expect("it is open");
        drop(descriptor.take("close").expect("it is open"));
        assert_eq!(
            other.with("x", |_| Ok(())).expect_err("closed").code,
            "EBADF"
        );
        assert_eq!(other.take("close").expect_err("closed").code, "EBADF");
    }
}
