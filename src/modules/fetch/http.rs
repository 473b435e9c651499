//! One request: the connections, their redirects, and what their errors mean.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{Response, StatusCode, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout, time};
use ureq::{Agent, Body, Proxy, ProxyProtocol, Timeout};

use super::failure::{Failure, Next};
use super::options::Options;
use super::{pace, proxy, url};

const MAX_REDIRECTS: usize = 10;
/// How the standard library begins the message of a name that was not found, which has no kind of its own.
const LOOKUP: &str = "failed to lookup address";

/// The connections of one thread.
pub(super) struct Client<'a> {
    options: &'a Options,
    /// By proxy, and whether it is asked to tunnel.
    agents: RefCell<HashMap<(Option<Proxy>, bool), Agent>>,
    /// The hosts to which a connection may have been kept.
    kept: RefCell<HashSet<String>>,
}

/// What is asked for besides the URL: the bytes behind an offset, if the file is still the same.
pub(super) struct Range<'a> {
    pub(super) start: u64,
    pub(super) validator: Option<&'a str>,
}

impl<'a> Client<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        Self {
            options,
            agents: RefCell::default(),
            kept: RefCell::default(),
        }
    }

    fn agent(&self, uri: &Uri) -> Result<Agent, Failure> {
        let proxy = proxy::of(uri)?;
        let plain = uri.scheme_str() == Some("http")
            && proxy
                .as_ref()
                .is_some_and(|p| p.protocol() == ProxyProtocol::Http);
        let mut agents = self.agents.borrow_mut();
        let agent = agents
            .entry((proxy.clone(), plain))
            .or_insert_with(|| match proxy {
                Some(proxy) if plain => Agent::with_parts(
                    config(self.options, None),
                    proxy::Forward::new(proxy.clone()),
                    proxy::ToProxy(proxy),
                ),
                proxy => Agent::with_parts(
                    config(self.options, proxy),
                    DefaultConnector::default(),
                    Direct,
                ),
            });
        Ok(agent.clone())
    }

    /// Asks for a file, and follows redirects.
    pub(super) fn get(
        &self,
        first: &Uri,
        range: Option<&Range<'_>>,
    ) -> Result<Response<Body>, Failure> {
        let mut uri = first.clone();
        for hop in 0.. {
            let response = self.request(&uri, range)?;
            if !is_redirect(response.status()) {
                return check(response);
            }
            if hop == MAX_REDIRECTS {
                break;
            }
            let Some(location) = response.headers().get(header::LOCATION) else {
                let message = format!("{uri} redirects to nowhere: no Location");
                return Err(Failure::new("redirect", Next::Other, message));
            };
            uri = url::redirect(&uri, location.as_bytes())?;
            log::debug!(target: "bq", "fetch {first}: redirected to {uri}");
        }
        let message = format!("more than {MAX_REDIRECTS} redirects, the last to {uri}");
        Err(Failure::new("redirect", Next::Other, message))
    }

    fn request(&self, uri: &Uri, range: Option<&Range<'_>>) -> Result<Response<Body>, Failure> {
        let agent = self.agent(uri)?;
        let call = || {
            let mut request = agent.get(uri);
            if let Some(range) = range {
                request = request.header(header::RANGE, format!("bytes={}-", range.start));
                if let Some(validator) = range.validator {
                    request = request.header(header::IF_RANGE, validator);
                }
            }
            request.call()
        };
        let host = uri.authority().map_or("", |a| a.as_str());
        let was_kept = self.kept.borrow_mut().remove(host);
        let mut result = call();
        // A kept connection may have been closed from the other side: once more, on a new one.
        if was_kept && matches!(&result, Err(error) if is_closed(error)) {
            result = call();
        }
        if result.is_ok() {
            self.kept.borrow_mut().insert(host.to_owned());
        }
        result.map_err(|error| failure(&error, uri.scheme_str() == Some("https")))
    }
}

fn config(options: &Options, proxy: Option<Proxy>) -> Config {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    Config::builder()
        .tls_config(tls)
        .proxy(proxy)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("bq/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .input_buffer_size(256 << 10)
        // One, so that the one that turns out to be closed is the last.
        .max_idle_connections_per_host(1)
        .timeout_connect(Some(options.connect_timeout))
        .timeout_send_request(Some(options.stall_timeout))
        .timeout_recv_response(Some(options.stall_timeout))
        .timeout_per_read(Some(options.stall_timeout))
        .build()
}

/// Resolves names on the thread that asks: with a time limit, ureq would leave a thread behind.
#[derive(Debug)]
pub(super) struct Direct;

impl Resolver for Direct {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let unlimited = NextTimeout {
            after: time::Duration::NotHappening,
            ..timeout
        };
        DefaultResolver::default().resolve(uri, config, unlimited)
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Lets through what carries a file, and a refused range.
fn check(response: Response<Body>) -> Result<Response<Body>, Failure> {
    let status = response.status();
    if matches!(status.as_u16(), 200 | 206 | 416) {
        return Ok(response);
    }
    let next = if matches!(status.as_u16(), 408 | 425 | 429) || status.is_server_error() {
        Next::Again
    } else {
        Next::Other
    };
    let after = response.headers().get(header::RETRY_AFTER);
    let after: Option<Duration> = after.and_then(|value| pace::retry_after(value.to_str().ok()?));
    Err(Failure {
        after,
        ..unexpected(status, next)
    })
}

/// An answer that carries no file.
pub(super) fn unexpected(status: StatusCode, next: Next) -> Failure {
    let reason = status.canonical_reason().unwrap_or("no known status");
    let message = format!("the server answered {} {reason}", status.as_u16());
    Failure::new(&format!("http_{}", status.as_u16()), next, message)
}

fn is_closed(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Io(error) if matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
    ))
}

fn failure(error: &ureq::Error, https: bool) -> Failure {
    use ureq::Error as E;
    let (code, next) = match error {
        E::Timeout(_) => ("timeout", Next::Again),
        E::Io(io) if https && io.kind() == ErrorKind::InvalidData => ("tls", Next::Other),
        E::Io(_) if is_closed(error) => ("disconnected", Next::Again),
        E::Io(io) if io.to_string().starts_with(LOOKUP) => ("dns", Next::Again),
        E::Io(_) | E::ConnectionFailed => ("connect", Next::Again),
        E::HostNotFound => ("dns", Next::Again),
        E::Rustls(_) | E::Tls(_) | E::TlsRequired | E::Pem(_) => ("tls", Next::Other),
        E::BadUri(_) => ("url", Next::Other),
        E::InvalidProxyUrl | E::ConnectProxyFailed(_) => ("proxy", Next::Again),
        _ => ("protocol", Next::Again),
    };
    let message = match error {
        E::Timeout(Timeout::Connect) => "no connection in time".to_owned(),
        E::Timeout(_) => "no answer in time".to_owned(),
        E::Io(io) if io.kind() == ErrorKind::UnexpectedEof => {
            "the server closed the connection without an answer".to_owned()
        }
        E::Io(io) => io.to_string(),
        other => other.to_string(),
    };
    Failure::new(code, next, message)
}
