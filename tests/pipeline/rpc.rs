//! A small server of the Remote Execution API on 127.0.0.1. It does what a test wants, also what no server should do, and notes what
//! no client should do. Its workers are in `workers.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::sha256;
use super::wire::{Message, message};
use super::workers::{self, Operation, Workers};

/// What a client asked for.
pub(crate) struct Seen {
    /// `GetActionResult`
    pub(crate) method: String,
    pub(crate) headers: HeaderMap,
    /// How many calls of this method there have been, this one included.
    pub(crate) count: usize,
}

/// What becomes of a call.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    None,
    Status(u32, &'static str),
    /// No answer, as long as the client waits.
    Hang,
    /// The stream is reset after half of what it carries.
    Reset,
    /// The server is gone from here on.
    Gone,
    /// A write that is answered after its first piece: the blob is there already.
    Early,
    /// A write after which the server says to have kept so much.
    Committed(i64),
    /// The answer comes when so many calls of the method are open.
    Together(usize),
    /// An answer of HTTP.
    Http(u16),
    /// A message that is no message of the API.
    Nonsense,
    /// A message of 5 MiB.
    Long,
    /// The connection ends, and another one can be made.
    Close,
    /// The server drops all its blobs before.
    Forget,
    /// Each blob of a batch has this status.
    Parts(i64),
    /// The answer of an action ends after the first that is said of it.
    End,
    /// An action is done with this status.
    Done(u32, &'static str),
    /// An operation ended with this error.
    Error(u32, &'static str),
    /// The result lacks an output.
    Lacks(&'static str),
    /// An output has another byte than its digest says.
    Spoil(&'static str),
    /// The blob of an output is dropped.
    Lose(&'static str),
    /// The action is ended by a signal, and leaves nothing.
    Killed,
}

type Judge = dyn Fn(&Seen) -> Fault + Send + Sync;

/// What a server can do.
#[derive(Clone)]
pub(crate) struct Can {
    /// An old server does not say what it can do.
    pub(crate) says: bool,
    pub(crate) functions: Vec<u64>,
    pub(crate) takes_results: bool,
    pub(crate) batch: u64,
    pub(crate) zstd: bool,
    pub(crate) instance: &'static str,
    /// Results have the content of the files that are asked for.
    pub(crate) inlines: bool,
    /// The most bytes of a blob, if it says so.
    pub(crate) largest: u64,
    /// The code for a blob of more than 64 KiB.
    pub(crate) too_large: Option<u32>,
    pub(crate) workers: Workers,
}

impl Can {
    /// The code for a blob that is too large.
    fn refuses(&self, size: usize) -> Option<u32> {
        self.too_large.filter(|_| size > 64 << 10)
    }
}

impl Default for Can {
    fn default() -> Self {
        Self {
            says: true,
            functions: vec![1, 9],
            takes_results: true,
            batch: 0,
            zstd: false,
            instance: "",
            inlines: true,
            largest: 0,
            too_large: None,
            workers: Workers::default(),
        }
    }
}

/// The longest message that is taken, as servers have it by default.
const LONGEST: usize = 4 << 20;
/// The longest piece of a stream: 1 MiB, and what is not content.
const PIECE: usize = (1 << 20) + 512;

#[derive(Default)]
pub(crate) struct Content {
    pub(crate) results: BTreeMap<String, Vec<u8>>,
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// What is written by streams that have not ended.
    partial: BTreeMap<String, Vec<u8>>,
    /// The methods that were called, in order.
    pub(crate) calls: Vec<String>,
    /// What no client should do.
    pub(crate) complaints: Vec<String>,
    /// Bytes of the pieces that came.
    pub(crate) bytes_in: usize,
    /// Blobs that came although they were there.
    pub(crate) rewritten: Vec<String>,
    /// What was asked of workers, by name.
    pub(crate) operations: BTreeMap<String, Operation>,
    /// The actions that were asked for, and whether anew.
    pub(crate) asked: Vec<(String, bool)>,
    /// The actions that were done.
    pub(crate) executed: Vec<String>,
    pub(crate) working: usize,
    /// Blobs were dropped.
    pub(crate) has_forgotten: bool,
    connections: usize,
    open: usize,
    is_gone: bool,
}

impl Content {
    pub(crate) fn complain(&mut self, text: impl Into<String>) {
        self.complaints.push(text.into());
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.calls.iter().filter(|one| *one == method).count()
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// The hash of a digest; a client that writes it wrongly is complained about.
    pub(crate) fn hash(&mut self, digest: &Message) -> (String, u64) {
        let hash = digest.text(1);
        let is_hex = hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hash.len() != 64 || !is_hex {
            self.complain(format!("`{hash}` is no SHA-256 in lower case"));
        }
        (hash, digest.number(2))
    }

    /// Takes a blob. Returns whether it is what its digest says.
    fn keep(&mut self, hash: &str, size: u64, data: Vec<u8>) -> bool {
        if data.is_empty() {
            self.complain("the empty blob was written");
        }
        let is_right = sha256(&data) == hash && data.len() as u64 == size;
        if is_right && self.blobs.insert(hash.to_owned(), data).is_some() {
            self.rewritten.push(hash.to_owned());
        }
        is_right
    }
}

pub(crate) struct Remote {
    address: SocketAddr,
    content: Arc<Mutex<Content>>,
    is_tls: bool,
}

/// What the tasks of a server share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) can: Can,
    content: Arc<Mutex<Content>>,
    judge: Arc<Judge>,
}

impl Shared {
    pub(crate) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().expect("no handler panicked")
    }
}

impl Remote {
    pub(crate) fn new() -> Self {
        Self::judged(|_| Fault::None)
    }

    pub(crate) fn judged(judge: impl Fn(&Seen) -> Fault + Send + Sync + 'static) -> Self {
        Self::start(Can::default(), Content::default(), None, judge)
    }

    pub(crate) fn start(
        can: Can,
        content: Content,
        tls: Option<Arc<ServerConfig>>,
        judge: impl Fn(&Seen) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let content = Arc::new(Mutex::new(content));
        let is_tls = tls.is_some();
        let shared = Shared {
            can,
            content: content.clone(),
            judge: Arc::new(judge),
        };
        std::thread::spawn(move || serve(listener, &shared, tls));
        Self {
            address,
            content,
            is_tls,
        }
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_tls { "grpcs" } else { "grpc" };
        format!("{scheme}://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().expect("no handler panicked")
    }

    /// What another server begins with.
    pub(crate) fn copy(&self) -> Content {
        let content = self.content();
        Content {
            results: content.results.clone(),
            blobs: content.blobs.clone(),
            ..Content::default()
        }
    }

    /// The client did nothing that it should not do.
    #[track_caller]
    pub(crate) fn is_content(&self) {
        assert_eq!(self.content().complaints, [""; 0]);
    }

    pub(crate) fn connections(&self) -> usize {
        self.content().connections
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if let Ok(mut content) = self.content.lock() {
            content.is_gone = true;
            let names: Vec<String> = content.operations.keys().cloned().collect();
            for name in names {
                content.cancel(&name);
            }
        }
        drop(TcpStream::connect(self.address));
    }
}

fn serve(listener: TcpListener, shared: &Shared, tls: Option<Arc<ServerConfig>>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        listener.set_nonblocking(true).expect("it can be set");
        let listener = tokio::net::TcpListener::from_std(listener).expect("it is one");
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            if shared.content().is_gone {
                return;
            }
            shared.content().connections += 1;
            stream.set_nodelay(true).expect("it can be set");
            let stream = stream.into_std().expect("it is one");
            let line = Arc::new(stream.try_clone().expect("it can be copied"));
            let stream = tokio::net::TcpStream::from_std(stream).expect("it is one");
            let (shared, tls) = (shared.clone(), tls.clone());
            tokio::task::spawn_local(async move {
                match tls {
                    Some(config) => {
                        if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                            speak(stream, line, shared).await;
                        }
                    }
                    None => speak(stream, line, shared).await,
                }
            });
        }
    });
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin, line: Arc<TcpStream>, shared: Shared) {
    let Ok(mut connection) = h2::server::Builder::new()
        .max_concurrent_streams(100)
        .initial_window_size(1 << 20)
        .handshake::<_, Bytes>(stream)
        .await
    else {
        return;
    };
    while let Some(Ok((request, answer))) = connection.accept().await {
        let (shared, line) = (shared.clone(), line.clone());
        tokio::task::spawn_local(async move { handle(request, answer, &line, &shared).await });
    }
}

/// What is answered: messages, or a code.
type Answer = Result<Vec<Vec<u8>>, (u32, String)>;

async fn handle(
    request: Request<RecvStream>,
    mut answer: SendResponse<Bytes>,
    line: &TcpStream,
    shared: &Shared,
) {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default();
    let method = method.to_owned();
    let (head, body) = request.into_parts();
    let count = {
        let mut content = shared.content();
        content.calls.push(method.clone());
        if head.headers.get("te").is_none() || head.headers.get("grpc-timeout").is_none() {
            content.complain("a call without `te` or `grpc-timeout`");
        }
        content.count(&method)
    };
    let seen = Seen {
        method,
        headers: head.headers,
        count,
    };
    let fault = (shared.judge)(&seen);
    match fault {
        Fault::Status(code, text) => return refuse(&mut answer, code, text),
        Fault::Http(status) => {
            let response = Response::builder().status(status).body(());
            drop(answer.send_response(response.expect("it is right"), true));
            return;
        }
        Fault::Hang => {
            // Until the client has had enough.
            drop(poll_fn(|cx| answer.poll_reset(cx)).await);
            return;
        }
        Fault::Gone => {
            shared.content().is_gone = true;
            drop(line.shutdown(Shutdown::Both));
            return;
        }
        Fault::Close => {
            drop(line.shutdown(Shutdown::Both));
            return;
        }
        Fault::Forget => {
            let mut content = shared.content();
            content.blobs.clear();
            content.has_forgotten = true;
        }
        Fault::Together(count) => {
            shared.content().open += 1;
            while shared.content().open < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        _ => {}
    }
    if matches!(seen.method.as_str(), "Execute" | "WaitExecution") {
        return workers::answer(&seen.method, body, answer, fault, shared).await;
    }
    let result = if seen.method == "Write" {
        write(body, fault, shared).await
    } else {
        let mut body = Incoming::new(body);
        match body.next().await {
            Some(bytes) if bytes.len() > LONGEST => {
                shared.content().complain("a message of more than 4 MiB");
                Err((8, "the message is too long".to_owned()))
            }
            Some(bytes) => unary(&seen.method, &Message::read(&bytes), fault, shared),
            None => Err((13, "no message".to_owned())),
        }
    };
    let messages = match (fault, result) {
        (Fault::Nonsense, _) => vec![vec![0xff; 7]],
        (Fault::Long, _) => vec![vec![0; 5 << 20]],
        (_, Ok(messages)) => messages,
        (Fault::Reset, Err(_)) => {
            answer.send_reset(Reason::INTERNAL_ERROR);
            return;
        }
        (_, Err((code, text))) => return refuse(&mut answer, code, &text),
    };
    let response = Response::builder().header("content-type", "application/grpc");
    let Ok(mut stream) = answer.send_response(response.body(()).expect("it is right"), false)
    else {
        return;
    };
    let half = matches!(fault, Fault::Reset);
    for (index, message) in messages.iter().enumerate() {
        if half && index >= messages.len().div_ceil(2) {
            // What was sent is on its way.
            tokio::time::sleep(Duration::from_millis(50)).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
            return;
        }
        if !send(&mut stream, message).await {
            return;
        }
    }
    if half {
        stream.send_reset(Reason::INTERNAL_ERROR);
        return;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    drop(stream.send_trailers(trailers));
}

pub(crate) fn refuse(answer: &mut SendResponse<Bytes>, code: u32, text: &str) {
    let text: String = text
        .bytes()
        .map(|b| match b {
            b' '..=b'$' | b'&'..=b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect();
    let response = Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", code)
        .header("grpc-message", text)
        .body(());
    drop(answer.send_response(response.expect("it is right"), true));
}

pub(crate) async fn send(stream: &mut SendStream<Bytes>, message: &[u8]) -> bool {
    let mut bytes = Vec::with_capacity(5 + message.len());
    bytes.push(0);
    bytes.extend(u32::try_from(message.len()).expect("it fits").to_be_bytes());
    bytes.extend(message);
    let mut bytes = Bytes::from(bytes);
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        match poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(Ok(size)) => {
                let part = bytes.split_to(size.min(bytes.len()));
                if stream.send_data(part, false).is_err() {
                    return false;
                }
            }
            _ => return false,
        }
    }
    true
}

/// The messages of a client.
pub(crate) struct Incoming {
    body: RecvStream,
    buffer: BytesMut,
}

impl Incoming {
    pub(crate) fn new(body: RecvStream) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
        }
    }

    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.buffer.len() >= 5 {
                let length = u32::from_be_bytes(self.buffer[1..5].try_into().expect("four"));
                if self.buffer.len() >= 5 + length as usize {
                    self.buffer.advance(5);
                    return Some(self.buffer.split_to(length as usize).freeze());
                }
            }
            let chunk = self.body.data().await?.ok()?;
            drop(self.body.flow_control().release_capacity(chunk.len()));
            self.buffer.extend_from_slice(&chunk);
        }
    }
}

