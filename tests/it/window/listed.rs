//! Sessions for the list: usual and unusual ones.

use slimgpt::application::{
    explorer::{Msg, State, update},
    protocol::{
        AttemptSummary, CalibrationRecord, LayerSummary, ModelRecord, PartSummary, PerplexityRecord,
        SessionContent, SessionStatus, SessionSummary,
    },
};
use slimgpt::{config::Settings, prune::Schedule};

use super::{odd::STRANGE, press};

/// Time of reading, in Unix seconds.
pub const NOW: u64 = 1_800_000_000;

/// A session with `solved` of `layers` layers pruned.
pub fn content(model: &str, changed: u64, solved: usize, layers: usize) -> SessionContent {
    let settings = Settings::default();
    let part = |units: usize, layer: usize| PartSummary {
        units,
        unit: None,
        kept: units - units / 4,
        relative_error: 0.002 * (layer + 1) as f64,
    };
    let layer = |layer: usize| LayerSummary {
        attempts: 1 + usize::from(layer == 3),
        active: (layer < solved).then(|| AttemptSummary {
            number: usize::from(layer == 3),
            ratio: (0.4 * layer as f64 / layers as f64).into(),
            attention: part(8, layer),
            mlp: part(320, layer),
            output_error: Some(0.001 * (layer * layer + 1) as f64),
        }),
        stale: false,
    };
    let mean = if solved == layers { 0.4 * (layers - 1) as f64 / (2 * layers) as f64 } else { 0.2 };
    SessionContent {
        created: changed.saturating_sub(90_000),
        changed,
        label: Default::default(),
        model: ModelRecord {
            name: model.into(),
            family: "llama".into(),
            layers,
            parameters_before: 2_400_000,
            parameters_after: 2_400_000 - 40_000 * solved as u64,
            config_sha256: String::new(),
            quantised: Vec::new(),
        },
        settings,
        calibration: Some(CalibrationRecord {
            files: vec!["demo:stories".into()],
            samples: 32,
            seq_len: 128,
            seed: 0,
            tokens: 4096,
            ..CalibrationRecord::default()
        }),
        ratio: Some(mean.into()),
        layers: (0..layers).map(layer).collect(),
        guard: None,
        perplexity: (solved == layers).then(|| PerplexityRecord {
            text: "demo:held-out".into(),
            seq_len: 128,
            tokens: 4096,
            bos: false,
            before: 5.2134,
            after: Some(6.0371),
            before_error: None,
            after_error: None,
            divergence: None,
            divergence_error: None,
        }),
        seconds: 252.0,
        output: (solved == layers).then(|| "/home/ada/slim-demo".into()),
    }
}

pub fn summary(name: &str, status: SessionStatus, content: Option<SessionContent>) -> SessionSummary {
    let path = format!("/home/ada/.local/state/slimgpt/sessions/{name}").into();
    SessionSummary { path, name: name.into(), bytes: 5_400_000, status, killed: false, content }
}

/// One session per status, the open one first.
pub fn usual() -> Vec<SessionSummary> {
    let demo = |ago: u64, solved: usize| Some(content("demo", NOW - ago, solved, 12));
    let llama = Some(content("Llama-3.2-1B", NOW - 86_400 * 12, 16, 16));
    vec![
        summary("demo-2027-01-15-075512", SessionStatus::InUse { pid: Some(4021) }, demo(20, 12)),
        summary("demo-2027-01-15-053001", SessionStatus::Unfinished { left: 3 }, demo(8400, 9)),
        summary("demo-2027-01-14-221530", SessionStatus::Finished, demo(35_000, 12)),
        summary("nightly", SessionStatus::InUse { pid: Some(1234) }, demo(90_000, 4)),
        summary("Llama-3.2-1B-2027-01-03-101501", SessionStatus::Finished, llama),
        summary(
            "demo-2026-11-25-011200",
            SessionStatus::Damaged {
                why: "session.json and its copy are both truncated; delete the session, or restore a copy"
                    .into(),
            },
            None,
        ),
    ]
}

/// A thousand sessions with names, numbers and sizes of all kinds.
pub fn strange() -> Vec<SessionSummary> {
    let one = |at: usize| {
        let name = match at % 4 {
            0 => STRANGE.repeat(3),
            1 => format!("{at}-{}", "深".repeat(60)),
            2 => String::new(),
            _ => format!("demo-{at}"),
        };
        let status = match at % 5 {
            0 => SessionStatus::Finished,
            1 => SessionStatus::Unfinished { left: usize::MAX },
            2 => SessionStatus::InUse { pid: Some(u32::MAX) },
            3 => SessionStatus::InUse { pid: None },
            _ => SessionStatus::Damaged { why: STRANGE.repeat(20) },
        };
        let layers = [0, 1, 12, 200][at % 4];
        let mut content = content(STRANGE, at as u64 * 1_000_000_000, layers / 2, layers);
        if let Some(layer) = content.layers.first_mut().and_then(|layer| layer.active.as_mut()) {
            let value = [f64::NAN, f64::INFINITY, -1.0, 0.0][at / 4 % 4];
            (layer.ratio, layer.output_error, layer.mlp.relative_error) = (value.into(), Some(value), value);
        }
        content.settings.ratios.schedule = Schedule::Custom(vec![0.5.into(); 3]);
        content.output = Some(STRANGE.into());
        content.seconds = f64::NAN;
        let content = (!at.is_multiple_of(3)).then_some(content);
        SessionSummary { bytes: u64::MAX, ..summary(&name, status, content) }
    };
    (0..1000).map(one).collect()
}

/// Opens the list, with the cursor `down` lines below the top.
pub fn open(state: &mut State, sessions: Result<Vec<SessionSummary>, String>, down: usize) {
    press(state, &["S"]);
    update(state, Msg::Sessions { now: NOW, sessions });
    press(state, &vec!["down"; down]);
}
