//! The message of a panic: its text, and its place in the source.

use std::any::Any;
use std::panic::PanicHookInfo;
use std::sync::{Mutex, PoisonError};

static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Makes panics record their place and print nothing.
pub(crate) fn note_place(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string);
    *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = place;
}

/// The text of a caught panic, with the recorded place.
pub(crate) fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    match &*PLACE.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(place) => format!("{text} (at {place})"),
        None => text.to_owned(),
    }
}
