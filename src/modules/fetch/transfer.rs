//! Writes one answer of a server into the part. Continues where the part ends if possible, and starts anew otherwise.

use std::io::{Error as IoError, ErrorKind};
use std::time::Instant;

use ureq::http::{HeaderMap, Response, StatusCode, Uri, header};
use ureq::{Body, Timeout};

use super::answer::unexpected;
use super::failure::{Failure, Next};
use super::floor::Floor;
use super::http::Range;
use super::part::{CHUNK, Origin, Part, read};
use super::task::Task;
use crate::modules::progress::Bar;
use crate::tree::address::hidden_text;

type Result<T> = std::result::Result<T, Failure>;

/// Fetches the missing bytes. Returns true if the file came in one piece and the server marked its end.
pub(super) fn transfer(
    task: &Task<'_>,
    uri: &Uri,
    part: &mut Part,
    bar: Option<&Bar>,
) -> Result<bool> {
    if part.len() > 0 {
        if let Some(response) = resume(task, uri, part)? {
            return receive(task, response, part, bar);
        }
        part.restart()?;
    }
    let response = task.client.get(uri, None)?;
    if response.status() != StatusCode::OK {
        return Err(unexpected(response.status(), Next::OtherUrl));
    }
    begin(&response, uri, part);
    receive(task, response, part, bar)
}

/// Requests the missing bytes. Returns `None` if the whole file must be requested: the server's copy has changed, or the
/// server cannot send ranges.
fn resume(task: &Task<'_>, uri: &Uri, part: &mut Part) -> Result<Option<Response<Body>>> {
    let url = uri.to_string();
    let same = part.origin.as_ref().filter(|origin| origin.url == url);
    let validator = same.and_then(|origin| origin.validator.clone());
    // Without a validator only the digest can show that the bytes are from the same file.
    if validator.is_none() && task.file.sha256.is_none() {
        return Ok(None);
    }
    let range = Range {
        start: part.len(),
        validator: validator.as_deref(),
    };
    let total = same.and_then(|origin| origin.total).or(task.file.size);
    let response = task.client.get(uri, Some(&range))?;
    match response.status() {
        StatusCode::OK => {
            part.restart()?;
            begin(&response, uri, part);
            Ok(Some(response))
        }
        StatusCode::PARTIAL_CONTENT => {
            let sent = content_range(response.headers());
            let fits = sent.is_some_and(|(start, end, whole)| {
                start == part.len()
                    && end >= start
                    && whole.is_none_or(|whole| end < whole && total.is_none_or(|t| t == whole))
                    && response
                        .body()
                        .content_length()
                        .is_none_or(|length| length == end - start + 1)
            });
            let now = self::validator(response.headers());
            if !fits || (validator.is_some() && now.is_some() && now != validator) {
                log::debug!(target: "bq", "fetch {}: the range that came is not the one that was asked for", hidden_text(&url));
                return Ok(None);
            }
            let whole = sent.and_then(|(_, _, whole)| whole).or(total);
            part.patched = true;
            part.origin = Some(Origin {
                url,
                validator: now.or(validator),
                total: whole,
            });
            Ok(Some(response))
        }
        _ => Ok(None),
    }
}

/// Records where the bytes come from.
fn begin(response: &Response<Body>, uri: &Uri, part: &mut Part) {
    part.origin = Some(Origin {
        url: uri.to_string(),
        validator: validator(response.headers()),
        total: response.body().content_length(),
    });
}

/// The header that identifies the server's copy: a strong `ETag`, or else `Last-Modified`.
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::to_owned);
    text(header::ETAG)
        .filter(|tag| tag.starts_with('"'))
        .or_else(|| text(header::LAST_MODIFIED))
}

/// Reads `bytes FIRST-LAST/TOTAL`.
fn content_range(headers: &HeaderMap) -> Option<(u64, u64, Option<u64>)> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some((start.parse().ok()?, end.parse().ok()?, total))
}

