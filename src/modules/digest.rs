//! `bq.digest`: SHA-256 of data, files and trees. The format of a tree's digest: `docs/reproducibility.md`.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use mlua::{Lua, LuaString, Table};
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use sha2::{Digest, Sha256};
use uuid::Builder;

use crate::error::{Error, Result};
use crate::kernel::threads::{Threads, in_threads, until_threads_end};
use crate::lua::bytes::{Blob, Bytes};
use crate::lua::module::Module;
use crate::modules::progress::during;
use crate::tree::attributes::{Attribute, Attributes, belong, check};
use crate::tree::digest::{self, PIECE, hex};
use crate::tree::names::shown;
use crate::tree::walk::{Exclude, Node, Type, walk};

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "digest")
        .function("sha256", sha256)
        .function("file", file)
        .function("tree", tree)
        .function("manifest", manifest)
        .function("uuid", uuid)
        .build()
}

options! {
    struct TreeOptions {
        threads: Option<Threads>,
        exclude: Vec<Blob> = Vec::new(),
        attributes: Attributes = Attributes::default(),
    }
}

fn sha256(_: &Lua, data: LuaString) -> Result<String> {
    Ok(hex(&Sha256::digest(&*data.as_bytes())))
}

fn file(_: &Lua, path: Bytes) -> Result<String> {
    digest::of_file(&path).map(|(digest, _)| digest)
}

/// A UUID of RFC 9562 version 8, from the first 16 bytes of a digest. It has 122 bits of them.
fn uuid(_: &Lua, digest: String) -> Result<String> {
    let is_hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bytes = digest.get(..32).filter(|_| is_hex);
    let bytes = bytes.and_then(|digits| u128::from_str_radix(digits, 16).ok());
    let bytes = bytes.ok_or_else(|| {
        let text = format!("`{digest}` is not a digest of at least 32 hexadecimal digits");
        Error::argument("uuid", text)
    })?;
    let uuid = Builder::from_custom_bytes(bytes.to_be_bytes()).into_uuid();
    Ok(uuid.to_string())
}

/// A node with its attributes and, for a file, the digest of its content.
struct Line {
    /// Its mode is that of the attributes, if they have one.
    node: Node,
    attribute: Attribute,
    digest: Option<String>,
}

/// The first line of the text whose digest is the digest of a tree.
const HEADER: &[u8] = b"bq tree 1\n";

fn tree(_: &Lua, (path, options): (Bytes, TreeOptions)) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(HEADER);
    for line in lines("tree", &path, options)? {
        hash.update(records(&line));
    }
    Ok(hex(&hash.finalize()))
}

/// `d MODE PATH\0\n`, `f MODE PATH\0SHA256\n` or `l PATH\0TARGET\0\n`; then `o UID GID PATH\0\n` if one of them is not 0, and
/// `c PATH\0HEX\n` if there are capabilities.
fn records(line: &Line) -> Vec<u8> {
    let (node, attribute) = (&line.node, &line.attribute);
    let is_top = node.path.is_empty();
    let path: &[u8] = if is_top { b"." } else { &node.path };
    let mut out = Vec::new();
    let mut record = |start: String, end: &[u8]| {
        out.extend_from_slice(start.as_bytes());
        out.extend_from_slice(path);
        out.push(0);
        out.extend_from_slice(end);
        out.push(b'\n');
    };
    match node.kind {
        // The mode of the top folder counts only if the attributes have one.
        Type::Dir if is_top && attribute.mode.is_none() => {}
        Type::Dir => record(format!("d {:04o} ", node.mode), b""),
        Type::File => {
            let digest = line.digest.as_deref().unwrap_or_default();
            record(format!("f {:04o} ", node.mode), digest.as_bytes());
        }
        Type::Link => record("l ".to_owned(), &[&node.target, b"\0".as_slice()].concat()),
    }
    let (uid, gid) = (attribute.uid.unwrap_or(0), attribute.gid.unwrap_or(0));
    if (uid, gid) != (0, 0) {
        record(format!("o {uid} {gid} "), b"");
    }
    if let Some(value) = &attribute.capabilities {
        record("c ".to_owned(), hex(value).as_bytes());
    }
    out
}

