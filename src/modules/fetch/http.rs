//! HTTP requests: connections, and redirects.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{Response, StatusCode, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, Proxy, ProxyProtocol};

use super::answer::{check, failure, is_closed};
use super::failure::{Failure, Next};
use super::options::Options;
use super::resolve::Direct;
use super::watch::{Watch, Watched};
use super::{forward, proxy, url};
use crate::tree::address::hidden_text;

const MAX_REDIRECTS: usize = 10;

/// The HTTP client of one thread, with its connections.
pub(super) struct Client<'a> {
    options: &'a Options,
    /// The key: the proxy, and whether plain requests are forwarded through it.
    agents: RefCell<HashMap<(Option<Proxy>, bool), Agent>>,
    /// The hosts to which a connection may still be open.
    kept: RefCell<HashSet<String>>,
    watch: Watch,
}

/// The part of a file that is requested: the bytes from `start` on, if `validator` still matches.
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
            watch: Watch::new(options.stall_timeout.saturating_mul(2)),
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
                    self.config(None),
                    self.watched(forward::Forward::new(proxy.clone())),
                    forward::ToProxy(proxy),
                ),
                proxy => Agent::with_parts(
                    self.config(proxy),
                    self.watched(DefaultConnector::default()),
                    Direct,
                ),
            });
        Ok(agent.clone())
    }

    fn config(&self, proxy: Option<Proxy>) -> Config {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let options = self.options;
        config(options.connect_timeout, options.stall_timeout, tls, proxy)
    }

    fn watched<C>(&self, connector: C) -> Watched<C> {
        Watched {
            connector,
            watch: self.watch.clone(),
        }
    }

    /// Notes that content was received.
    pub(super) fn content_received(&self) {
        self.watch.reset();
    }

    /// Requests a file, and follows redirects.
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
                let message = format!("{} redirects to nowhere: no Location", hidden(&uri));
                return Err(Failure::new("redirect", Next::OtherUrl, message));
            };
            uri = url::redirect(&uri, location.as_bytes())?;
            log::debug!(target: "bq", "fetch {}: redirected to {}", hidden(first), hidden(&uri));
        }
        let message = format!(
            "more than {MAX_REDIRECTS} redirects, the last to {}",
            hidden(&uri)
        );
        Err(Failure::new("redirect", Next::OtherUrl, message))
    }

    fn request(&self, uri: &Uri, range: Option<&Range<'_>>) -> Result<Response<Body>, Failure> {
        let agent = self.agent(uri)?;
        self.watch.reset();
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
        // The server may have closed a kept connection. Try once more on a new one.
        if was_kept && matches!(&result, Err(error) if is_closed(error)) {
            result = call();
        }
        if result.is_ok() {
            self.kept.borrow_mut().insert(host.to_owned());
        }
        result.map_err(|error| failure(&error, uri.scheme_str() == Some("https")))
    }
}

/// How requests are sent, also those of `exchange`.
pub(super) fn config(
    connect: Duration,
    stall: Duration,
    tls: TlsConfig,
    proxy: Option<Proxy>,
) -> Config {
    Config::builder()
        .tls_config(tls)
        .proxy(proxy)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("bq/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .input_buffer_size(256 << 10)
        // Only one is kept: if the server has closed it, the retry opens a new connection.
        .max_idle_connections_per_host(1)
        .timeout_connect(Some(connect))
        .timeout_send_request(Some(stall))
        .timeout_recv_response(Some(stall))
        .timeout_per_read(Some(stall))
        .build()
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn hidden(uri: &Uri) -> String {
    hidden_text(&uri.to_string())
}
