//! What the answers of servers and the errors of requests mean.

use std::io::ErrorKind;
use std::time::Duration;

use ureq::http::{Response, StatusCode, header};
use ureq::{Body, Timeout};

use super::back_off::retry_after;
use super::failure::{Failure, Next};

/// The standard library has no error kind for a failed name look-up. Its message begins with these words.
const LOOKUP: &str = "failed to lookup address";

/// Accepts an answer that carries a file (200, 206) or refuses a range (416).
pub(super) fn check(response: Response<Body>) -> Result<Response<Body>, Failure> {
    let status = response.status();
    if matches!(status.as_u16(), 200 | 206 | 416) {
        return Ok(response);
    }
    let next = if matches!(status.as_u16(), 408 | 425 | 429) || status.is_server_error() {
        Next::Retry
    } else {
        Next::OtherUrl
    };
    let after = response.headers().get(header::RETRY_AFTER);
    let after: Option<Duration> = after.and_then(|value| retry_after(value.to_str().ok()?));
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

pub(super) fn is_closed(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Io(error) if matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
    ))
}

pub(super) fn failure(error: &ureq::Error, https: bool) -> Failure {
    use ureq::Error as E;
    let (code, next) = match error {
        E::Timeout(_) => ("timeout", Next::Retry),
        E::Io(io) if https && io.kind() == ErrorKind::InvalidData => ("tls", Next::OtherUrl),
        E::Io(_) if is_closed(error) => ("disconnected", Next::Retry),
        E::Io(io) if io.to_string().starts_with(LOOKUP) => ("dns", Next::Retry),
        E::Io(_) | E::ConnectionFailed => ("connect", Next::Retry),
        E::HostNotFound => ("dns", Next::Retry),
        E::Rustls(_) | E::Tls(_) | E::TlsRequired | E::Pem(_) => ("tls", Next::OtherUrl),
        E::BadUri(_) => ("url", Next::OtherUrl),
        E::InvalidProxyUrl | E::ConnectProxyFailed(_) => ("proxy", Next::Retry),
        _ => ("protocol", Next::Retry),
    };
    let message = match error {
        E::Timeout(Timeout::Connect) => "no connection in time".to_owned(),
        E::Timeout(_) => "no answer in time".to_owned(),
        E::Io(io) if io.kind() == ErrorKind::UnexpectedEof => {
            "the server closed the connection without an answer".to_owned()
        }
        E::Io(io) => io.to_string(),
        E::Other(other) => other.to_string(),
        other => other.to_string(),
    };
    Failure::new(code, next, message)
}
