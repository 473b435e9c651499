//! `bq.grpc`: calls of a gRPC server, many at once on one connection. What is in a message is nobody's concern here.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri, Version};
use mlua::{Function, Lua, Table, UserData, UserDataRef, Value};
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::lua::bytes::Blob;
use crate::lua::module::Module;
use crate::lua::value::{Field, Seconds, Wrong};

mod call;
mod connection;
mod frames;
mod secure;
mod status;
mod tunnel;

use call::{Answer, Around, Call, Life, Outgoing};
use connection::{Connection, Open, Target, keep_alive, runtime};
use secure::Pem;
use status::Status;
use tunnel::Tunnel;

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "grpc")
        .function("connection", connect)
        .function("exchange", exchange)
        .build()
}

options! {
    struct Place {
        host: String,
        port: u32,
        tls: bool = false,
        ca: Option<Blob>,
        cert: Option<Blob>,
        key: Option<Blob>,
        headers: Vec<String> = Vec::new(),
        connect_timeout: Seconds = Seconds(Duration::from_secs(15)),
        keep_alive: Seconds = Seconds(Duration::from_secs(30)),
    }
}

options! {
    struct Calls {
        calls: Vec<One>,
        jobs: usize = 100,
    }
}

options! {
    struct One {
        method: String,
        send: Sent,
        receive: Option<Function>,
        deadline: Seconds,
        stall: Option<Seconds>,
        max_size: u64 = 4 << 20,
    }
}

/// A message, or a function that gives messages.
struct Sent(Outgoing);

impl Field for Sent {
    fn read(value: Value, _: &Lua) -> std::result::Result<Self, Wrong> {
        match value {
            Value::String(text) => Ok(Self(Outgoing::One(frames::framed(&text.as_bytes())))),
            Value::Function(next) => Ok(Self(Outgoing::Many(next))),
            other => Err(Wrong::expected("a string or a function", &other)),
        }
    }
}

/// What a script has of a connection.
struct Handle(RefCell<Connection>);

impl UserData for Handle {}

fn wrong(op: &str, text: impl Into<String>) -> Error {
    Error::argument(&format!("grpc.{op}"), text)
}

fn connect(_: &Lua, place: Place) -> Result<Handle> {
    let port = u16::try_from(place.port)
        .map_err(|_| wrong("connection", "`port`: expected a number up to 65535"))?;
    let head = head(&place, port)?;
    let pem = Pem {
        ca: place.ca,
        cert: place.cert,
        key: place.key,
    };
    let tls = place.tls.then(|| secure::config(&pem)).transpose()?;
    let tunnel = Tunnel::of(head.uri(), &pem);
    Ok(Handle(RefCell::new(Connection {
        target: Target {
            host: place.host,
            port,
            tls,
            tunnel,
            connect: place.connect_timeout.0,
            keep_alive: place.keep_alive.0,
            head,
        },
        open: None,
        runtime: None,
    })))
}

