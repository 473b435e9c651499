//! Requests to a server that keeps content by its digest: GET, HEAD and PUT, several at once. Small content is in memory, large
//! content in files.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mlua::{Lua, Table};
use ureq::http::{Response, Uri};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};

use super::answer::{failure, unexpected};
use super::back_off::back_off;
use super::failure::{Failure, Next};
use super::floor::Floor;
use super::http;
use super::part::{CHUNK, read};
use super::proxy;
use super::resolve::Direct;
use super::url::{self, Source};
use super::watch::{Watch, Watched};
use crate::error::{Error, Result};
use crate::kernel::threads::{in_threads, until_threads_end};
use crate::lua::bytes::{Blob, Bytes};
use crate::lua::value::Seconds;
use crate::tree::open;
use crate::tree::replace::Replacement;

/// A body that is sent at less than this many bytes a second is given up.
const SLOWEST: u64 = 32 << 10;

options! {
    pub(super) struct Request {
        requests: Vec<One>,
        jobs: usize = 8,
        retries: u32 = 2,
        connect_timeout: Seconds = Seconds(Duration::from_secs(15)),
        stall_timeout: Seconds = Seconds(Duration::from_secs(30)),
        ca: Option<Blob>,
        cert: Option<Blob>,
        key: Option<Blob>,
    }
}

options! {
    struct One {
        method: String,
        url: Bytes,
        headers: Vec<String> = Vec::new(),
        path: Option<Bytes>,
        body: Option<Blob>,
        max_size: u64 = 4 << 20,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Head,
    Put,
}

struct Call {
    method: Method,
    uri: Uri,
    headers: Vec<(String, String)>,
    path: Option<PathBuf>,
    body: Option<Vec<u8>>,
    max_size: u64,
}

/// What a server said, or why it said nothing.
struct Answer {
    status: Option<u16>,
    body: Option<Vec<u8>>,
    failure: Option<Failure>,
}

struct Setup {
    connect: Duration,
    stall: Duration,
    retries: u32,
    tls: TlsConfig,
}

pub(super) fn exchange(lua: &Lua, request: Request) -> Result<Table> {
    let jobs = request.jobs.clamp(1, 64);
    let setup = Setup {
        connect: request.connect_timeout.0,
        stall: request.stall_timeout.0,
        retries: request.retries.min(100),
        tls: tls(request.ca, request.cert, request.key)?,
    };
    let calls: Vec<Call> = request
        .requests
        .into_iter()
        .map(call)
        .collect::<Result<_>>()?;
    let answers = send_all(&setup, &calls, jobs);
    let list = lua.create_table()?;
    for answer in answers {
        let table = lua.create_table()?;
        table.raw_set("status", answer.status)?;
        if let Some(body) = answer.body {
            table.raw_set("body", lua.create_string(&body)?)?;
        }
        if let Some(failure) = answer.failure {
            table.raw_set("code", failure.code)?;
            table.raw_set("message", failure.message)?;
            table.raw_set("is_local", failure.next == Next::GiveUp)?;
        }
        list.raw_push(table)?;
    }
    Ok(list)
}

fn call(one: One) -> Result<Call> {
    let method = match one.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "PUT" => Method::Put,
        other => {
            let text = format!("`method`: expected GET, HEAD or PUT, got `{other}`");
            return Err(Error::argument("fetch.exchange", text));
        }
    };
    let Ok(Source::Http(uri)) = url::parse(&one.url.0) else {
        let text = "`url`: expected an address that starts with http:// or https://";
        return Err(Error::argument("fetch.exchange", text));
    };
    let headers = one.headers.iter().map(|line| {
        let (name, value) = line.split_once(':').ok_or_else(|| {
            Error::argument("fetch.exchange", "`headers`: expected `Name: value`")
        })?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    Ok(Call {
        method,
        uri,
        headers: headers.collect::<Result<_>>()?,
        path: one.path.map(PathBuf::from),
        body: one.body.map(|body| body.0),
        max_size: one.max_size,
    })
}

/// Reads certificates and a key. Their content is not in the error.
fn tls(ca: Option<Blob>, cert: Option<Blob>, key: Option<Blob>) -> Result<TlsConfig> {
    let wrong = |what: &str| {
        let text = format!("`{what}` has none in PEM");
        Error::new("fetch.exchange", "tls", &text)
    };
    let roots = match ca {
        Some(pem) => RootCerts::new_with_certs(&certificates(&pem).ok_or_else(|| wrong("ca"))?),
        None => RootCerts::PlatformVerifier,
    };
    let client = match (cert, key) {
        (Some(cert), Some(key)) => Some(ClientCert::new_with_certs(
            &certificates(&cert).ok_or_else(|| wrong("cert"))?,
            PrivateKey::from_pem(&key.0).map_err(|_| wrong("key"))?,
        )),
        _ => None,
    };
    Ok(TlsConfig::builder()
        .root_certs(roots)
        .client_cert(client)
        .build())
}

fn certificates(pem: &Blob) -> Option<Vec<Certificate<'static>>> {
    let found: Vec<_> = parse_pem(&pem.0)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    (!found.is_empty()).then_some(found)
}

fn send_all(setup: &Setup, calls: &[Call], jobs: usize) -> Vec<Answer> {
    let next = AtomicUsize::new(0);
    let slots: Vec<Mutex<Option<Answer>>> = calls.iter().map(|_| Mutex::default()).collect();
    // The process forks later, so the threads must have ended.
    until_threads_end(|| {
        in_threads(jobs.min(calls.len()), &|| {
            let client = Client::new(setup);
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(call) = calls.get(index) else { break };
                let answer = client.send(call);
                *slots[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
            }
        });
    });
    slots
        .into_iter()
        .map(|slot| {
            let answer = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
            answer.unwrap_or_else(|| Failure::new("skipped", Next::GiveUp, "not sent").into())
        })
        .collect()
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        Self {
            status: None,
            body: None,
            failure: Some(failure),
        }
    }
}

