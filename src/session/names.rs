//! Names of a session and of the files in it.

use std::time::SystemTime;

use jiff::{Timestamp, tz::TimeZone};

use crate::disk::name_meant;

use super::PartPlace;

pub(super) const STATE: &str = "session.json";
pub(super) const STATE_COPY: &str = "session.copy.json";
pub(super) const DRAFT: &str = "draft.json";
/// Name of the draft in sessions written by version 0.1.
pub(super) const DRAFT_0_1: &str = "desk.json";
pub(super) const EVENTS: &str = "events.jsonl";
pub(super) const LOCK: &str = "lock";
pub(super) const ATTEMPTS: &str = "attempts";
pub(super) const STREAMS: &str = "streams";

const TENSORS: &str = ".safetensors";

pub(super) fn windows(number: usize) -> String {
    match number {
        0 => format!("calibration{TENSORS}"),
        number => format!("calibration-{number}{TENSORS}"),
    }
}

pub(super) fn part(place: PartPlace) -> String {
    let PartPlace { layer, attempt, part } = place;
    format!("layer-{layer:03}-attempt-{attempt:03}-{part}{TENSORS}")
}

/// File name of a stream. `stem` is the start of the SHA-256 of its key.
pub(super) fn stream(stem: &str) -> String {
    format!("{stem}{TENSORS}")
}

/// A directory of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directory {
    Session,
    Attempts,
    Streams,
}

impl Directory {
    /// True for names of files that slimgpt writes there, and of their temporary files.
    pub(super) fn owns(self, name: &str) -> bool {
        let name = name_meant(name).unwrap_or(name);
        match self {
            Self::Session => {
                [STATE, STATE_COPY, DRAFT, DRAFT_0_1, EVENTS, LOCK].contains(&name)
                    || stem(name).is_some_and(|stem| {
                        stem == "calibration" || stem.strip_prefix("calibration-").is_some_and(is_number)
                    })
            }
            Self::Attempts => stem(name).is_some_and(is_part),
            Self::Streams => stem(name).is_some_and(|stem| stem.bytes().all(|b| b.is_ascii_hexdigit())),
        }
    }
}

fn stem(name: &str) -> Option<&str> {
    name.strip_suffix(TENSORS).filter(|stem| !stem.is_empty())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_part(stem: &str) -> bool {
    let words: Vec<&str> = stem.split('-').collect();
    matches!(words[..], ["layer", layer, "attempt", attempt, "attention" | "mlp"] if is_number(layer) && is_number(attempt))
}

/// Name of a new session: the model's name in safe characters, and the local time.
pub(super) fn of_session(model: &str, time: SystemTime) -> String {
    const LONGEST: usize = 48;
    let fit = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
    let name: String = model.chars().map(fit).take(LONGEST).collect();
    let name = name.trim_matches(['-', '.']);
    let name = if name.is_empty() { "model" } else { name };
    // A name is needed even if there is no time zone database or the clock is out of range.
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned_datetime(zone);
    format!("{name}-{}", time.strftime("%Y-%m-%d-%H%M%S"))
}
