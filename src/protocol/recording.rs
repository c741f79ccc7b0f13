//! The first line of a recording: `{"slimgpt_recording":2}`. Every following line is one
//! [`Stamped`](super::Stamped) event.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingHeader {
    #[serde(rename = "slimgpt_recording")]
    pub format: u64,
}

impl RecordingHeader {
    /// Recordings of format 1 have no header. Their events have other names, which [`Event`](super::Event)
    /// also accepts.
    pub const CURRENT: Self = Self { format: 2 };

    /// Parses a header; None if the line is not one.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// The header as a line, without a line feed.
    pub fn line(self) -> String {
        let Self { format } = self;
        format!("{{\"slimgpt_recording\":{format}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_header_is_read_back() {
        let line = RecordingHeader::CURRENT.line();
        assert_eq!(line, serde_json::to_string(&RecordingHeader::CURRENT).unwrap());
        assert_eq!(RecordingHeader::parse(&line), Some(RecordingHeader::CURRENT));
        assert_eq!(RecordingHeader::parse(r#"{"run":1,"at":0.0,"event":"paused"}"#), None);
    }
}
