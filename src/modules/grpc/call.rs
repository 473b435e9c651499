//! One call: its messages go out and its answer comes in at the same time, since a server may answer before it has heard all.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderValue, Request};
use mlua::{Function, Lua, LuaString, Value};
use tokio::time::Instant;

use super::frames::{Frames, framed};
use super::status::{CANCELLED, DEADLINE_EXCEEDED, INTERNAL, OK, Status, UNKNOWN};

/// What is sent.
pub(super) enum Outgoing {
    One(Bytes),
    /// A function that gives one message after the other, and then `nil`.
    Many(Function),
}

pub(super) struct Call {
    pub(super) path: String,
    pub(super) outgoing: Outgoing,
    /// Is given each message that comes.
    pub(super) receive: Option<Function>,
    pub(super) deadline: Duration,
    pub(super) stall: Option<Duration>,
    pub(super) max_size: u64,
}

pub(super) struct Answer {
    pub(super) status: Status,
    /// The last message, if no function takes them.
    pub(super) reply: Option<Vec<u8>>,
}

/// Why a call ended early.
enum Trouble {
    Status(Status),
    /// A function of the script failed.
    Script(mlua::Error),
}

impl<T: Into<Status>> From<T> for Trouble {
    fn from(error: T) -> Self {
        Self::Status(error.into())
    }
}

/// When something came from the server, or it took something.
pub(super) struct Life(Cell<Instant>);

impl Life {
    pub(super) fn new() -> Self {
        Self(Cell::new(Instant::now()))
    }

    pub(super) fn touch(&self) {
        self.0.set(Instant::now());
    }

    pub(super) fn last(&self) -> Instant {
        self.0.get()
    }
}

/// What a call needs besides itself.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) lua: &'a Lua,
    pub(super) sender: &'a SendRequest<Bytes>,
    /// The headers of every call.
    pub(super) head: &'a Request<()>,
    pub(super) life: &'a Life,
}

impl Call {
    /// Makes the call. An error is one of the script.
    pub(super) async fn run(&self, around: Around<'_>) -> mlua::Result<Answer> {
        around.life.touch();
        let reply = RefCell::new(None);
        let work = self.talk(around, &reply);
        let status = match within(work, self.deadline, self.stall, around.life).await {
            Ok(status) | Err(Trouble::Status(status)) => status,
            Err(Trouble::Script(error)) => return Err(error),
        };
        let reply = reply.into_inner().filter(|_| status.code == OK);
        Ok(Answer { status, reply })
    }

    async fn talk(
        &self,
        around: Around<'_>,
        reply: &RefCell<Option<Vec<u8>>>,
    ) -> Result<Status, Trouble> {
        let mut sender = around.sender.clone().ready().await?;
        let (answer, stream) = sender.send_request(self.request(around.head), false)?;
        drop(sender);
        let mut sending = pin!(self.send(around, stream));
        let mut receiving = pin!(self.receive(around, answer, reply));
        let mut is_sent = false;
        poll_fn(|cx| {
            if !is_sent && let Poll::Ready(sent) = sending.as_mut().poll(cx) {
                is_sent = true;
                if let Err(Trouble::Script(error)) = sent {
                    return Poll::Ready(Err(Trouble::Script(error)));
                }
                // If the server takes no more, its answer says why, or that it needs no more.
            }
            receiving.as_mut().poll(cx)
        })
        .await
    }

    fn request(&self, head: &Request<()>) -> Request<()> {
        let mut request = head.clone();
        let uri = format!(
            "{}://{}{}",
            head.uri().scheme_str().unwrap_or("http"),
            head.uri().authority().map_or("", |a| a.as_str()),
            self.path
        );
        // The path was checked when the call was read.
        if let Ok(uri) = uri.parse() {
            *request.uri_mut() = uri;
        }
        let timeout = format!("{}m", self.deadline.as_millis().min(99_999_999));
        if let Ok(timeout) = HeaderValue::from_str(&timeout) {
            request.headers_mut().insert("grpc-timeout", timeout);
        }
        request
    }

