//! Threads that have ended before a native function returns. A process with several threads may not enter some namespaces, and
//! the kernel counts a thread until it is completely gone.

use std::time::Duration;

/// The number of threads to use. The default is the number of cores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threads(pub(crate) usize);

impl Threads {
    /// More threads than this only use memory.
    pub(crate) const MAX: usize = 64;
}

impl Default for Threads {
    fn default() -> Self {
        Self(std::thread::available_parallelism().map_or(1, |cores| cores.get().min(Self::MAX)))
    }
}

/// Runs the same work in several threads, including the caller's, and waits for all.
pub(crate) fn in_threads(count: usize, work: &(impl Fn() + Sync)) {
    std::thread::scope(|scope| {
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, work);
        // With fewer threads the work only takes longer.
        let handles: Vec<_> = (1..count).map_while(|n| start(n).ok()).collect();
        work();
        for handle in handles {
            if let Err(panic) = handle.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// Calls a function that uses threads. Returns when there are no more threads than before.
pub(crate) fn until_threads_end<T>(work: impl FnOnce() -> T) -> T {
    let before = count();
    let value = work();
    // After a join the kernel still counts the thread for a moment.
    for _ in 0..1000 {
        if count() <= before {
            break;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    value
}

/// The number of threads of this process. 0 without a /proc.
fn count() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{in_threads, until_threads_end};

    #[test]
    fn all_threads_work() {
        let done = AtomicUsize::new(0);
        until_threads_end(|| {
            in_threads(4, &|| {
                done.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(done.into_inner(), 4);
    }
}