/// The connections of one thread.
struct Client<'a> {
    setup: &'a Setup,
    watch: Watch,
    agent: std::cell::RefCell<Option<Agent>>,
}

impl<'a> Client<'a> {
    fn new(setup: &'a Setup) -> Self {
        Self {
            setup,
            watch: Watch::new(setup.stall.saturating_mul(2)),
            agent: std::cell::RefCell::default(),
        }
    }

    /// All requests go to one server, so there is one agent.
    fn agent(&self, uri: &Uri) -> std::result::Result<Agent, Failure> {
        if let Some(agent) = &*self.agent.borrow() {
            return Ok(agent.clone());
        }
        let setup = self.setup;
        let config = http::config(
            setup.connect,
            setup.stall,
            setup.tls.clone(),
            proxy::of(uri)?,
        );
        let connector = Watched {
            connector: DefaultConnector::default(),
            watch: self.watch.clone(),
        };
        let agent = Agent::with_parts(config, connector, Direct);
        *self.agent.borrow_mut() = Some(agent.clone());
        Ok(agent)
    }

    /// Sends a request, and again after answers that say "later".
    fn send(&self, call: &Call) -> Answer {
        for failures in 1.. {
            let answer = self.once(call).unwrap_or_else(Answer::from);
            let is_over = match (&answer.failure, answer.status) {
                (None, _) => true,
                (Some(_), Some(status)) => !matches!(status, 408 | 425 | 429 | 500 | 502..=504),
                (Some(failure), None) => matches!(failure.next, Next::OtherUrl | Next::GiveUp),
            };
            if is_over || failures > self.setup.retries {
                return answer;
            }
            std::thread::sleep(back_off(failures, None));
        }
        unreachable!("the loop has no end")
    }

    fn once(&self, call: &Call) -> std::result::Result<Answer, Failure> {
        let uri = &call.uri;
        let agent = self.agent(uri)?;
        self.watch.reset();
        let sent = match call.method {
            Method::Get => with(agent.get(uri), call).call(),
            Method::Head => with(agent.head(uri), call).call(),
            Method::Put => {
                let (file, size) = match &call.path {
                    Some(path) => {
                        let file = open::file(path)?;
                        let size = file
                            .metadata()
                            .map_err(|e| Error::io("stat", &e).at(path))?;
                        (Some(file), size.len())
                    }
                    None => (None, call.body.as_ref().map_or(0, |b| b.len() as u64)),
                };
                let patience = self.setup.stall + Duration::from_secs(size / SLOWEST);
                let request = with(agent.put(uri), call)
                    .config()
                    .timeout_send_body(Some(patience))
                    .build();
                match file {
                    Some(file) => request.send(file),
                    None => request.send(call.body.as_deref().unwrap_or_default()),
                }
            }
        };
        let response = sent.map_err(|error| failure(&error, uri.scheme_str() == Some("https")))?;
        let status = response.status();
        let good = status.is_success();
        let body = if good && call.method == Method::Get {
            self.receive(call, response)?
        } else {
            None
        };
        Ok(Answer {
            status: Some(status.as_u16()),
            body,
            failure: (!good).then(|| unexpected(status, Next::OtherUrl)),
        })
    }

    /// Reads the content. If it is longer than it may be, it is cut after one byte more, so that its digest is wrong.
    fn receive(
        &self,
        call: &Call,
        response: Response<Body>,
    ) -> std::result::Result<Option<Vec<u8>>, Failure> {
        let length = response.body().content_length();
        let mut reader = response
            .into_body()
            .into_reader()
            .take(call.max_size.saturating_add(1));
        let mut buffer = vec![0; CHUNK];
        let mut floor = Floor::new(self.setup.stall, Instant::now());
        let mut memory = Vec::new();
        let target = match &call.path {
            Some(path) => Some(Replacement::create(path, Some(0o644))?),
            None => None,
        };
        let mut got = 0u64;
        loop {
            let count = read(&mut reader, &mut buffer).map_err(|error| {
                Failure::new(
                    "truncated",
                    Next::Retry,
                    format!("{error} after {got} bytes"),
                )
            })?;
            if count == 0 {
                break;
            }
            self.watch.reset();
            got += count as u64;
            match &target {
                Some(target) => target
                    .file()
                    .write_all(&buffer[..count])
                    .map_err(|e| Error::io("write", &e))?,
                None => memory.extend_from_slice(&buffer[..count]),
            }
            if !floor.add(count, Instant::now()) {
                let message = format!("less than 1 KiB/s, after {got} bytes");
                return Err(Failure::new("stalled", Next::OtherUrl, message));
            }
        }
        if length.is_some_and(|length| got < length.min(call.max_size)) {
            let message = format!("the connection ended after {got} bytes");
            return Err(Failure::new("truncated", Next::Retry, message));
        }
        match target {
            Some(target) => {
                target.commit(false)?;
                Ok(None)
            }
            None => Ok(Some(memory)),
        }
    }
}

fn with<B>(mut request: ureq::RequestBuilder<B>, call: &Call) -> ureq::RequestBuilder<B> {
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    request
}
