//! An HTTP server on 127.0.0.1 that does what a test wants, also what no server should do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What a client asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// As in the request line: a path, or a whole URL if the server is used as a proxy.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// What came with it: `Content-Length` bytes.
    pub(crate) body: Vec<u8>,
    /// How many requests for this target there have been, this one included.
    pub(crate) count: usize,
    /// How many requests this connection has carried, this one included.
    pub(crate) nth: usize,
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The offset that is asked for: `Range: bytes=N-`.
    pub(crate) fn range(&self) -> Option<usize> {
        let value = self.header("range")?.strip_prefix("bytes=")?;
        value.strip_suffix('-')?.parse().ok()
    }
}

/// The connection to the client.
pub(crate) struct Reply<'a> {
    stream: &'a TcpStream,
    close: bool,
}

impl Reply<'_> {
    /// Sends bytes as they are, and ignores that the client has gone.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Status line and headers.
    pub(crate) fn head(&mut self, status: &str, headers: &[(&str, &str)]) {
        let mut text = format!("HTTP/1.1 {status}\r\n");
        for (name, value) in headers {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        self.raw(text.as_bytes());
    }

    /// A whole answer.
    pub(crate) fn answer(&mut self, status: &str, headers: &[(&str, &str)], body: &[u8]) {
        let length = body.len().to_string();
        let mut all = vec![("Content-Length", length.as_str())];
        all.extend_from_slice(headers);
        self.head(status, &all);
        self.raw(body);
    }

    /// An answer to a request for a file, or for what is missing of it.
    pub(crate) fn file(&mut self, request: &Request, headers: &[(&str, &str)], body: &[u8]) {
        match request.range() {
            Some(start) if start < body.len() => {
                let range = format!("bytes {start}-{}/{}", body.len() - 1, body.len());
                let mut all = vec![("Content-Range", range.as_str())];
                all.extend_from_slice(headers);
                self.answer("206 Partial Content", &all, &body[start..]);
            }
            Some(_) => self.answer("416 Range Not Satisfiable", headers, b""),
            None => self.answer("200 OK", headers, body),
        }
    }

    /// Announces a whole file and breaks off after `sent` bytes.
    pub(crate) fn cut(&mut self, headers: &[(&str, &str)], body: &[u8], sent: usize) {
        let length = body.len().to_string();
        let mut all = vec![("Content-Length", length.as_str())];
        all.extend_from_slice(headers);
        self.head("200 OK", &all);
        self.raw(&body[..sent]);
        self.close();
    }

    /// The connection ends after this request.
    pub(crate) fn close(&mut self) {
        self.close = true;
    }

    /// Sends nothing more until the client has gone.
    pub(crate) fn stall(&mut self) {
        drop(self.stream.read(&mut [0; 1024]));
        self.close();
    }

    /// Sends a byte now and then until the client has gone.
    pub(crate) fn drip(&mut self, pause: Duration) {
        while self.raw(b"x") {
            thread::sleep(pause);
        }
        self.close();
    }
}

type Handler = dyn Fn(&Request, &mut Reply<'_>) + Send + Sync;

pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    end: Arc<AtomicBool>,
}

impl Server {
    /// Answers every request by the handler, each connection on a thread of its own.
    pub(crate) fn start(
        handler: impl Fn(&Request, &mut Reply<'_>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let server = Self {
            address: listener.local_addr().expect("it is bound"),
            requests: Arc::default(),
            end: Arc::default(),
        };
        let (requests, end) = (server.requests.clone(), server.end.clone());
        let handler: Arc<Handler> = Arc::new(handler);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (requests, handler) = (requests.clone(), handler.clone());
                if let Ok(stream) = stream {
                    thread::spawn(move || serve(&stream, &requests, &*handler));
                }
            }
        });
        server
    }

    /// Serves the files of a folder, also from an offset.
    pub(crate) fn folder(folder: impl Into<PathBuf>) -> Self {
        Self::changed(folder, |_| {})
    }

    /// Serves the files of a folder with one bit wrong in each.
    pub(crate) fn wrong_bytes(folder: impl Into<PathBuf>) -> Self {
        Self::changed(folder, |body| {
            if let Some(byte) = body.last_mut() {
                *byte ^= 1;
            }
        })
    }

    fn changed(folder: impl Into<PathBuf>, change: fn(&mut Vec<u8>)) -> Self {
        let folder = folder.into();
        Self::start(move |request, reply| {
            let path = folder.join(request.target.trim_start_matches('/'));
            match std::fs::read(path) {
                Ok(mut body) => {
                    change(&mut body);
                    reply.file(request, &[], &body);
                }
                Err(_) => reply.answer("404 Not Found", &[], b"no such file"),
            }
        })
    }

    /// Has nothing.
    pub(crate) fn not_found() -> Self {
        Self::start(|_, reply| reply.answer("404 Not Found", &[], b"no such file"))
    }

    /// The same answer to everything.
    pub(crate) fn constant(body: Vec<u8>) -> Self {
        Self::start(move |request, reply| reply.file(request, &[], &body))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests so far, in order.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no handler panicked").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(stream: &TcpStream, requests: &Mutex<Vec<Request>>, handler: &Handler) {
    let mut reader = BufReader::new(stream);
    for nth in 1.. {
        let Some(mut request) = read_request(&mut reader, nth) else {
            return;
        };
        {
            let mut all = requests.lock().expect("no handler panicked");
            request.count = 1 + all.iter().filter(|r| r.target == request.target).count();
            all.push(request.clone());
        }
        let mut reply = Reply {
            stream,
            close: false,
        };
        handler(&request, &mut reply);
        if reply.close {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead, nth: usize) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_ascii_whitespace();
    let mut request = Request {
        method: words.next()?.to_owned(),
        target: words.next()?.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        count: 0,
        nth,
        at: Instant::now(),
    };
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            let length = request.header("content-length");
            let length = length.map_or(0, |text| text.parse().unwrap_or(0));
            request.body = vec![0; length];
            reader.read_exact(&mut request.body).ok()?;
            return Some(request);
        };
        let header = (name.to_ascii_lowercase(), value.to_owned());
        request.headers.push(header);
    }
}