fn unary(method: &str, request: &Message, fault: Fault, shared: &Shared) -> Answer {
    let mut content = shared.content();
    let can = &shared.can;
    let resource = request.text(1);
    let is_stream = matches!(method, "Read" | "QueryWriteStatus" | "CancelOperation");
    let top = if can.instance.is_empty() {
        String::new()
    } else {
        format!("{}/", can.instance)
    };
    let is_ours = if is_stream {
        resource.starts_with(&top)
    } else {
        resource == can.instance
    };
    if !is_ours {
        return Err((3, format!("no instance for `{resource}`")));
    }
    let one = |bytes: Vec<u8>| Ok(vec![bytes]);
    match method {
        "GetCapabilities" if !can.says => Err((12, "unknown service".to_owned())),
        "GetCapabilities" => {
            let functions: Vec<u8> = can.functions.iter().map(|&f| f as u8).collect();
            let mut cache = message().with(1, &functions);
            cache = cache.with(2, &message().with_number(1, u64::from(can.takes_results)).0);
            cache = cache.with_number(4, can.batch);
            if can.zstd {
                cache = cache.with_number(6, 1);
            }
            if can.largest > 0 {
                cache = cache.with_number(8, can.largest);
            }
            let mut out = message().with(1, &cache.0);
            if let Some(are_there) = can.workers.are_there {
                let workers = message().with_number(1, 1);
                out = out.with(2, &workers.with_number(2, u64::from(are_there)).0);
            }
            one(out.0)
        }
        "GetActionResult" => {
            let (hash, size) = content.hash(&request.message(2));
            let found = content.results.get(&hash).cloned();
            let action = content.blobs.get(&hash).map(|blob| blob.len() as u64);
            if action.is_some_and(|actual| actual != size) {
                content.complain("the digest of an action has a wrong size");
            }
            let found = found.ok_or((5, "no such result".to_owned()))?;
            one(if can.inlines {
                found
            } else {
                without_content(&found)
            })
        }
        "UpdateActionResult" => {
            let (hash, _) = content.hash(&request.message(2));
            let result = request.message(3);
            let files = result.all(2).into_iter();
            let mut digests: Vec<Message> = files.map(|file| file.message(2)).collect();
            digests.push(request.message(2));
            for digest in digests {
                let (hash, size) = content.hash(&digest);
                if size > 0 && !content.blobs.contains_key(&hash) {
                    content.complain(format!("a result comes before its blob {hash}"));
                    return Err((9, "a blob is missing".to_owned()));
                }
            }
            content.results.insert(hash, request.bytes(3));
            one(request.bytes(3))
        }
        "FindMissingBlobs" => {
            let digests = request.all(2);
            if digests.len() > 10_000 {
                content.complain("more than 10,000 digests in a call");
            }
            let mut out = message();
            for digest in digests {
                let (hash, _) = content.hash(&digest);
                if !content.blobs.contains_key(&hash) {
                    out = out.with(2, &digest.0);
                }
            }
            one(out.0)
        }
        "BatchUpdateBlobs" => {
            let mut out = message();
            let most = if can.batch == 0 {
                LONGEST
            } else {
                can.batch as usize
            };
            if request.0.len() > most {
                content.complain(format!("a batch of {} bytes", request.0.len()));
                return Err((3, "the batch is too large".to_owned()));
            }
            for blob in request.all(2) {
                let (hash, size) = content.hash(&blob.message(1));
                content.bytes_in += blob.bytes(2).len();
                let code = match (fault, can.refuses(blob.bytes(2).len())) {
                    (Fault::Parts(code), _) => code,
                    (_, Some(code)) => i64::from(code),
                    _ if content.keep(&hash, size, blob.bytes(2)) => 0,
                    _ => 3,
                };
                let status = message().with_number(1, code.cast_unsigned());
                let part = message().with(1, &blob.bytes(1)).with(2, &status.0);
                out = out.with(1, &part.0);
            }
            one(out.0)
        }
        "BatchReadBlobs" => {
            let mut out = message();
            for digest in request.all(2) {
                let (hash, _) = content.hash(&digest);
                let found = content.blobs.get(&hash);
                let code = match fault {
                    Fault::Parts(code) => code.cast_unsigned(),
                    _ => found.map_or(5, |_| 0),
                };
                let mut part = message().with(1, &digest.0);
                if let (0, Some(data)) = (code, found) {
                    part = part.with(2, data);
                }
                out = out.with(1, &part.with(3, &message().with_number(1, code).0).0);
            }
            let most = if can.batch == 0 {
                LONGEST
            } else {
                can.batch as usize
            };
            if out.0.len() > most {
                content.complain(format!("an answer of {} bytes", out.0.len()));
                return Err((3, "the answer is too large".to_owned()));
            }
            one(out.0)
        }
        "Read" => {
            let rest = resource.strip_prefix(&top).unwrap_or(&resource);
            let parts: Vec<&str> = rest.split('/').collect();
            let (packed, hash) = match parts[..] {
                ["blobs", hash, _] => (false, hash),
                ["compressed-blobs", "zstd", hash, _] if can.zstd => (true, hash),
                _ => return Err((3, format!("no resource `{resource}`"))),
            };
            let data = content
                .blobs
                .get(hash)
                .ok_or((5, "no such blob".to_owned()))?;
            let offset = request.number(2) as usize;
            if offset > data.len() {
                return Err((11, "the offset is behind the end".to_owned()));
            }
            let mut data = data[offset..].to_vec();
            if packed {
                data = zstd::encode_all(&data[..], 1).expect("it can be compressed");
            }
            // Pieces of 2 MiB are allowed.
            let pieces = data.chunks(2 << 20);
            Ok(pieces.map(|piece| message().with(10, piece).0).collect())
        }
        "CancelOperation" if content.cancel(&resource) => one(Vec::new()),
        "CancelOperation" => Err((5, format!("no operation `{resource}`"))),
        "QueryWriteStatus" => {
            let committed = content.partial.get(&resource).map(Vec::len);
            let committed = committed.ok_or((5, "no such write".to_owned()))?;
            one(message().with_number(1, committed as u64).0)
        }
        _ => Err((12, "unknown method".to_owned())),
    }
}