    async fn send(&self, around: Around<'_>, mut stream: SendStream<Bytes>) -> Result<(), Trouble> {
        match &self.outgoing {
            Outgoing::One(message) => feed(&mut stream, message.clone(), around.life).await?,
            Outgoing::Many(next) => loop {
                let message: Value = next.call(()).map_err(Trouble::Script)?;
                if message.is_nil() {
                    break;
                }
                let message: LuaString =
                    mlua::FromLua::from_lua(message, around.lua).map_err(Trouble::Script)?;
                let message = framed(&message.as_bytes());
                feed(&mut stream, message, around.life).await?;
            },
        }
        stream.send_data(Bytes::new(), true)?;
        Ok(())
    }

    async fn receive(
        &self,
        around: Around<'_>,
        answer: ResponseFuture,
        reply: &RefCell<Option<Vec<u8>>>,
    ) -> Result<Status, Trouble> {
        let response = answer.await?;
        around.life.touch();
        let (head, mut body) = response.into_parts();
        if let Some(status) = Status::of_headers(&head.headers) {
            return Ok(status);
        } else if head.status != 200 {
            return Ok(Status::of_http(head.status));
        }
        let kind = head.headers.get("content-type").map(HeaderValue::as_bytes);
        if !kind.is_some_and(|kind| kind.starts_with(b"application/grpc")) {
            return Ok(Status::new(UNKNOWN, "the server does not speak gRPC"));
        }
        let mut frames = Frames::new(self.max_size);
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            around.life.touch();
            body.flow_control().release_capacity(chunk.len())?;
            frames.add(&chunk);
            while let Some(message) = frames.next()? {
                match &self.receive {
                    Some(take) => give(around.lua, take, &message)?,
                    None => *reply.borrow_mut() = Some(message.to_vec()),
                }
            }
        }
        let status = ending(&mut body).await?;
        if status.code == OK && !frames.is_whole() {
            return Ok(Status::new(INTERNAL, "the answer broke off in a message"));
        }
        Ok(status)
    }
}

/// Gives a message to the script, which wants no more if it says `false`.
fn give(lua: &Lua, take: &Function, message: &[u8]) -> Result<(), Trouble> {
    let message = lua.create_string(message).map_err(Trouble::Script)?;
    let wants: Value = take.call(message).map_err(Trouble::Script)?;
    if matches!(wants, Value::Boolean(false)) {
        return Err(Status::new(CANCELLED, "it was given up").into());
    }
    Ok(())
}

/// Sends bytes as the server takes them.
async fn feed(
    stream: &mut SendStream<Bytes>,
    mut bytes: Bytes,
    life: &Life,
) -> Result<(), Trouble> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let capacity = poll_fn(|cx| stream.poll_capacity(cx)).await;
        let size = match capacity {
            Some(size) => size?.min(bytes.len()),
            None => return Err(Status::lost("the stream has ended").into()),
        };
        if size > 0 {
            life.touch();
            stream.send_data(bytes.split_to(size), false)?;
        }
    }
    Ok(())
}

async fn ending(body: &mut RecvStream) -> Result<Status, Trouble> {
    let trailers = body.trailers().await?;
    let status = trailers.as_ref().and_then(Status::of_headers);
    Ok(status.unwrap_or_else(|| Status {
        is_lost: true,
        ..Status::new(UNKNOWN, "the answer ended without a status")
    }))
}

/// Does work until it is done, its time is over, or nothing has moved for too long.
async fn within<T>(
    work: impl Future<Output = Result<T, Trouble>>,
    deadline: Duration,
    stall: Option<Duration>,
    life: &Life,
) -> Result<T, Trouble> {
    let end = Instant::now() + deadline;
    let next = || stall.map_or(end, |stall| end.min(life.last() + stall));
    let mut work = pin!(work);
    let mut alarm = pin!(tokio::time::sleep_until(next()));
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if now >= next() {
                let text = match stall {
                    Some(stall) if now < end => {
                        format!("nothing moved for {} s", stall.as_secs_f32())
                    }
                    _ => format!("no answer within {} s", deadline.as_secs_f32()),
                };
                let status = Status::new(DEADLINE_EXCEEDED, text);
                return Poll::Ready(Err(status.into()));
            }
            alarm.as_mut().reset(next());
        }
        Poll::Pending
    })
    .await
}
