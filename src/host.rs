//! The Lua state: modules, `arg`, the search path, and running a script to its exit status.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mlua::{Function, Lua, MultiValue, Table, Value, Variadic};

use crate::cli::{Options, Program};
use crate::kernel::program::executable;
use crate::{bundle, error, modules};

/// Exit status of a wrong command line.
pub(crate) const USAGE: u8 = 2;

/// Where modules and programs are looked for, in this order.
#[derive(Clone, Debug, Default)]
struct Places {
    /// Folders that `require` searches: the script's own, `--lib`, `BQ_PATH`, then the working tree's library.
    modules: Vec<PathBuf>,
    /// How many of them were named by the user, by option or variable.
    named: usize,
    /// Folders that hold programs.
    programs: Vec<PathBuf>,
}

/// A script: what it is called and what it says.
struct Source {
    name: OsString,
    text: Vec<u8>,
}

/// What stops a run before its script is read.
struct Failure {
    error: String,
    cause: Option<String>,
    hint: Option<String>,
    status: u8,
}

/// Runs what the command line asks for.
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

fn start(options: &Options) -> Result<u8, Failure> {
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

fn stdin() -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    match std::io::stdin().lock().read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(unreadable(OsStr::new("standard input"), &error)),
    }
}

fn unreadable(name: &OsStr, error: &std::io::Error) -> Failure {
    Failure {
        error: format!("cannot read `{}`", name.to_string_lossy()),
        cause: Some(
            error::Error::io("read", error)
                .at(Path::new(name))
                .to_string(),
        ),
        hint: None,
        status: 1,
    }
}

/// The places that hold for every script; the script's own folder and tree are added when it is found.
fn places(options: &Options) -> Places {
    let mut places = Places {
        modules: options.lib.clone(),
        named: 0,
        programs: Vec::new(),
    };
    if let Some(path) = std::env::var_os("BQ_PATH") {
        places
            .modules
            .extend(std::env::split_paths(&path).filter(|p| !p.as_os_str().is_empty()));
    }
    let named = places.modules.len();
    let here = std::env::current_dir()
        .ok()
        .and_then(bundle::tree_of)
        .filter(|tree| bundle::is_trusted(tree));
    let installed = executable()
        .and_then(|exe| Some(exe.parent()?.parent()?.join("share/bq")))
        .filter(|share| share.join("lua-lib/bq").is_dir());
    for tree in [here, installed].into_iter().flatten() {
        places.modules.push(tree.join("lua-lib"));
        places.programs.push(tree.join("scripts"));
    }
    places.named = named;
    places
}

/// Finds a script: a file as named, or a program of the working tree, the installation or the bundle.
fn find(name: &OsStr, places: &mut Places) -> Result<Source, Failure> {
    let path = Path::new(name);
    if path.is_file() || (path.exists() && !path.is_dir()) {
        return read(path, places);
    }
    let text = name.to_string_lossy();
    if let Some(bytes) = bundle::file(&text) {
        return Ok(Source {
            name: name.into(),
            text: bytes.to_vec(),
        });
    }
    // `scripts/NAME.lua`, as messages and the README name them, is a program wherever one is.
    let name = text.strip_prefix("scripts/").unwrap_or(&text);
    if !name.contains('/') {
        let file = format!("{}.lua", name.strip_suffix(".lua").unwrap_or(name));
        let on_disk = places.programs.iter().map(|p| p.join(&file));
        if let Some(found) = on_disk.into_iter().find(|p| p.is_file()) {
            return read(&found, places);
        }
        let bundled = format!("{}scripts/{file}", bundle::PREFIX);
        if let Some(bytes) = bundle::file(&bundled) {
            return Ok(Source {
                name: bundled.into(),
                text: bytes.to_vec(),
            });
        }
    }
    Err(Failure {
        error: format!("no script `{text}`"),
        cause: Some(if path.is_dir() {
            "it is a folder".into()
        } else {
            "there is no such file, and no program of that name is bundled".into()
        }),
        hint: Some(nearest(&text).map_or_else(
            || "`bq --list` shows the bundled programs".into(),
            |near| format!("did you mean `bq {near}`?"),
        )),
        status: USAGE,
    })
}

fn read(path: &Path, places: &mut Places) -> Result<Source, Failure> {
    let text = std::fs::read(path).map_err(|error| unreadable(path.as_os_str(), &error))?;
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = real.parent() {
        places.modules.insert(0, folder.to_owned());
        if let Some(tree) = bundle::tree_of(folder.to_owned()) {
            let (library, programs) = (tree.join("lua-lib"), tree.join("scripts"));
            places.programs.retain(|known| *known != programs);
            places.programs.insert(0, programs);
            // After the script's own folder and what the user named, before the trees found from elsewhere.
            let place = 1 + places.named;
            let mut index = 0;
            places.modules.retain(|known| {
                index += 1;
                index <= place || *known != library
            });
            places.modules.insert(place, library);
        }
    }
    Ok(Source {
        name: path.into(),
        text,
    })
}

/// The bundled program whose name is nearest, if any is near.
fn nearest(name: &str) -> Option<String> {
    let stem = Path::new(name).file_stem()?.to_str()?;
    let (distance, program) = bundle::programs()
        .into_iter()
        .map(|program| (distance(stem, &program), program))
        .min()?;
    (distance <= 1 + stem.len() / 4).then_some(program)
}

