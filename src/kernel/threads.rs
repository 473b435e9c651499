//! Threads that are gone, for the kernel too, before a native returns: a process with threads may not enter a namespace.

use std::time::Duration;

/// How many threads to use: as many as there are cores, unless something else is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threads(pub(crate) usize);

impl Threads {
    /// More than this only take memory.
    pub(crate) const MAX: usize = 64;
}

impl Default for Threads {
    fn default() -> Self {
        Self(std::thread::available_parallelism().map_or(1, |cores| cores.get().min(Self::MAX)))
    }
}

/// Runs the same work in several threads, the caller's among them, and waits for all.
pub(crate) fn in_threads(count: usize, work: &(impl Fn() + Sync)) {
    std::thread::scope(|scope| {
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, work);
        // With fewer threads than asked for it only takes longer.
        let handles: Vec<_> = (1..count).map_while(|n| start(n).ok()).collect();
        work();
        for handle in handles {
            if let Err(panic) = handle.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// Does something that uses threads; returns when there are no more of them than before.
pub(crate) fn settled<T>(work: impl FnOnce() -> T) -> T {
    let before = count();
    let value = work();
    // A joined thread is still counted for a moment while the kernel takes it away.
    for _ in 0..1000 {
        if count() <= before {
            break;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    value
}

/// How many threads this process has; 0 where there is no /proc to tell.
fn count() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{in_threads, settled};

    #[test]
    fn all_threads_work() {
        let done = AtomicUsize::new(0);
        settled(|| {
            in_threads(4, &|| {
                done.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(done.into_inner(), 4);
    }
}
