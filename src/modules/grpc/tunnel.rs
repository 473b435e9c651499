//! The way to a server through the proxy that the environment names: a tunnel (`CONNECT`), as for https.

use std::sync::Arc;

use http::{Request, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::ClientConfig;
use ureq::{Proxy, ProxyProtocol};

use super::secure::{self, Pem, Wire};
use super::status::{PERMISSION_DENIED, Status};
use crate::modules::fetch::proxy;

/// The longest answer of a proxy, in bytes.
const LONGEST: usize = 16 << 10;

pub(super) struct Tunnel {
    proxy: Proxy,
    /// A proxy that is spoken to by TLS.
    tls: Option<Arc<ClientConfig>>,
}

impl Tunnel {
    /// The tunnel to an address; `None` if the environment names no proxy for it.
    pub(super) fn of(uri: &Uri, pem: &Pem) -> Result<Option<Self>, String> {
        let Some(proxy) = proxy::named(uri)? else {
            return Ok(None);
        };
        let tls = if proxy.protocol() == ProxyProtocol::Https {
            let ca = pem.ca.clone();
            let trusted = secure::config(&Pem {
                ca,
                ..Pem::default()
            });
            let mut config = trusted.map_err(|error| error.to_string())?;
            Arc::make_mut(&mut config).alpn_protocols.clear();
            Some(config)
        } else {
            None
        };
        Ok(Some(Self { proxy, tls }))
    }

    /// Where the proxy is.
    pub(super) fn place(&self) -> (&str, u16) {
        let host = self.proxy.host().trim_matches(['[', ']']);
        (host, self.proxy.port())
    }

    /// Has the proxy connect this stream with a server.
    pub(super) async fn through(
        &self,
        mut stream: Box<dyn Wire>,
        server: &Request<()>,
    ) -> Result<Box<dyn Wire>, Status> {
        let lost = |error: std::io::Error| Status::lost(format!("the proxy: {error}"));
        if let Some(config) = &self.tls {
            stream = Box::new(secure::begin(config, self.place().0, stream).await?);
        }
        let server = server.uri().authority().map_or("", |one| one.as_str());
        let who = proxy::authorization(&self.proxy)
            .map(|value| format!("Proxy-Authorization: {value}\r\n"))
            .unwrap_or_default();
        let request = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n{who}\r\n");
        stream.write_all(request.as_bytes()).await.map_err(lost)?;
        stream.flush().await.map_err(lost)?;
        // What comes after the answer is the server's, so no byte more is read.
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() == LONGEST {
                return Err(Status::lost("the proxy does not speak HTTP"));
            }
            answer.push(stream.read_u8().await.map_err(lost)?);
        }
        let answer = String::from_utf8_lossy(&answer);
        let line = answer.lines().next().unwrap_or_default();
        match line.split(' ').nth(1).and_then(|code| code.chars().next()) {
            Some('2') => Ok(stream),
            Some('4') => Err(Status::new(PERMISSION_DENIED, refused(line))),
            _ => Err(Status::lost(refused(line))),
        }
    }
}

fn refused(line: &str) -> String {
    let short: String = line.chars().take(200).collect();
    format!("the proxy answered `{short}`")
}
