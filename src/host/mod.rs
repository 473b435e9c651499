//! The Lua state: modules, `arg`, and running a script to its exit status.

mod places;
mod script;
mod search;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;

use mlua::state::{GcIncParams, GcMode};
use mlua::{Function, Lua, LuaString, Table, Variadic};

use crate::cli::{Options, Program};
use crate::error::Result;
use crate::lua::module::{Module, install};
use crate::modules::log::Color;
use crate::{bundle, modules};
use places::{Places, places};
pub(crate) use script::USAGE;
use script::{Failure, Source, find, stdin};
use search::{chunk_name, searchers, without_shebang};

/// The version, in the program file itself: a bq for another architecture cannot be run to ask for it.
#[used]
static MARK: &[u8] = concat!("\0bq version\0", env!("CARGO_PKG_VERSION"), "\0").as_bytes();

/// Runs the script of the command line.
pub(crate) fn run(options: Options) -> ExitCode {
    match start(&options) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            eprintln!("error: {}", failure.error);
            if let Some(cause) = failure.cause {
                eprintln!("caused by: {cause}");
            }
            if let Some(hint) = failure.hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(failure.status)
        }
    }
}

fn start(options: &Options) -> std::result::Result<u8, Failure> {
    let mut places = places(options);
    let source = match &options.program {
        Program::Script(name) => find(name, &mut places)?,
        Program::Code(code) => Source {
            name: "=(command line)".into(),
            text: code.clone().into_bytes(),
        },
        Program::Stdin => Source {
            name: "=stdin".into(),
            text: stdin()?,
        },
        Program::Interactive => Source {
            name: "=bq".into(),
            text: b"return require('bq.repl')()".to_vec(),
        },
    };
    execute(options, &places, source).map_err(|error| Failure {
        error: "cannot start Lua".into(),
        cause: Some(error.to_string()),
        hint: None,
        status: 1,
    })
}

fn execute(options: &Options, places: &Places, source: Source) -> mlua::Result<u8> {
    // SAFETY: the state runs scripts that its user chose. They cannot load foreign machine code: the C searchers are
    // removed in `searchers`. `debug` is needed for tracebacks.
    let lua = unsafe { Lua::unsafe_new() };
    // The modules loaded here live until the end, so the collector would find nothing.
    lua.gc_stop();
    install(&lua)?;
    modules::install(&lua)?;
    searchers(&lua, places.clone())?;
    host_module(&lua, options, places, &source.name)?;
    let arg = lua.create_table()?;
    arg.set(0, lua.create_string(source.name.as_bytes())?)?;
    arg.set(-1, "bq")?;
    for (index, word) in options.arguments.iter().enumerate() {
        arg.set(index + 1, lua.create_string(word.as_bytes())?)?;
    }
    lua.globals().set("arg", arg)?;
    let require: Function = lua.globals().get("require")?;
    let main: Function = require.call("bq.main")?;
    let words: Variadic<mlua::LuaString> = options
        .arguments
        .iter()
        .map(|w| lua.create_string(w.as_bytes()))
        .collect::<mlua::Result<_>>()?;
    let name = chunk_name(&source.name);
    let text = lua.create_string(without_shebang(source.text))?;
    // Most of what a program makes is a plan or a state that lives until its end: with Lua's own pause of 200 % the collector
    // took a third of a plan's time. With 400 % a heap may hold three times what is in use before the next round.
    lua.gc_set_mode(GcMode::Incremental(GcIncParams::default().pause(400)));
    lua.gc_restart();
    let status = main.call((text, lua.create_string(name)?, options.traceback, words));
    modules::progress::clear();
    // The process ends here. Freeing the Lua state first would take longer than many scripts run, and the kernel frees all
    // memory anyway. The exit writes out C's streams.
    std::mem::forget(lua);
    status
}

/// `bq.host`: information about the program that runs the script.
fn host_module(lua: &Lua, options: &Options, places: &Places, script: &OsStr) -> mlua::Result<()> {
    let mut flags = vec!["-v"; usize::from(options.verbose)];
    flags.extend(options.quiet.then_some("-q"));
    flags.extend(options.traceback.then_some("--traceback"));
    flags.extend(match options.color {
        Color::Auto => None,
        Color::Always => Some("--color=always"),
        Color::Never => Some("--color=never"),
    });
    let folders = |list: &[PathBuf]| {
        list.iter()
            .map(|p| lua.create_string(p.as_os_str().as_bytes()))
            .collect::<mlua::Result<Vec<_>>>()
    };
    let module = Module::new(lua, "host")
        .value("version", env!("CARGO_PKG_VERSION"))
        .value("options", flags)
        .value("script", lua.create_string(script.as_bytes())?)
        .value("module_folders", folders(&places.modules)?)
        .value("program_folders", folders(&places.programs)?)
        .function("bundled", bundled)
        .function("bundle", |_, ()| Ok(bundle::names()))
        .build()?;
    let package: Table = lua.globals().get("package")?;
    package.get::<Table>("loaded")?.set("bq.host", module)
}

/// The bytes of a bundled file.
fn bundled(lua: &Lua, name: LuaString) -> Result<Option<LuaString>> {
    let text = name.to_str().ok().and_then(|name| bundle::file(&name));
    Ok(text.map(|text| lua.create_string(text)).transpose()?)
}
