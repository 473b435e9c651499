//! One archive: unpacks it, lists it, or reads one file of it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::input::{Mode, with_tar};
use super::member::{Kind, Limits, Member, Members, input_error};
use super::reader::Reader;
use super::rules::{Profile, Rules, Summary};
use super::staging::Staging;
use super::tree::Tree;
use super::zipped::{MAGICS, Zip};
use crate::error::{Error, Result};
use crate::tree::digest;
use crate::tree::inside::normalise;
use crate::tree::names::shown;
use crate::tree::root::Root;

/// In a file system for `/`, names may lead through links.
pub(super) fn follows(rules: &Rules) -> bool {
    rules.profile == Profile::Rootfs
}

/// Adds the archive and the place in it to an error.
pub(super) fn located(
    mut error: Error,
    op: &str,
    archive: &Path,
    place: Option<(u64, u64)>,
) -> Error {
    let own = matches!(
        error.code.as_str(),
        "refused" | "format" | "truncated" | "limit"
    );
    let archive_name = shown(archive.as_os_str().as_encoded_bytes());
    if own {
        op.clone_into(&mut error.op);
    }
    if error.path.is_none() {
        error.path = Some(archive_name.clone());
    } else if own {
        let entry = place.map_or_else(String::new, |(entry, _)| format!("entry {entry} of "));
        error.message = format!("{} ({entry}`{archive_name}`)", error.message);
    }
    if let Some((entry, offset)) = place {
        error = error
            .with("entry", entry.to_string())
            .with("offset", offset.to_string());
    }
    error.with("archive", archive_name)
}

/// Reads an archive, and adds its path and the place to errors. Returns the result of `body` and the digest of the file.
fn read<T>(
    op: &str,
    path: &Path,
    mode: Mode,
    limits: Limits,
    body: impl FnOnce(&mut dyn Members) -> Result<T>,
) -> Result<(T, Option<String>)> {
    let mut place = None;
    let run = |members: &mut dyn Members| {
        let result = body(members);
        place = Some(members.place());
        result
    };
    let mut file = crate::tree::open::file(path)?;
    let result = if is_zip(&file) {
        let all = mode
            .hash
            .then(|| digest::rest_of(&mut file, &mut vec![0; digest::PIECE]));
        let all = all.transpose();
        let all = all.map_err(|e| Error::io("read", &e).at(path))?;
        let digest = all.map(|(digest, _)| digest);
        Zip::open(file, limits).and_then(|mut zip| Ok((run(&mut zip)?, digest)))
    } else {
        with_tar(file, mode, |tar, count| {
            run(&mut Reader::new(tar, count, limits))
        })
    };
    result.map_err(|error| located(error, op, path, place))
}

/// Decompresses a file that holds no archive.
pub(super) fn decompress(path: &Path, max: u64, threads: u32) -> Result<Vec<u8>> {
    let mode = Mode {
        hash: false,
        threads,
    };
    let content = with_tar(crate::tree::open::file(path)?, mode, |plain, _| {
        let mut content = Vec::new();
        // One byte more tells that there is too much.
        let mut limited = plain.take(max.saturating_add(1));
        limited.read_to_end(&mut content).map_err(input_error)?;
        if content.len() as u64 > max {
            let why = format!("its content is more than {max} bytes");
            return Err(Error::new("decompress", "limit", why));
        }
        Ok(content)
    });
    match content {
        Ok((content, _)) => Ok(content),
        Err(error) => Err(located(error, "decompress", path, None)),
    }
}

/// Whether a file is a zip. A zip is read from its end, so a file that cannot be read at an offset is not one.
fn is_zip(file: &File) -> bool {
    let mut magic = [0; 4];
    file.read_exact_at(&mut magic, 0).is_ok() && MAGICS.contains(&&magic)
}

/// Unpacks into a tree. More archives may follow.
pub(super) fn unpack(path: &Path, tree: &mut Tree<'_>, threads: u32) -> Result<()> {
    let limits = tree.limits();
    let mode = Mode {
        hash: false,
        threads,
    };
    read("extract", path, mode, limits, |reader| tree.unpack(reader)).map(|_| ())
}

