//! The options of `fetch`, checked before anything happens.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use mlua::LuaString;

use crate::error::{Error, Result};
use crate::lua::bytes::{Bytes, Sha256Digits};
use crate::lua::value::Seconds;

#[derive(Debug)]
pub(super) struct Options {
    pub(super) files: Vec<File>,
    pub(super) jobs: usize,
    pub(super) progress: bool,
    pub(super) retries: u32,
    pub(super) connect_timeout: Duration,
    pub(super) stall_timeout: Duration,
    pub(super) max_size: u64,
    pub(super) keep_going: bool,
    pub(super) verify_only: bool,
}

#[derive(Debug)]
pub(super) struct File {
    /// Its place in the list.
    pub(super) index: usize,
    pub(super) urls: Vec<OsString>,
    pub(super) path: PathBuf,
    pub(super) sha256: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) name: String,
}

options! {
    /// The options as a script gives them.
    pub(super) struct Request {
        files: Vec<FileRequest>,
        jobs: usize = 8,
        progress: bool = true,
        retries: u32 = 5,
        connect_timeout: Seconds = Seconds(Duration::from_secs(15)),
        stall_timeout: Seconds = Seconds(Duration::from_secs(30)),
        max_size: u64 = 8 << 30,
        keep_going: bool = true,
        verify_only: bool = false,
    }
}

options! {
    struct FileRequest {
        urls: Vec<Bytes>,
        path: Bytes,
        sha256: Option<Sha256Digits>,
        size: Option<u64>,
        name: Option<LuaString>,
    }
}

impl TryFrom<Request> for Options {
    type Error = Error;

    fn try_from(request: Request) -> Result<Self> {
        let files = request.files.into_iter().enumerate().map(file);
        Ok(Self {
            files: files.collect::<Result<_>>()?,
            jobs: request.jobs.clamp(1, 64),
            progress: request.progress,
            retries: request.retries.min(1000),
            connect_timeout: request.connect_timeout.0,
            stall_timeout: request.stall_timeout.0,
            max_size: request.max_size,
            keep_going: request.keep_going,
            verify_only: request.verify_only,
        })
    }
}

fn file((index, request): (usize, FileRequest)) -> Result<File> {
    let Some(last) = request.path.file_name() else {
        let text = format!("`files[{}].path` names no file", index + 1);
        return Err(Error::argument("fetch.fetch", text));
    };
    let name = match request.name {
        Some(name) => name.to_string_lossy(),
        None => last.to_string_lossy().into_owned(),
    };
    Ok(File {
        index,
        urls: request.urls.into_iter().map(|url| url.0).collect(),
        path: request.path.into(),
        sha256: request.sha256.map(|digest| digest.0),
        size: request.size,
        name,
    })
}