/// A result whose files have no content.
fn without_content(result: &[u8]) -> Vec<u8> {
    let mut out = message();
    for file in Message::read(result).all(2) {
        let bare = message().with(1, &file.bytes(1)).with(2, &file.bytes(2));
        out = out.with(2, &bare.0);
    }
    out.0
}

async fn write(body: RecvStream, fault: Fault, shared: &Shared) -> Answer {
    let mut body = Incoming::new(body);
    let mut name = String::new();
    let mut names = BTreeSet::new();
    while let Some(bytes) = body.next().await {
        let mut content = shared.content();
        if bytes.len() > PIECE {
            content.complain(format!("a piece of {} bytes", bytes.len()));
        }
        let piece = Message::read(&bytes);
        if !piece.text(1).is_empty() {
            name = piece.text(1);
            names.insert(name.clone());
        }
        if names.len() != 1 {
            content.complain("a stream with several names");
        }
        let data = piece.bytes(10);
        content.bytes_in += data.len();
        let kept = content.partial.entry(name.clone()).or_default();
        if piece.number(2) != kept.len() as u64 {
            return Err((3, "a piece has a wrong offset".to_owned()));
        }
        kept.extend(data);
        let size = kept.len() as i64;
        match fault {
            Fault::Early => return Ok(vec![committed(size)]),
            Fault::Reset => return Err((13, String::new())),
            _ => {}
        }
        if piece.number(3) != 0 {
            let data = content.partial.remove(&name).unwrap_or_default();
            if let Fault::Committed(size) = fault {
                return Ok(vec![committed(size)]);
            }
            return finish(&mut content, &shared.can, &name, data);
        }
    }
    Err((1, "the write was not finished".to_owned()))
}