/// The number of single-character edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let cost = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn execute(options: &Options, places: &Places, source: Source) -> mlua::Result<u8> {
    // SAFETY: the state runs scripts that its user chose; the C searchers, by which they could load
    // foreign machine code, are removed in `searchers`. `debug` is wanted for tracebacks.
    let lua = unsafe { Lua::unsafe_new() };
    // What is loaded first stays to the end: there is nothing to collect.
    lua.gc_stop();
    error::install(&lua)?;
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
    lua.gc_restart();
    let status = main.call((text, lua.create_string(name)?, options.traceback, words));
    modules::progress::clear();
    // The process ends here. To collect and free all first takes longer than many a script, and is what the kernel does
    // in any case; C's streams are written out at the exit.
    std::mem::forget(lua);
    status
}

/// A file's name gets an `@`, as in `lua`; `=` names are shown as they are.
fn chunk_name(name: &OsStr) -> Vec<u8> {
    let bytes = name.as_bytes();
    if bytes.starts_with(b"=") {
        bytes.to_vec()
    } else {
        [b"@", bytes].concat()
    }
}

/// Drops a byte order mark, and turns a `#!` line into a comment, so that line numbers stay right.
fn without_shebang(mut text: Vec<u8>) -> Vec<u8> {
    if text.starts_with(b"\xEF\xBB\xBF") {
        text.drain(..3);
    }
    if text.starts_with(b"#") {
        [b"--".as_slice(), &text].concat()
    } else {
        text
    }
}

/// `require` looks at the native modules, then in our places and the bundle; nowhere else.
fn searchers(lua: &Lua, places: Places) -> mlua::Result<()> {
    let package: Table = lua.globals().get("package")?;
    let all: Table = package.get("searchers")?;
    let kept = lua.create_table()?;
    kept.push(all.get::<Value>(1)?)?;
    kept.push(lua.create_function(move |lua, name: String| search(lua, &places, &name))?)?;
    package.set("searchers", kept)?;
    package.set("cpath", "")?;
    package.set("path", "")?;
    package.set("loadlib", Value::Nil)
}

fn search(lua: &Lua, places: &Places, name: &str) -> mlua::Result<MultiValue> {
    let file = name.replace('.', "/");
    let mut tried = String::new();
    for folder in &places.modules {
        for candidate in [format!("{file}.lua"), format!("{file}/init.lua")] {
            let path = folder.join(candidate);
            match std::fs::read(&path) {
                Ok(text) => return loaded(lua, path.as_os_str(), text),
                Err(_) => tried.extend(["\n\tno file '", &path.to_string_lossy(), "'"]),
            }
        }
    }
    for candidate in [format!("{file}.lua"), format!("{file}/init.lua")] {
        let path = format!("{}lua-lib/{candidate}", bundle::PREFIX);
        if let Some(text) = bundle::file(&path) {
            return loaded(lua, OsStr::new(&path), text.to_vec());
        }
        tried.extend(["\n\tno file '", &path, "'"]);
    }
    // Lua itself begins what each searcher says on a line of its own.
    Ok(MultiValue::from_iter([Value::String(
        lua.create_string(tried.trim_start())?,
    )]))
}

fn loaded(lua: &Lua, path: &OsStr, text: Vec<u8>) -> mlua::Result<MultiValue> {
    let load: Function = lua.globals().get("load")?;
    let chunk = lua.create_string(without_shebang(text))?;
    let (function, message): (Option<Function>, Option<String>) =
        load.call((chunk, lua.create_string(chunk_name(path))?, "t"))?;
    let Some(function) = function else {
        return Err(mlua::Error::runtime(message.unwrap_or_default()));
    };
    let path = lua.create_string(path.as_bytes())?;
    Ok(MultiValue::from_iter([
        Value::Function(function),
        Value::String(path),
    ]))
}

/// `bq.host`: what scripts can ask of the program that runs them.
fn host_module(lua: &Lua, options: &Options, places: &Places, script: &OsStr) -> mlua::Result<()> {
    let module = lua.create_table()?;
    module.raw_set("__name", "host")?;
    module.raw_set("version", env!("CARGO_PKG_VERSION"))?;
    let mut flags = vec!["-v"; usize::from(options.verbose)];
    flags.extend(options.quiet.then_some("-q"));
    flags.extend(options.traceback.then_some("--traceback"));
    module.raw_set("options", flags)?;
    module.raw_set("script", lua.create_string(script.as_bytes())?)?;
    let folders = |list: &[PathBuf]| {
        lua.create_sequence_from(
            list.iter()
                .map(|p| lua.create_string(p.as_os_str().as_bytes()))
                .collect::<mlua::Result<Vec<_>>>()?,
        )
    };
    module.raw_set("module_folders", folders(&places.modules)?)?;
    module.raw_set("program_folders", folders(&places.programs)?)?;
    error::native(
        lua,
        &module,
        "bundled",
        |lua, name: mlua::LuaString| match name.to_str().ok().and_then(|name| bundle::file(&name)) {
            Some(text) => {
                Ok(Some(lua.create_string(text).map_err(|e| {
                    error::Error::new("bundled", "lua", e.to_string())
                })?))
            }
            None => Ok(None),
        },
    )?;
    error::native(lua, &module, "bundle", |_, ()| Ok(bundle::names()))?;
    module.raw_set("__name", mlua::Nil)?;
    let package: Table = lua.globals().get("package")?;
    package.get::<Table>("loaded")?.set("bq.host", module)
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest, without_shebang};

    #[test]
    fn edits_are_counted() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn shebang_keeps_its_line() {
        assert_eq!(
            without_shebang(b"#!/usr/bin/env bq\nx".to_vec()),
            b"--#!/usr/bin/env bq\nx"
        );
        assert_eq!(without_shebang(b"x".to_vec()), b"x");
        assert_eq!(without_shebang(b"\xEF\xBB\xBF#!y".to_vec()), b"--#!y");
    }

    #[test]
    fn far_names_have_no_nearest() {
        assert_eq!(nearest("zzzzzzzzzzzz"), None);
    }
}
