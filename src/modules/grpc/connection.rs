//! A connection to a server. It is made when it is first needed, and again when it was lost.

use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::PingPong;
use h2::client::SendRequest;
use http::Request;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::rustls::ClientConfig;

use super::call::Life;
use super::secure::{self, Wire};
use super::status::{DEADLINE_EXCEEDED, Status};
use super::tunnel::Tunnel;

/// How much a server may send before it hears that it was taken: of a stream, and of all.
const WINDOW: u32 = 4 << 20;
const WINDOW_OF_ALL: u32 = 16 << 20;
/// A connection that was not used for this long may have ended, which is seen when it is looked at.
const IDLE: Duration = Duration::from_millis(500);
const GLANCE: Duration = Duration::from_millis(1);

/// Where a server is.
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// The way there through a proxy, or why there is none.
    pub(super) tunnel: Result<Option<Tunnel>, String>,
    pub(super) connect: Duration,
    pub(super) keep_alive: Duration,
    /// The headers of every call, with the address.
    pub(super) head: Request<()>,
}

/// An open connection.
pub(super) struct Open {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) pings: Option<PingPong>,
    pub(super) driver: JoinHandle<()>,
    pub(super) used: Instant,
}

pub(super) struct Connection {
    pub(super) target: Target,
    pub(super) open: Option<Open>,
    pub(super) runtime: Option<Runtime>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It may be collected while another connection works, where a runtime is not allowed to wait for its end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A runtime without threads: everything happens while a native function runs.
pub(super) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
}

impl Target {
    /// Connects.
    pub(super) async fn connect(&self) -> Result<Open, Status> {
        let tunnel = self.tunnel.as_ref().map_err(Status::lost)?.as_ref();
        let place = tunnel.map_or((self.host.as_str(), self.port), Tunnel::place);
        // The look-up of the name happens on this thread: a thread of its own could be left behind.
        let addresses = place.to_socket_addrs().map_err(|e| {
            let whose = if tunnel.is_some() { "proxy" } else { "host" };
            Status::lost(format!("the {whose} is not known: {e}"))
        })?;
        let work = async {
            let mut trouble = Status::lost("the host has no address");
            for address in addresses {
                match TcpStream::connect(address).await {
                    Ok(stream) => return self.over(stream, tunnel).await,
                    Err(error) => trouble = Status::lost(error.to_string()),
                }
            }
            Err(trouble)
        };
        timeout(self.connect, work).await.unwrap_or_else(|_| {
            let text = format!("no connection within {} s", self.connect.as_secs_f32());
            Err(Status::new(DEADLINE_EXCEEDED, text))
        })
    }

    async fn over(&self, stream: TcpStream, tunnel: Option<&Tunnel>) -> Result<Open, Status> {
        let without_delay = stream.set_nodelay(true);
        without_delay.map_err(|error| Status::lost(error.to_string()))?;
        let mut stream: Box<dyn Wire> = Box::new(stream);
        if let Some(tunnel) = tunnel {
            stream = tunnel.through(stream, &self.head).await?;
        }
        let Some(config) = &self.tls else {
            return speak(stream).await;
        };
        let stream = secure::begin(config, &self.host, stream).await?;
        match stream.get_ref().1.alpn_protocol() {
            None | Some(b"h2") => speak(Box::new(stream)).await,
            Some(_) => Err(Status::lost("the server does not speak HTTP/2")),
        }
    }
}

/// Begins HTTP/2.
async fn speak(stream: Box<dyn Wire>) -> Result<Open, Status> {
    let (sender, mut connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW_OF_ALL)
        .enable_push(false)
        .handshake(stream)
        .await?;
    let pings = connection.ping_pong();
    let driver = tokio::spawn(async move {
        // The calls that are open hear about its end.
        drop(connection.await);
    });
    Ok(Open {
        sender,
        pings,
        driver,
        used: Instant::now(),
    })
}

impl Open {
    /// Whether it can be used.
    pub(super) async fn is_alive(&mut self) -> bool {
        if self.used.elapsed() > IDLE {
            // What came meanwhile is read now: the end, or a question whether this side is there.
            tokio::time::sleep(GLANCE).await;
        }
        self.used = Instant::now();
        if self.driver.is_finished() {
            return false;
        }
        // It has ended if it says so at once.
        let mut sender = self.sender.clone();
        let ready = std::future::poll_fn(|cx| match sender.poll_ready(cx) {
            std::task::Poll::Ready(Err(_)) => std::task::Poll::Ready(false),
            _ => std::task::Poll::Ready(true),
        });
        ready.await
    }
}

/// Asks a server that says nothing whether it is there, and ends the connection if it is not. Never returns.
pub(super) async fn keep_alive(
    pings: &mut Option<PingPong>,
    driver: &JoinHandle<()>,
    life: &Life,
    patience: Duration,
) {
    let mut asked = life.last();
    loop {
        let last = asked.max(life.last());
        tokio::time::sleep_until(last + patience).await;
        if life.last() > last {
            continue;
        }
        let is_there = match pings {
            Some(pings) => timeout(patience, pings.ping(h2::Ping::opaque())).await,
            None => return std::future::pending().await,
        };
        if !matches!(is_there, Ok(Ok(_))) {
            driver.abort();
            return std::future::pending().await;
        }
        asked = Instant::now();
    }
}
