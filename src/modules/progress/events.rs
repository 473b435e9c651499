//! Bars as events for programs: a line of JSON each, on standard output. The manual says what is in them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::row::{Row, Unit};

pub(super) fn start(row: &Row) -> String {
    line("start", row, [("total", json!(row.length))])
}

pub(super) fn progress(row: &Row) -> String {
    let message = (!row.message.is_empty()).then_some(&row.message);
    line(
        "progress",
        row,
        [
            ("done", json!(row.position)),
            ("total", json!(row.length)),
            ("message", json!(message)),
        ],
    )
}

pub(super) fn end(row: &Row, age: Duration) -> String {
    let seconds = (age.as_secs_f64() * 1000.0).round() / 1000.0;
    line(
        "end",
        row,
        [("done", json!(row.position)), ("seconds", json!(seconds))],
    )
}

/// An event without the fields that are not known.
fn line<const N: usize>(event: &str, row: &Row, more: [(&str, Value); N]) -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let unit = match row.unit {
        Unit::Bytes => "bytes",
        Unit::Items => "items",
    };
    let fields = [
        ("event", json!(event)),
        ("time", json!(time.map_or(0, |time| time.as_secs()))),
        ("activity", json!(row.label)),
        ("id", json!(row.id)),
        ("unit", json!(unit)),
    ];
    let map: Map<String, Value> = fields
        .into_iter()
        .chain(more)
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    format!("{}\n", Value::Object(map))
}
