//! Tests of sessions on disk, and a small session for them.

mod copies;
mod fingerprints;
#[cfg(unix)]
mod full_disk;
mod journal;
mod killed;
mod locking;
mod looking;
mod parts;
mod process;
mod store;
mod streams;

use std::{
    fs,
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

use tempfile::TempDir;

use super::*;
use crate::{
    calibration::TextSource,
    config::{Evaluation, Machine, Settings},
    protocol::{
        Attempt, HessianStats, Method, ModelRecord, MomentPicture, PartRecord, PartSummary, PerplexityRecord,
        Statistics,
    },
    prune::Part,
};

fn settings() -> Settings {
    "eval = \"demo:held-out\"".parse().unwrap()
}

/// A session of three layers without a run.
fn state() -> State {
    State {
        search: None,
        sequence: 0,
        slimgpt_version: "0.1.0".into(),
        created: 1_700_000_000,
        changed: 0,
        label: Default::default(),
        base: "/somewhere".into(),
        model: ModelEntry {
            place: ModelPlace::BuiltIn,
            record: ModelRecord {
                name: "small".into(),
                family: "llama".into(),
                layers: 3,
                parameters_before: 1000,
                parameters_after: 800,
                config_sha256: "0".repeat(64),
                quantised: Vec::new(),
            },
            files: vec![Fingerprint::of_bytes("config.json", b"{}")],
        },
        setups: vec![Setup { settings: settings(), calibration: 0 }],
        calibrations: Vec::new(),
        layers: vec![LayerEntry::default(); 3],
        run_state: None,
        pending: None,
        perplexities: Vec::new(),
        output: None,
    }
}

/// A complete attempt, solved with these attempts above.
fn attempt(number: usize, above: &[usize], ratio: f64) -> AttemptEntry {
    let method = Method::of_run(&settings(), ratio);
    let summary = PartSummary { units: 8, unit: None, kept: 6, relative_error: 0.125 };
    AttemptEntry {
        attempt: Attempt { number, above: above.to_vec(), method },
        setup: 0,
        attention: Some(PartEntry { summary, file: number }),
        mlp: Some(PartEntry { summary, file: number }),
        output_error: None,
        stream_errors: None,
        complete: true,
    }
}

/// A perplexity measured with these attempts.
fn measured(of: Option<Vec<Option<usize>>>, after: f64) -> Measured {
    Measured {
        evaluation: Evaluation { text: Some(TextSource::DemoHeldOut), ..Evaluation::default() },
        machine: Machine::default(),
        tokens_sha256: "1".repeat(64),
        of,
        record: PerplexityRecord {
            text: "demo:held-out".into(),
            seq_len: 128,
            tokens: 1024,
            bos: false,
            before: 3.5,
            after: Some(after),
            before_error: None,
            after_error: None,
            divergence: None,
            divergence_error: None,
        },
    }
}

const PLACE: PartPlace = PartPlace { layer: 1, attempt: 2, part: Part::Mlp };

/// A part whose numbers need all their digits.
fn head() -> PartHead {
    let stats = HessianStats {
        trace: 1.0 / 3.0,
        diag_min: 1e-300,
        diag_mean: 0.1,
        diag_max: 7e18,
        dead: 0,
        condition: 12.5,
        damping_used: 0.01,
    };
    let picture = MomentPicture {
        diag_log_range: [-0.7, 1.1],
        diag_histogram: vec![1, 2],
        cells: 1,
        correlation: vec![0.3],
    };
    PartHead {
        place: PLACE,
        record: PartRecord {
            units: 4,
            unit_width: 1,
            unit: None,
            kept: vec![0, 2],
            removed: vec![3, 1],
            step_errors: vec![0.1 + 0.2, f64::MIN_POSITIVE],
            group_sizes: vec![1, 1],
            relative_error: 2.0 / 7.0,
            refined: None,
            mean_error: None,
            scheduled: None,
            hessian: Some(stats),
        },
        statistics: Some(Statistics {
            stats,
            picture,
            scores: vec![0.1, 1e-40, 3.4e38, 0.0],
            energy: Some(1e-9),
        }),
        query_heads: Vec::new(),
        kv_heads: Vec::new(),
        weight: None,
    }
}

fn weight() -> Weight {
    Weight { dtype: "BF16".into(), shape: [3, 2], bytes: (0..12).collect(), bias: None }
}

/// A temporary directory and a session in it.
fn session() -> (TempDir, Session) {
    let dir = tempfile::tempdir().unwrap();
    let session = Session::create(&dir.path().join("run"), state()).unwrap();
    (dir, session)
}

fn flip(path: &Path, at: usize, bit: u8) {
    let mut file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(&[byte[0] ^ 1 << bit]).unwrap();
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The last component of a session's path.
fn name(session: &Session) -> String {
    super::opened::name_of(session.path())
}
