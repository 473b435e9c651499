//! Finds and reads the script to run.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::Path;

use super::places::Places;
use crate::nearest::nearest;
use crate::{bundle, error};

/// The exit status for a wrong command line.
pub(crate) const USAGE: u8 = 2;

/// A script: its name and its text.
pub(super) struct Source {
    pub(super) name: OsString,
    pub(super) text: Vec<u8>,
}

/// A failure before the script runs.
pub(super) struct Failure {
    pub(super) error: String,
    pub(super) cause: Option<String>,
    pub(super) hint: Option<String>,
    pub(super) status: u8,
}

/// Finds a script: a file of this name, or a program of the working tree, the installation or the bundle.
pub(super) fn find(name: &OsStr, places: &mut Places) -> Result<Source, Failure> {
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
    // `scripts/NAME.lua`, as in messages and the README, means the program NAME in any of these places.
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
        hint: Some(
            nearest(
                &stem_of(&text),
                bundle::programs().iter().map(String::as_str),
            )
            .map_or_else(
                || "`bq --list` shows the bundled programs".into(),
                |near| format!("did you mean `bq {near}`?"),
            ),
        ),
        status: USAGE,
    })
}

fn read(path: &Path, places: &mut Places) -> Result<Source, Failure> {
    let text = std::fs::read(path).map_err(|error| unreadable(path.as_os_str(), &error))?;
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = real.parent() {
        places.add_script(folder);
    }
    Ok(Source {
        name: path.into(),
        text,
    })
}

pub(super) fn stdin() -> Result<Vec<u8>, Failure> {
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

/// The part of a script's name that may be the name of a program.
fn stem_of(name: &str) -> String {
    let stem = Path::new(name).file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