fn manifest(lua: &Lua, (path, options): (Bytes, TreeOptions)) -> Result<Table> {
    let lines = lines("manifest", &path, options)?;
    let list = lua.create_table_with_capacity(lines.len(), 0)?;
    for Line {
        node,
        attribute,
        digest,
    } in &lines
    {
        let line = lua.create_table_with_capacity(0, 5)?;
        let path: &[u8] = if node.path.is_empty() {
            b"."
        } else {
            &node.path
        };
        line.raw_set("path", lua.create_string(path)?)?;
        let kind = match node.kind {
            Type::File => "file",
            Type::Dir => "dir",
            Type::Link => "link",
        };
        line.raw_set("type", kind)?;
        if !node.path.is_empty() || attribute.mode.is_some() {
            line.raw_set("mode", node.mode)?;
        }
        line.raw_set("size", node.size)?;
        line.raw_set("digest", digest.as_deref())?;
        line.raw_set("uid", attribute.uid)?;
        line.raw_set("gid", attribute.gid)?;
        line.raw_set("capabilities", attribute.capabilities.as_deref().map(hex))?;
        if node.kind == Type::Link {
            line.raw_set("target", lua.create_string(&node.target)?)?;
        }
        list.raw_push(line)?;
    }
    Ok(list)
}

fn lines(op: &'static str, top: &Path, options: TreeOptions) -> Result<Vec<Line>> {
    let exclude = options.exclude.into_iter().map(|pattern| pattern.0);
    let exclude = Exclude::new(Some(exclude.collect()));
    let mut nodes = walk(op, top, &exclude)?;
    let mut attributes = options.attributes;
    if let Some(attribute) = attributes.get(b"".as_slice()) {
        let mode = attribute.mode.unwrap_or(0o755);
        nodes.insert(0, Node::folder(mode));
    }
    belong(op, &attributes, |path| {
        let found = nodes.binary_search_by(|node| node.path.as_slice().cmp(path));
        found.is_ok() || exclude.covers(path)
    })?;
    let mut told = Vec::with_capacity(nodes.len());
    for node in &mut nodes {
        let attribute = attributes.remove(&node.path).unwrap_or_default();
        check(op, &node.path, node.kind, &attribute)?;
        node.mode = attribute.mode.unwrap_or(node.mode);
        told.push(attribute);
    }
    let threads = options.threads.unwrap_or_default().0;
    let digests = until_threads_end(|| hash_files(top, &nodes, threads))?;
    let lines = nodes.into_iter().zip(told).zip(digests);
    Ok(lines
        .map(|((node, attribute), digest)| Line {
            node,
            attribute,
            digest,
        })
        .collect())
}

/// Hashes all files, several at once.
fn hash_files(top: &Path, nodes: &[Node], threads: usize) -> Result<Vec<Option<String>>> {
    let root = open(
        top,
        OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
    .map_err(|e| Error::os("open", e).at(top))?;
    // The largest first, so that no large one runs alone at the end.
    let mut order: Vec<usize> = (0..nodes.len())
        .filter(|&n| nodes[n].kind == Type::File)
        .collect();
    order.sort_by_key(|&number| std::cmp::Reverse(nodes[number].size));
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || {
        let mut own = Vec::new();
        let mut buffer = vec![0; PIECE];
        while let Some(&number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let node = &nodes[number];
            let digest = openat(
                &root,
                node.path.as_slice(),
                OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC,
                Mode::empty(),
            )
            .map_err(std::io::Error::from)
            .and_then(|fd| digest::rest_of(&mut File::from(fd), &mut buffer));
            let failed = digest.is_err();
            own.push((number, digest));
            if failed {
                next.store(order.len(), Ordering::Relaxed);
            }
        }
        results
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .append(&mut own);
    };
    during(|| in_threads(threads.min(order.len()), &work));
    let mut digests: Vec<Option<String>> = nodes.iter().map(|_| None).collect();
    for (number, digest) in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let at = || {
            shown(
                top.join(std::ffi::OsStr::from_bytes(&nodes[number].path))
                    .as_os_str()
                    .as_bytes(),
            )
        };
        digests[number] = Some(digest.map_err(|e| Error::io("read", &e).at(at()))?.0);
    }
    Ok(digests)
}