/// Appends the body to the part.
fn receive(
    task: &Task<'_>,
    response: Response<Body>,
    part: &mut Part,
    bar: Option<&Bar>,
) -> Result<bool> {
    let chunked = response.headers().contains_key(header::TRANSFER_ENCODING);
    let body = response.into_body();
    let announced = body
        .content_length()
        .map(|length| part.len().saturating_add(length));
    let goal = announced.or(task.file.size);
    let limit = task.file.size.unwrap_or(task.options.max_size);
    if let Some(announced) = announced {
        let total = part
            .origin
            .as_ref()
            .and_then(|o| o.total)
            .unwrap_or(announced);
        refuse(part, announced.max(total), task.file.size, limit)?;
    }
    if let (Some(bar), Some(goal)) = (bar, goal) {
        bar.length(goal);
    }
    let mut reader = body.into_reader();
    let mut buffer = vec![0; CHUNK];
    let mut floor = Floor::new(task.options.stall_timeout, Instant::now());
    loop {
        let count = read(&mut reader, &mut buffer).map_err(|e| broken(&e, part.len(), goal))?;
        if count == 0 {
            break;
        }
        task.client.content_received();
        if part.len() + count as u64 > limit {
            part.restart()?;
            let message = format!("more than the {limit} bytes that are wanted have come");
            return Err(Failure::new("too_large", Next::OtherUrl, message));
        }
        part.write(&buffer[..count], goal)?;
        if let Some(bar) = bar {
            bar.set(part.len());
        }
        if !floor.add(count, Instant::now()) {
            let message = format!("less than 1 KiB/s, after {}", amount(part.len(), goal));
            return Err(Failure::new("stalled", Next::Resume, message));
        }
        task.go_on()?;
    }
    let whole = part
        .origin
        .as_ref()
        .and_then(|o| o.total)
        .or(task.file.size);
    if whole.is_some_and(|whole| part.len() < whole) {
        return Err(truncated(part.len(), whole));
    }
    Ok(!part.patched && (chunked || announced.is_some()))
}

/// Refuses an answer at once if its announced size is wrong.
fn refuse(part: &mut Part, announced: u64, size: Option<u64>, limit: u64) -> Result<()> {
    let code = match announced.cmp(&limit) {
        std::cmp::Ordering::Greater => "too_large",
        std::cmp::Ordering::Less if size.is_some() => "too_small",
        _ => return Ok(()),
    };
    part.restart()?;
    let wanted = if size.is_some() { "" } else { "at most " };
    let message = format!("the server announces {announced} bytes, {wanted}{limit} are wanted");
    Err(Failure::new(code, Next::OtherUrl, message))
}

/// The failure of a transfer that broke off.
fn broken(error: &IoError, got: u64, goal: Option<u64>) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    if let Some(ureq::Error::Timeout(timeout)) = inner {
        let message = match timeout {
            Timeout::PerRead => format!("nothing more came after {}", amount(got, goal)),
            other => format!("no more in time ({other}) after {}", amount(got, goal)),
        };
        return Failure::new("stalled", Next::Resume, message);
    }
    if let Some(ureq::Error::Other(other)) = inner {
        let message = format!("{other}, after {}", amount(got, goal));
        return Failure::new("protocol", Next::Resume, message);
    }
    if matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
    ) {
        return truncated(got, goal);
    }
    let message = format!("{error} after {}", amount(got, goal));
    Failure::new("protocol", Next::Resume, message)
}

fn truncated(got: u64, goal: Option<u64>) -> Failure {
    let message = format!("the connection ended after {}", amount(got, goal));
    Failure::new("truncated", Next::Resume, message)
}

fn amount(got: u64, goal: Option<u64>) -> String {
    match goal {
        Some(goal) => format!("{got} of {goal} bytes"),
        None => format!("{got} bytes"),
    }
}