/// The headers of every call.
fn head(place: &Place, port: u16) -> Result<Request<()>> {
    let scheme = if place.tls { "https" } else { "http" };
    let host = if place.host.contains(':') {
        format!("[{}]", place.host)
    } else {
        place.host.clone()
    };
    let uri: Uri = format!("{scheme}://{host}:{port}/")
        .parse()
        .map_err(|_| wrong("connection", "`host`: expected a name or an address"))?;
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    for (name, value) in [
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", concat!("bq/", env!("CARGO_PKG_VERSION"))),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for line in &place.headers {
        let (name, mut value) = header(line).ok_or_else(|| {
            wrong(
                "connection",
                "`headers`: expected `Name: value`, and no name that HTTP/2 or gRPC has itself",
            )
        })?;
        // It may be a secret, so it is not kept for later calls in a table of HTTP/2.
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(request)
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let name: HeaderName = name.trim().parse().ok()?;
    let is_own = matches!(
        name.as_str(),
        "te" | "content-type"
            | "user-agent"
            | "host"
            | "connection"
            | "keep-alive"
            | "proxy-connection"
            | "transfer-encoding"
            | "upgrade"
            | "content-length"
    );
    if is_own || name.as_str().starts_with("grpc-") {
        return None;
    }
    Some((name, value.trim().parse().ok()?))
}

fn call(one: One) -> Result<Call> {
    let is_path = one.method.starts_with('/')
        && one
            .method
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._".contains(&b));
    if !is_path {
        return Err(wrong(
            "exchange",
            "`method`: expected `/package.Service/Method`",
        ));
    }
    Ok(Call {
        path: one.method,
        outgoing: one.send.0,
        receive: one.receive,
        deadline: one.deadline.0,
        stall: one.stall.map(|stall| stall.0),
        max_size: one.max_size,
    })
}

fn exchange(lua: &Lua, (handle, request): (UserDataRef<Handle>, Calls)) -> Result<Table> {
    let Ok(mut connection) = handle.0.try_borrow_mut() else {
        return Err(wrong(
            "exchange",
            "the connection is in use: a function of a call makes no calls",
        ));
    };
    let calls: Vec<Call> = request.calls.into_iter().map(call).collect::<Result<_>>()?;
    let Connection {
        target,
        open,
        runtime: kept,
    } = &mut *connection;
    let runtime = match kept {
        Some(runtime) => runtime,
        None => kept.insert(runtime().map_err(|e| Error::io("grpc.exchange", &e))?),
    };
    // No call gives way to others of this thread: there are none.
    let answers = runtime.block_on(tokio::task::unconstrained(async {
        if let Some(old) = open
            && !old.is_alive().await
        {
            *open = None;
        }
        if open.is_none() && !calls.is_empty() {
            match target.connect().await {
                Ok(new) => *open = Some(new),
                Err(status) => return Ok(calls.iter().map(|_| failed(&status)).collect()),
            }
        }
        match open {
            Some(open) => all(lua, target, open, &calls, request.jobs.clamp(1, 1000)).await,
            None => Ok(Vec::new()),
        }
    }));
    let list = lua.create_table()?;
    for answer in answers? {
        let table = lua.create_table()?;
        table.raw_set("status", answer.status.code)?;
        table.raw_set("message", answer.status.message)?;
        table.raw_set("is_lost", answer.status.is_lost)?;
        if let Some(reply) = answer.reply {
            table.raw_set("reply", lua.create_string(&reply)?)?;
        }
        list.raw_push(table)?;
    }
    Ok(list)
}

fn failed(status: &Status) -> Answer {
    Answer {
        status: status.clone(),
        reply: None,
    }
}

/// Makes all calls, so many at once.
async fn all(
    lua: &Lua,
    target: &Target,
    open: &mut Open,
    calls: &[Call],
    jobs: usize,
) -> mlua::Result<Vec<Answer>> {
    let life = Life::new();
    let sender = open.sender.clone();
    let around = Around {
        lua,
        sender: &sender,
        head: &target.head,
        life: &life,
    };
    // A server says how many it takes. Those above wait here, where their time does not run.
    let jobs = jobs
        .min(sender.current_max_send_streams().max(1))
        .min(calls.len());
    let next = Cell::new(0);
    let answers: Vec<RefCell<Option<Answer>>> = calls.iter().map(|_| RefCell::default()).collect();
    // After a call without an answer the others are not tried: each of them could wait as long.
    let late = RefCell::new(None);
    let work = || async {
        while late.borrow().is_none() {
            let index = next.replace(next.get() + 1);
            let Some(call) = calls.get(index) else {
                break;
            };
            let answer = call.run(around).await?;
            if answer.status.code == status::DEADLINE_EXCEEDED {
                *late.borrow_mut() = Some(answer.status.clone());
            }
            *answers[index].borrow_mut() = Some(answer);
        }
        Ok(())
    };
    let mut workers: Vec<Pin<Box<dyn Future<Output = mlua::Result<()>> + '_>>> =
        (0..jobs).map(|_| Box::pin(work()) as _).collect();
    let Open {
        pings,
        driver,
        used,
        ..
    } = open;
    let mut watch = std::pin::pin!(keep_alive(pings, driver, &life, target.keep_alive));
    let done = poll_fn(|cx| {
        let _ = watch.as_mut().poll(cx);
        let mut index = 0;
        while index < workers.len() {
            match workers[index].as_mut().poll(cx) {
                Poll::Ready(Ok(())) => drop(workers.swap_remove(index)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => index += 1,
            }
        }
        if workers.is_empty() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    })
    .await;
    drop(workers);
    *used = Instant::now();
    done?;
    let missing = late.into_inner();
    let missing = missing.unwrap_or_else(|| Status::lost("it was not made"));
    Ok(answers
        .into_iter()
        .map(|slot| slot.into_inner().unwrap_or_else(|| failed(&missing)))
        .collect())
}
