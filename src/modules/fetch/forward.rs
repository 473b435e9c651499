//! Plain http through a proxy.

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};
use ureq::{Error, Proxy};

use super::proxy::authorization;
use super::resolve::Direct;

/// Sends plain http through a proxy: the request line has the whole URL, as proxies expect. ureq alone would open a tunnel
/// (`CONNECT`), which many proxies allow for https only.
#[derive(Debug)]
pub(super) struct Forward {
    proxy: Proxy,
    connector: DefaultConnector,
}

impl Forward {
    pub(super) fn new(proxy: Proxy) -> Self {
        Self {
            proxy,
            connector: DefaultConnector::default(),
        }
    }
}

impl Connector for Forward {
    type Out = Through;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Through>, Error> {
        let Some(inner) = self.connector.connect(details, chained)? else {
            return Ok(None);
        };
        let authority = details.uri.authority().map_or("", |a| a.as_str());
        let host = authority.rsplit('@').next().unwrap_or_default();
        let credentials = authorization(&self.proxy)
            .map(|value| format!("Proxy-Authorization: {value}\r\n"))
            .unwrap_or_default();
        Ok(Some(Through {
            inner,
            prefix: format!("GET http://{host}"),
            credentials,
        }))
    }
}

/// Looks up the proxy's address instead of the host's. The proxy looks up the host.
#[derive(Debug)]
pub(super) struct ToProxy(pub(super) Proxy);

impl Resolver for ToProxy {
    fn resolve(
        &self,
        _: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let uri = format!("http://{}:{}/", self.0.host(), self.0.port());
        let uri: Uri = uri.parse().map_err(|_| Error::InvalidProxyUrl)?;
        Direct.resolve(&uri, config, timeout)
    }
}

/// A connection to a proxy. It puts the whole URL into each request line.
#[derive(Debug)]
pub(super) struct Through {
    inner: Box<dyn Transport>,
    prefix: String,
    credentials: String,
}

impl Transport for Through {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let output = self.inner.buffers().output();
        // A request without a body is written in one piece.
        let Some(rest) = output[..amount].strip_prefix(b"GET ") else {
            return self.inner.transmit_output(amount, timeout);
        };
        let line = rest
            .iter()
            .position(|&b| b == b'\n')
            .map_or(0, |end| end + 1);
        let (line, headers) = rest.split_at(line);
        let whole = [
            self.prefix.as_bytes(),
            line,
            self.credentials.as_bytes(),
            headers,
        ]
        .concat();
        let Some(place) = output.get_mut(..whole.len()) else {
            return Err(Error::Other("the request is too long".into()));
        };
        place.copy_from_slice(&whole);
        self.inner.transmit_output(whole.len(), timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}
