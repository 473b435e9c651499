//! A GNU make jobserver: tokens in a pipe, shared by all the makes of a build.

use std::os::fd::RawFd;

use jobserver::Client;
use mlua::{Lua, Table};

use super::super::arguments::table;
use crate::error::{Error, Result, native};

pub(super) fn add(lua: &Lua, module: &Table) -> mlua::Result<()> {
    native(lua, module, "jobserver", create)
}

fn create(lua: &Lua, tokens: usize) -> Result<Table> {
    let client = Client::new(tokens).map_err(|e| Error::io("jobserver", &e))?;
    let auth = auth(&client)?;
    let out = table(lua)?;
    // A make that finds a jobserver takes its number of jobs from there.
    out.raw_set("makeflags", format!("-j{tokens} --jobserver-auth={auth}"))?;
    out.raw_set("fds", descriptors(&auth)?)?;
    let tokens = std::rc::Rc::new(std::cell::RefCell::new((client, Vec::new())));
    let held = tokens.clone();
    native(lua, &out, "try_acquire", move |_, _: mlua::Value| {
        let (client, held) = &mut *held.borrow_mut();
        let token = client.try_acquire().map_err(|e| Error::io("jobserver", &e))?;
        let got = token.is_some();
        held.extend(token);
        Ok(got)
    })?;
    native(lua, &out, "release", move |_, _: mlua::Value| {
        // Dropping a token writes it back.
        tokens.borrow_mut().1.pop().map(drop).ok_or_else(|| Error::argument("release", "no token is held"))
    })?;
    Ok(out)
}

/// The `R,W` of `--jobserver-auth`, which the crate tells only to the environment of a command.
fn auth(client: &Client) -> Result<String> {
    let mut command = std::process::Command::new("make");
    client.configure(&mut command);
    command
        .get_envs()
        .filter_map(|(_, value)| value?.to_str()?.split("--jobserver-auth=").nth(1).map(str::to_owned))
        .next()
        .ok_or_else(|| Error::new("jobserver", "format", "the jobserver does not say where it is"))
}

fn descriptors(auth: &str) -> Result<Vec<RawFd>> {
    auth.split(',')
        .map(|number| number.trim().parse().map_err(|_| Error::new("jobserver", "format", format!("no descriptors in `{auth}`"))))
        .collect()
}