/// The end of a write: what came is the blob of the name.
fn finish(content: &mut Content, can: &Can, name: &str, data: Vec<u8>) -> Answer {
    let top = usize::from(!can.instance.is_empty());
    let parts: Vec<&str> = name.split('/').skip(top).collect();
    let (packed, id, hash, size) = match parts[..] {
        ["uploads", id, "blobs", hash, size] => (false, id, hash, size),
        ["uploads", id, "compressed-blobs", "zstd", hash, size] if can.zstd => {
            (true, id, hash, size)
        }
        _ => return Err((3, format!("no resource `{name}`"))),
    };
    if id.len() != 36 || top == 1 && !name.starts_with(can.instance) {
        content.complain(format!("`{name}` has no id or another instance"));
    }
    if let Some(code) = can.refuses(data.len()) {
        return Err((code, "the blob is too large".to_owned()));
    }
    let length = data.len() as i64;
    let data = if packed {
        zstd::decode_all(&data[..]).unwrap_or_default()
    } else {
        data
    };
    if !content.keep(hash, size.parse().unwrap_or(0), data) {
        return Err((3, "the blob has another digest".to_owned()));
    }
    Ok(vec![committed(length)])
}

fn committed(size: i64) -> Vec<u8> {
    message().with_number(1, size.cast_unsigned()).0
}
