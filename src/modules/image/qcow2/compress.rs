//! Compresses the clusters of a disk in several threads and returns them in order.

use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use flate2::{Compress, FlushCompress, Status};

use crate::error::{Error, Result};
use crate::modules::image::bytes::is_zero;
use crate::modules::image::segments::Segments;

pub(crate) const CLUSTER: usize = 65536;
/// The number of clusters in a batch: large enough to keep the cost of passing it on small, small enough to save memory.
const BATCH: u64 = 8;
/// The number of finished batches that may wait, per thread.
const AHEAD: usize = 2;
/// The window size of QEMU's decompression: 2^12 bytes.
const WINDOW_BITS: u8 = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Zlib,
    Zstd,
}

/// A cluster as it is stored.
pub(crate) enum Packed {
    Compressed(Vec<u8>),
    /// Compression would not make it smaller.
    Plain(Vec<u8>),
}

/// The clusters of a batch, without those that are all zeros.
pub(crate) struct Batch {
    pub(crate) clusters: Vec<(u64, Packed)>,
    /// The number of bytes of the disk that the batch covers.
    pub(crate) length: u64,
}

enum Packer {
    Zlib(Box<Compress>, Vec<u8>),
    Zstd(i32),
}

impl Packer {
    fn new(compression: Compression, level: i32) -> Self {
        match compression {
            Compression::Zlib => {
                let level = flate2::Compression::new(level.unsigned_abs());
                let state = Compress::new_with_window_bits(level, false, WINDOW_BITS);
                Self::Zlib(Box::new(state), vec![0; CLUSTER - 1])
            }
            Compression::Zstd => Self::Zstd(level),
        }
    }

    fn pack(&mut self, data: &[u8]) -> Result<Packed> {
        match self {
            Self::Zlib(state, out) => {
                state.reset();
                // The buffer is smaller than a cluster: if the output does not fit, the cluster is stored as it is.
                match state.compress(data, out, FlushCompress::Finish) {
                    Ok(Status::StreamEnd) => {
                        let length = state.total_out() as usize;
                        Ok(Packed::Compressed(out[..length].to_vec()))
                    }
                    Ok(_) => Ok(Packed::Plain(data.to_vec())),
                    Err(error) => Err(Error::new("compress", "zlib", error.to_string())),
                }
            }
            Self::Zstd(level) => {
                // A new state for each cluster: the output of a used one depends on what it
                // compressed before.
                let packed = zstd::bulk::compress(data, *level);
                let packed = packed.map_err(|e| Error::new("compress", "zstd", e.to_string()))?;
                Ok(if packed.len() < CLUSTER {
                    Packed::Compressed(packed)
                } else {
                    Packed::Plain(data.to_vec())
                })
            }
        }
    }
}

/// The runs, split into batches, in order.
fn batches(runs: &[Range<u64>]) -> impl Iterator<Item = Range<u64>> {
    let step = BATCH * CLUSTER as u64;
    runs.iter().flat_map(move |run| {
        let end = run.end;
        (run.start..end)
            .step_by(step as usize)
            .map(move |start| start..(start + step).min(end))
    })
}

fn pack_batch(disk: &Segments, packer: &mut Packer, range: Range<u64>) -> Result<Batch> {
    let length = range.end - range.start;
    let mut data = vec![0; length as usize];
    disk.read_at(range.start, &mut data)?;
    let mut clusters = Vec::new();
    for (number, cluster) in data.chunks(CLUSTER).enumerate() {
        if !is_zero(cluster) {
            let index = range.start / CLUSTER as u64 + number as u64;
            clusters.push((index, packer.pack(cluster)?));
        }
    }
    Ok(Batch { clusters, length })
}

type Sender = SyncSender<Result<Batch>>;

fn work(
    disk: &Segments,
    mut packer: Packer,
    ranges: impl Iterator<Item = Range<u64>>,
    to: &Sender,
) {
    for range in ranges {
        let result = pack_batch(disk, &mut packer, range);
        let failed = result.is_err();
        // The receiver is gone if the writer failed.
        if to.send(result).is_err() || failed {
            break;
        }
    }
}

/// Calls `take` with each batch of the disk, in order. All threads have ended when it returns.
///
/// Thread `n` of `m` compresses the batches `n`, `n + m`, `n + 2m` and so on, so nothing has to be sorted.
pub(crate) fn for_each(
    disk: &Segments,
    runs: &[Range<u64>],
    compression: Compression,
    level: i32,
    threads: usize,
    mut take: impl FnMut(Batch) -> Result<()>,
) -> Result<()> {
    thread::scope(|scope| {
        let mut workers = Vec::new();
        let mut receivers: Vec<Receiver<Result<Batch>>> = Vec::new();
        for number in 0..threads {
            let (to, from) = sync_channel(AHEAD);
            let ranges = batches(runs).skip(number).step_by(threads);
            let packer = Packer::new(compression, level);
            let worker = thread::Builder::new()
                .name("compress".to_owned())
                .spawn_scoped(scope, move || work(disk, packer, ranges, &to));
            workers.push(worker.map_err(|e| Error::io("thread", &e))?);
            receivers.push(from);
        }
        let mut result = Ok(());
        for number in 0..batches(runs).count() {
            let batch = receivers[number % threads].recv();
            result = batch
                .unwrap_or_else(|_| Err(Error::new("compress", "thread", "a thread ended early")))
                .and_then(&mut take);
            if result.is_err() {
                break;
            }
        }
        drop(receivers);
        for worker in workers {
            if worker.join().is_err() && result.is_ok() {
                result = Err(Error::new("compress", "thread", "a thread failed"));
            }
        }
        result
    })
}

#[cfg(test)]
mod tests {
    use super::{BATCH, CLUSTER, batches};

    #[test]
    fn batches_cover_the_runs() {
        let cluster = CLUSTER as u64;
        let step = BATCH * cluster;
        let runs = [0..cluster, 2 * step..4 * step + cluster];
        let found: Vec<_> = batches(&runs).collect();
        assert_eq!(
            found,
            [
                0..cluster,
                2 * step..3 * step,
                3 * step..4 * step,
                4 * step..4 * step + cluster
            ]
        );
    }
}
