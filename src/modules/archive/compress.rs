//! Compression in threads. The bytes do not depend on the number of threads.
//!
//! Gzip: the input is cut into blocks of a fixed size. Each is compressed separately, with the 32 KiB before it as dictionary.
//! The results form one member, as with pigz. Zstd: the library's own threads, with jobs of a fixed size.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};

use flate2::{Compress, Compression, Crc, FlushCompress};
use sha2::{Digest, Sha256};
use zstd::stream::raw::CParameter;

use crate::error::{Error, Result};
use crate::tree::digest::hex;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    None,
    Gzip(u32),
    Zstd(i32),
}

/// The bytes that one thread compresses at a time, and the bytes before them that serve as its dictionary.
const BLOCK: usize = 512 << 10;
const WINDOW: usize = 32 << 10;
/// The size of zstd's jobs, and their overlap in the library's own unit.
const ZSTD_JOB: u32 = 4 << 20;
const ZSTD_OVERLAP: u32 = 6;

/// Receives the bytes to be written.
pub(super) type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<()>;

/// A file whose bytes are hashed and counted as they are written.
struct Hashed<'f> {
    file: &'f File,
    hash: Sha256,
    size: u64,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_error(error: io::Error) -> Error {
    Error::io("write", &error)
}

/// Compresses and writes the bytes from `produce`. Returns the SHA-256 and the size of the file. No thread outlives the call.
pub(super) fn write(
    file: &File,
    method: Method,
    threads: usize,
    produce: impl FnOnce(Sink<'_>) -> Result<()>,
) -> Result<(String, u64)> {
    let mut out = Hashed {
        file,
        hash: Sha256::new(),
        size: 0,
    };
    match method {
        Method::None => {
            let mut buffer = io::BufWriter::with_capacity(BLOCK, &mut out);
            produce(&mut |bytes| buffer.write_all(bytes).map_err(write_error))?;
            buffer.flush().map_err(write_error)?;
        }
        Method::Gzip(level) => gzip(&mut out, level, threads, produce)?,
        Method::Zstd(level) => zstd(&mut out, level, threads, produce)?,
    }
    Ok((hex(&out.hash.finalize()), out.size))
}

fn zstd(
    out: &mut Hashed<'_>,
    level: i32,
    threads: usize,
    produce: impl FnOnce(Sink<'_>) -> Result<()>,
) -> Result<()> {
    let buffer = io::BufWriter::with_capacity(BLOCK, out);
    let start = || {
        let mut encoder = zstd::stream::write::Encoder::new(buffer, level)?;
        // One worker gives the same bytes as many. Zero workers would give other bytes.
        encoder.set_parameter(CParameter::NbWorkers(threads as u32))?;
        encoder.set_parameter(CParameter::JobSize(ZSTD_JOB))?;
        encoder.set_parameter(CParameter::OverlapSizeLog(ZSTD_OVERLAP))?;
        encoder.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(encoder)
    };
    let mut encoder = start().map_err(write_error)?;
    produce(&mut |bytes| encoder.write_all(bytes).map_err(write_error))?;
    let end = encoder.finish().and_then(|mut buffer| buffer.flush());
    end.map_err(write_error)
}

/// A block to compress. The first `known` bytes of `data` are the end of the block before.
struct Job {
    number: u64,
    known: usize,
    data: Vec<u8>,
    last: bool,
}

struct Done {
    number: u64,
    /// The job's buffer, for reuse.
    data: Vec<u8>,
    bytes: Vec<u8>,
    crc: Crc,
    last: bool,
}

fn gzip(
    out: &mut Hashed<'_>,
    level: u32,
    threads: usize,
    produce: impl FnOnce(Sink<'_>) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        // The number of buffers bounds the memory: the producer waits until one is free.
        let buffers = threads * 2 + 2;
        let (give, free) = channel();
        for _ in 0..buffers {
            drop(give.send(Vec::with_capacity(WINDOW + BLOCK)));
        }
        let (jobs, queue) = sync_channel(buffers);
        let (finished, done) = channel();
        let queue = std::sync::Arc::new(Mutex::new(queue));
        let mut handles = Vec::new();
        for _ in 0..threads {
            let (queue, finished) = (std::sync::Arc::clone(&queue), finished.clone());
            let worker = std::thread::Builder::new().name("compress".into());
            match worker.spawn_scoped(scope, move || compress(&queue, &finished, level)) {
                Ok(handle) => handles.push(handle),
                // Fewer threads take longer, but give the same bytes.
                Err(_) if !handles.is_empty() => break,
                Err(error) => return Err(Error::io("thread", &error)),
            }
        }
        drop((queue, finished));
        let writer = std::thread::Builder::new().name("write".into());
        let writer = writer
            .spawn_scoped(scope, move || collect(out, &done, &give))
            .map_err(|e| Error::io("thread", &e))?;
        let result = feed(&free, &jobs, produce);
        drop(jobs);
        let written = match writer.join() {
            Ok(written) => written,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        for handle in handles {
            if let Err(panic) = handle.join() {
                std::panic::resume_unwind(panic);
            }
        }
        // If writing failed, its error comes first: the producer only saw that its channel was closed.
        written.map_err(write_error).and(result)
    })
}

/// Cuts the produced bytes into blocks.
fn feed(
    free: &Receiver<Vec<u8>>,
    jobs: &SyncSender<Job>,
    produce: impl FnOnce(Sink<'_>) -> Result<()>,
) -> Result<()> {
    let gone = || Error::new("write", "io", "the compressing threads have ended");
    let mut job = Job {
        number: 0,
        known: 0,
        data: free.recv().map_err(|_| gone())?,
        last: false,
    };
    produce(&mut |mut bytes| {
        while !bytes.is_empty() {
            let room = job.known + BLOCK - job.data.len();
            if room == 0 {
                let mut next = free.recv().map_err(|_| gone())?;
                next.clear();
                next.extend_from_slice(&job.data[job.data.len() - WINDOW..]);
                let next = Job {
                    number: job.number + 1,
                    known: WINDOW,
                    data: next,
                    last: false,
                };
                jobs.send(std::mem::replace(&mut job, next))
                    .map_err(|_| gone())?;
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            job.data.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    })?;
    job.last = true;
    jobs.send(job).map_err(|_| gone())
}

fn compress(queue: &Mutex<Receiver<Job>>, finished: &Sender<io::Result<Done>>, level: u32) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else {
            return;
        };
        if finished.send(deflate_block(level, job)).is_err() {
            return;
        }
    }
}

fn deflate_block(level: u32, job: Job) -> io::Result<Done> {
    let (known, block) = job.data.split_at(job.known);
    // A new compressor for each block: after a reset the bytes would depend on the blocks before.
    let mut deflate = Compress::new(Compression::new(level), false);
    if !known.is_empty() {
        deflate.set_dictionary(known).map_err(io::Error::other)?;
    }
    let mut bytes = Vec::with_capacity(block.len() / 2 + 1024);
    // A sync flush ends the block on a byte boundary, so that the next block can follow.
    let flush = if job.last {
        FlushCompress::Finish
    } else {
        FlushCompress::Sync
    };
    loop {
        let taken = deflate.total_in() as usize;
        let status = deflate
            .compress_vec(&block[taken..], &mut bytes, flush)
            .map_err(io::Error::other)?;
        // If the output has room left, everything was written.
        if status == flate2::Status::StreamEnd || (!job.last && bytes.len() < bytes.capacity()) {
            break;
        }
        bytes.reserve(bytes.len().max(4096));
    }
    let mut crc = Crc::new();
    crc.update(block);
    Ok(Done {
        number: job.number,
        data: job.data,
        bytes,
        crc,
        last: job.last,
    })
}

/// Writes the blocks in their order, between the header and the trailer of a gzip member.
fn collect(
    out: &mut Hashed<'_>,
    done: &Receiver<io::Result<Done>>,
    give: &Sender<Vec<u8>>,
) -> io::Result<()> {
    // The header has no file name, no time and no operating system.
    out.write_all(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")?;
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    let mut sum = Crc::new();
    while let Ok(block) = done.recv() {
        let block = block?;
        waiting.insert(block.number, block);
        while let Some(block) = waiting.remove(&next) {
            next += 1;
            out.write_all(&block.bytes)?;
            sum.combine(&block.crc);
            if block.last {
                out.write_all(&sum.sum().to_le_bytes())?;
                out.write_all(&sum.amount().to_le_bytes())?;
            }
            // The producer may have ended already.
            drop(give.send(block.data));
        }
    }
    Ok(())
}
