//! Limits bytes that are not content: endless trailers, interim answers, headers and chunk sizes.
//!
//! Timeouts count from the last byte, so a server that keeps sending such bytes never reaches one. Therefore the bytes since
//! the last content are counted. The connection is closed when they are too many, or when they take too long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// More than the buffers of a connection, and more than all accepted headers.
const LIMIT: u64 = 1 << 20;

/// Counts the bytes of all connections of a client.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    patience: Duration,
    bytes: Arc<AtomicU64>,
    /// When the first byte after the last content came.
    since: Arc<Mutex<Instant>>,
}

impl Watch {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            bytes: Arc::default(),
            since: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Starts the count anew: a request begins, or content was received.
    pub(super) fn reset(&self) {
        self.bytes.store(0, Ordering::Relaxed);
    }

    /// Counts received bytes.
    fn add(&self, bytes: usize) -> Result<(), Error> {
        let before = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if before == 0 {
            *since = Instant::now();
        }
        if before + bytes as u64 > LIMIT || since.elapsed() > self.patience {
            return Err(Error::Other(
                "the server sent much data, but nothing of the file".into(),
            ));
        }
        Ok(())
    }
}

/// Makes connections that report their bytes to the watch.
#[derive(Debug)]
pub(super) struct Watched<C> {
    pub(super) connector: C,
    pub(super) watch: Watch,
}

impl<C: Connector> Connector for Watched<C> {
    type Out = WatchedTransport<C::Out>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let inner = self.connector.connect(details, chained)?;
        Ok(inner.map(|inner| WatchedTransport {
            inner,
            watch: self.watch.clone(),
        }))
    }
}

#[derive(Debug)]
pub(super) struct WatchedTransport<T> {
    inner: T,
    watch: Watch,
}

impl<T: Transport> Transport for WatchedTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let before = self.inner.buffers().input().len();
        let more = self.inner.await_input(timeout)?;
        let after = self.inner.buffers().input().len();
        self.watch.add(after.saturating_sub(before))?;
        Ok(more)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, Watch};
    use std::time::Duration;

    #[test]
    fn bytes_without_content_are_bounded() {
        let watch = Watch::new(Duration::from_secs(1000));
        for _ in 0..10 {
            assert!(watch.add(LIMIT as usize).is_ok());
            watch.reset();
        }
        assert!(watch.add(LIMIT as usize).is_ok());
        assert!(watch.add(1).is_err());
        let watch = Watch::new(Duration::ZERO);
        assert!(watch.add(0).is_err() || watch.add(1).is_err());
    }
}
