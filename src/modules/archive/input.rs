//! Reads an archive from disk for the reader of its members. It is hashed as it is read, and decompressed in a thread.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use sha2::{Digest, Sha256};

use super::deb;
use super::decompress::decode;
use super::member::input_error;
use crate::error::{Error, Result};
use crate::tree::digest::hex;

/// The bytes that are read, decoded and passed on at a time, and the number of such pieces that may wait between the threads.
const PIECE: usize = 128 << 10;
const PIECES: usize = 32;

/// Counts the bytes that are read, and hashes them if wanted.
struct Tap<'a> {
    file: File,
    hash: Option<Sha256>,
    count: &'a AtomicU64,
}

impl Read for Tap<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..count]);
        }
        Ok(count)
    }
}

/// How an archive is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    /// Return the SHA-256 of the file.
    pub(super) hash: bool,
    /// Threads for decompression. With one, the caller's thread does everything.
    pub(super) threads: u32,
}

/// Reads an archive from its first byte to its last. `body` gets the tar, and the number of bytes of the file read so far.
/// Returns the result of `body`, and the file's digest if wanted. No thread outlives the call.
pub(super) fn with_tar<T>(
    file: File,
    mode: Mode,
    body: impl FnOnce(&mut dyn BufRead, &AtomicU64) -> Result<T>,
) -> Result<(T, Option<String>)> {
    let count = AtomicU64::new(0);
    let mut tap = Tap {
        file,
        hash: mode.hash.then(Sha256::new),
        count: &count,
    };
    let value = if mode.threads > 1 {
        threaded(&mut tap, mode.threads, |tar| body(tar, &count))?
    } else {
        let mut raw = BufReader::with_capacity(PIECE, &mut tap);
        let decoder = open(&mut raw, 1)?;
        body(&mut BufReader::with_capacity(PIECE, decoder), &count)?
    };
    // The body may stop before the end of the file, but the digest covers the whole file.
    io::copy(&mut tap, &mut io::sink()).map_err(input_error)?;
    Ok((value, tap.hash.map(|hash| hex(&hash.finalize()))))
}

fn open<'a>(
    raw: &'a mut BufReader<impl Read + Send>,
    threads: u32,
) -> Result<Box<dyn Read + Send + 'a>> {
    let is_deb = raw.fill_buf().map_err(input_error)?.starts_with(deb::MAGIC);
    let input: Box<dyn BufRead + Send> = if is_deb {
        let size = deb::find_data(raw)?;
        Box::new(deb::Data::new(raw, size))
    } else {
        Box::new(raw)
    };
    decode(input, threads).map_err(input_error)
}

fn threaded<T>(
    tap: &mut Tap<'_>,
    threads: u32,
    body: impl FnOnce(&mut dyn BufRead) -> Result<T>,
) -> Result<T> {
    std::thread::scope(|scope| {
        let (full, pieces) = sync_channel(PIECES);
        let (back, empty) = channel();
        let worker = std::thread::Builder::new()
            .name("decompress".into())
            .spawn_scoped(scope, move || {
                let mut raw = BufReader::with_capacity(PIECE, tap);
                let last = match open(&mut raw, threads) {
                    Ok(decoder) => pump(decoder, &full, &empty),
                    Err(error) => Some(Err(io::Error::other(error))),
                };
                if let Some(last) = last {
                    // If this fails, the reader has gone and needs no message.
                    drop(full.send(last));
                }
            })
            .map_err(|e| Error::io("thread", &e))?;
        let mut pipe = Pipe {
            pieces,
            back,
            piece: Vec::new(),
            at: 0,
            ended: false,
        };
        let value = body(&mut pipe);
        // Dropping the pipe ends a worker that is still sending.
        drop(pipe);
        match worker.join() {
            Ok(()) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

type Piece = io::Result<Vec<u8>>;

/// Decodes until the end, an error, or until the reader has gone. Returns the last message for the reader.
fn pump(
    mut decoder: impl Read,
    full: &SyncSender<Piece>,
    empty: &Receiver<Vec<u8>>,
) -> Option<Piece> {
    loop {
        let mut piece = empty.try_recv().unwrap_or_default();
        piece.resize(PIECE, 0);
        let mut have = 0;
        while have < PIECE {
            match decoder.read(&mut piece[have..]) {
                Ok(0) => {
                    piece.truncate(have);
                    if have > 0 && full.send(Ok(piece)).is_err() {
                        return None;
                    }
                    return Some(Ok(Vec::new()));
                }
                Ok(count) => have += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    piece.truncate(have);
                    // An empty piece would mean the end.
                    if have > 0 && full.send(Ok(piece)).is_err() {
                        return None;
                    }
                    return Some(Err(error));
                }
            }
        }
        if full.send(Ok(piece)).is_err() {
            return None;
        }
    }
}

/// The reader's side. Used pieces go back to the worker for reuse.
struct Pipe {
    pieces: Receiver<Piece>,
    back: Sender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    ended: bool,
}

impl BufRead for Pipe {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.piece.len() && !self.ended {
            let next = self
                .pieces
                .recv()
                .map_err(|_| io::Error::other("the decompressing thread has ended"))??;
            // The worker may have ended already and need no more pieces.
            drop(self.back.send(std::mem::replace(&mut self.piece, next)));
            self.at = 0;
            self.ended = self.piece.is_empty();
        }
        Ok(&self.piece[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.piece.len());
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.fill_buf()?;
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        self.consume(count);
        Ok(count)
    }
}
