//! How a call ended: the codes of gRPC, and what a broken stream or connection means in them.

use std::fmt::Write;

use http::{HeaderMap, StatusCode};

/// The longest message of a server that is kept, in bytes.
const LONGEST: usize = 1000;

/// The codes that are made here. Others come from servers.
pub(super) const OK: u32 = 0;
pub(super) const CANCELLED: u32 = 1;
pub(super) const UNKNOWN: u32 = 2;
pub(super) const DEADLINE_EXCEEDED: u32 = 4;
pub(super) const PERMISSION_DENIED: u32 = 7;
pub(super) const UNIMPLEMENTED: u32 = 12;
pub(super) const INTERNAL: u32 = 13;
pub(super) const UNAVAILABLE: u32 = 14;
pub(super) const UNAUTHENTICATED: u32 = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: u32,
    pub(super) message: String,
    /// The server did not say it: the stream or the connection was lost.
    pub(super) is_lost: bool,
}

impl Status {
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            is_lost: false,
        }
    }

    /// There is no connection, or there is none any more.
    pub(super) fn lost(message: impl Into<String>) -> Self {
        Self {
            is_lost: true,
            ..Self::new(UNAVAILABLE, message)
        }
    }

    /// What the headers or trailers of an answer say. `None` if they say nothing.
    pub(super) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let code = headers.get("grpc-status")?.to_str().ok();
        let code = code.and_then(|text| text.parse().ok()).unwrap_or(UNKNOWN);
        let message = headers.get("grpc-message").map(http::HeaderValue::as_bytes);
        Some(Self::new(code, decoded(message.unwrap_or_default())))
    }

    /// The status of an answer of HTTP that is none of gRPC, by the list of gRPC.
    pub(super) fn of_http(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            400 => INTERNAL,
            401 => UNAUTHENTICATED,
            403 => PERMISSION_DENIED,
            404 => UNIMPLEMENTED,
            429 | 502..=504 => UNAVAILABLE,
            _ => UNKNOWN,
        };
        Self::new(code, format!("the server answered {status} of HTTP"))
    }
}

impl From<h2::Error> for Status {
    fn from(error: h2::Error) -> Self {
        let mut status = Self::lost(error.to_string());
        if error.is_reset() {
            status.code = match error.reason() {
                Some(h2::Reason::REFUSED_STREAM) => UNAVAILABLE,
                Some(h2::Reason::CANCEL) => CANCELLED,
                _ => INTERNAL,
            };
        }
        status
    }
}

/// Text whose bytes may be written as `%41`.
fn decoded(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = digits
            .filter(|_| first == b'%')
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        out.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    let mut text = String::from_utf8_lossy(&out[..out.len().min(LONGEST)]).into_owned();
    if out.len() > LONGEST {
        // Writing to a string cannot fail.
        let _ = write!(text, "… ({} bytes)", out.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::{OK, Status, UNAVAILABLE, UNKNOWN};

    #[test]
    fn statuses_are_read() {
        let mut headers = HeaderMap::new();
        assert_eq!(Status::of_headers(&headers), None);
        headers.insert("grpc-status", HeaderValue::from_static("5"));
        headers.insert(
            "grpc-message",
            HeaderValue::from_static("no%20blob%2x %E2%82%AC%"),
        );
        let found = Status::of_headers(&headers);
        assert_eq!(found, Some(Status::new(5, "no blob%2x €%")));
        headers.insert("grpc-status", HeaderValue::from_static("five"));
        assert_eq!(Status::of_headers(&headers).map(|s| s.code), Some(UNKNOWN));
        let long = "x".repeat(5000);
        headers.insert(
            "grpc-message",
            HeaderValue::from_str(&long).expect("a value"),
        );
        headers.insert("grpc-status", HeaderValue::from_static("0"));
        let found = Status::of_headers(&headers).expect("there is one");
        assert_eq!(found.code, OK);
        assert!(found.message.ends_with("x… (5000 bytes)"));
        let busy = Status::of_http(StatusCode::BAD_GATEWAY);
        assert_eq!(busy.code, UNAVAILABLE);
    }
}
