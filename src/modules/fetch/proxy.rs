//! Proxies, as the environment names them: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`.

use std::env::var_os;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};
use ureq::{Error, Proxy, ProxyProtocol};

use super::failure::{Failure, Next};
use super::http::Direct;

/// The proxy for a URL, if there is one.
pub(super) fn of(uri: &Uri) -> Result<Option<Proxy>, Failure> {
    let scheme = uri.scheme_str().unwrap_or("http");
    let Some((name, value)) = [format!("{scheme}_proxy"), "all_proxy".to_owned()]
        .into_iter()
        .find_map(|name| variable(&name).map(|value| (name, value)))
    else {
        return Ok(None);
    };
    let port = uri
        .port_u16()
        .unwrap_or(if scheme == "https" { 443 } else { 80 });
    let except = variable("no_proxy").unwrap_or_default();
    if value.is_empty() || is_exempt(&except, uri.host().unwrap_or_default(), port) {
        return Ok(None);
    }
    let bad = |what: &str| {
        // Its value may hold a password.
        Failure::new(
            "proxy",
            Next::Other,
            format!("`{name}` in the environment {what}"),
        )
    };
    match Proxy::new(&value) {
        Ok(proxy) if matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) => {
            Ok(Some(proxy))
        }
        Ok(_) => Err(bad("names a proxy that is not http or https")),
        Err(_) => Err(bad("is not the URL of a proxy")),
    }
}

/// A variable in either case; the lower one is the older custom, and wins.
fn variable(name: &str) -> Option<String> {
    let value = var_os(name).or_else(|| var_os(name.to_ascii_uppercase()))?;
    Some(value.to_string_lossy().into_owned())
}

/// Whether `no_proxy` names a host: by its name, a domain that it is in, with or without a port, or `*`.
fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let port = port.to_string();
    list.split(',').map(str::trim).any(|entry| {
        let entry = match entry.rsplit_once(':') {
            Some((name, number)) if number == port => name,
            _ => entry,
        };
        let entry = entry.trim_matches(['[', ']']).to_ascii_lowercase();
        let domain = entry.trim_start_matches('*').trim_start_matches('.');
        match domain {
            "" => entry == "*",
            domain => host
                .strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
        }
    })
}

/// Sends plain http through a proxy by naming the whole URL, as proxies expect it: ureq alone would ask
/// for a tunnel, which many allow for https only.
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
        let credentials = match (self.proxy.username(), self.proxy.password()) {
            (None, None) => String::new(),
            (user, password) => {
                let pair = format!(
                    "{}:{}",
                    user.unwrap_or_default(),
                    password.unwrap_or_default()
                );
                format!(
                    "Proxy-Authorization: Basic {}\r\n",
                    BASE64_STANDARD.encode(pair)
                )
            }
        };
        Ok(Some(Through {
            inner,
            prefix: format!("GET http://{host}"),
            credentials,
        }))
    }
}

/// Finds the proxy instead of the host: the proxy finds the host.
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

/// A connection to a proxy on which request lines are made whole.
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

#[cfg(test)]
mod tests {
    use super::is_exempt;

    #[test]
    fn exemptions() {
        let list = "localhost, .example.org,*.example.net,10.0.0.1, host:8080 ,::1";
        for (host, port, expected) in [
            ("localhost", 80, true),
            ("LOCALHOST", 80, true),
            ("notlocalhost", 80, false),
            ("a.localhost", 80, true),
            ("example.org", 80, true),
            ("a.b.example.org", 80, true),
            ("badexample.org", 80, false),
            ("a.example.net", 80, true),
            ("10.0.0.1", 80, true),
            ("10.0.0.10", 80, false),
            ("host", 8080, true),
            ("host", 80, false),
            ("[::1]", 80, true),
        ] {
            assert_eq!(is_exempt(list, host, port), expected, "{host}:{port}");
        }
        assert!(is_exempt("*", "any", 1));
        assert!(!is_exempt("", "any", 1));
        assert!(!is_exempt(" , ", "any", 1));
    }
}