/// Unpacks one archive. If the file has a wrong digest, nothing of it ever appears in the target.
pub(super) fn extract(
    path: &Path,
    target: &Path,
    sha256: Option<&str>,
    rules: &Rules,
    merge: bool,
    threads: u32,
    umask: u32,
) -> Result<Summary> {
    let staging = Staging::new(target, merge)?;
    let check_before = sha256.filter(|_| staging.is_in_place());
    if let Some(expected) = check_before {
        verify(path, expected, &digest::of_file(path)?.0)?;
    }
    let check_after = sha256.filter(|_| check_before.is_none());
    let root =
        Root::open(staging.path(), follows(rules)).map_err(|e| Error::os("open", e).at(target))?;
    let mut tree = Tree::new(root, rules, umask);
    let mode = Mode {
        hash: check_after.is_some(),
        threads,
    };
    match (
        read("extract", path, mode, rules.limits, |reader| {
            tree.unpack(reader)
        }),
        check_after,
    ) {
        (Ok(((), Some(actual))), Some(expected)) => verify(path, expected, &actual)?,
        (Ok(_), _) => {}
        (Err(error), Some(expected)) if error.errno.is_none() => {
            // If it is not the expected file, that error matters more than this one.
            verify(path, expected, &digest::of_file(path)?.0)?;
            return Err(error);
        }
        (Err(error), _) => return Err(error),
    }
    tree.finish()
        .map_err(|error| located(error, "extract", path, None))?;
    staging.commit()?;
    Ok(tree.summary)
}

fn verify(path: &Path, expected: &str, actual: &str) -> Result<()> {
    if expected.eq_ignore_ascii_case(actual) {
        return Ok(());
    }
    let message = format!("its SHA-256 is {actual}, not {expected}");
    Err(Error::new("extract", "hash_mismatch", message)
        .at(path)
        .with("expected", expected)
        .with("actual", actual))
}

/// Lists all members, by the same strict rules.
pub(super) fn list(path: &Path, threads: u32) -> Result<Vec<Member>> {
    let mode = Mode {
        hash: false,
        threads,
    };
    let all = read("list", path, mode, Limits::default(), |reader| {
        let mut members = Vec::new();
        while let Some(member) = reader.next()? {
            members.push(member);
        }
        Ok(members)
    });
    all.map(|(members, _)| members)
}

/// The content of one file. If several members have the name, the last one counts. Hard links are followed to their file.
pub(super) fn file(path: &Path, wanted: &[u8], max: u64, threads: u32) -> Result<Option<Vec<u8>>> {
    let mut wanted = normalise(wanted).map_err(|why| Error::argument("read", why))?;
    // Each round follows one hard link. The limit ends a chain of links that is a cycle.
    for _ in 0..16 {
        match find(path, &wanted, max, threads)? {
            Found::Nothing => return Ok(None),
            Found::Content(content) => return Ok(Some(content)),
            Found::Link(target) => wanted = target,
        }
    }
    Err(Error::new("read", "refused", "a cycle of hard links").at(shown(&wanted)))
}

enum Found {
    Nothing,
    Content(Vec<u8>),
    Link(Vec<u8>),
}

fn find(path: &Path, wanted: &[u8], max: u64, threads: u32) -> Result<Found> {
    let mode = Mode {
        hash: false,
        threads,
    };
    let found = read("read", path, mode, Limits::default(), |reader| {
        let mut found = Found::Nothing;
        while let Some(member) = reader.next()? {
            if member.name != wanted {
                continue;
            }
            found = match member.kind {
                Kind::File if member.size > max => {
                    let why = format!("a file of {} bytes, more than {max}", member.size);
                    return Err(Error::new("read", "limit", why).at(shown(wanted)));
                }
                Kind::File => {
                    let mut content = Vec::new();
                    reader.content(&mut |piece| {
                        content.extend_from_slice(piece);
                        Ok(())
                    })?;
                    Found::Content(content)
                }
                Kind::Hardlink => {
                    let link = member.link.strip_prefix(b"/").unwrap_or(&member.link);
                    Found::Link(normalise(link).map_err(|why| {
                        Error::new("read", "refused", format!("a hard link to {why}"))
                            .at(shown(wanted))
                    })?)
                }
                _ => return Err(Error::new("read", "type", "this is no file").at(shown(wanted))),
            };
        }
        Ok(found)
    });
    found.map(|(found, _)| found)
}
