//! Whole runs: memory compared with the forecast and for different numbers of layers, and equality of the bytes for
//! one and two threads.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    child::{Program, Ran},
    common::checkpoint::Shape,
    rate::Fallible,
    table::{Row, Verdict, gigabytes, seconds},
};

/// The limit for a run over 2 layers of LLaMA-7B in f32.
const MOST_BYTES: u64 = 8_000_000_000;
const SIXTEEN_LONG: [&str; 4] = ["--samples", "16", "--seq-len", "1024"];
const FOUR_SHORT: [&str; 4] = ["--samples", "4", "--seq-len", "128"];

pub fn memory(program: &Program, quick: bool) -> Fallible<Vec<Row>> {
    let (shape, settings) =
        if quick { (Shape::small(2), FOUR_SHORT) } else { (Shape::of_7b(2), SIXTEEN_LONG) };
    let model = program.checkpoint("two-layers", &shape)?;
    let forecast = forecast(program, &model, &settings)?;
    let out = program.work.join("slim");
    let ran = program.prune(&model, &out, &settings)?;
    fs::remove_dir_all(out)?;
    let Shape { hidden, ffn, .. } = shape;
    let what = format!(
        "largest resident size of `slimgpt prune`, 2 layers of hidden {hidden} and {ffn} channels, f32, {}×{} tokens",
        settings[1], settings[3]
    );
    let row = |what, against, bytes: u64, at_most| Row {
        what,
        measured: gigabytes(ran.peak),
        against,
        verdict: Verdict::Ratio { ratio: ran.peak as f64 / bytes as f64, at_most: Some(at_most) },
    };
    let text = format!("forecast of `slimgpt inspect`: {}", gigabytes(forecast));
    Ok(vec![row(what, text, forecast, 1.25), row("the same".into(), gigabytes(MOST_BYTES), MOST_BYTES, 1.0)])
}

/// The peak memory forecast by `slimgpt inspect`.
fn forecast(program: &Program, model: &Path, settings: &[&str]) -> Fallible<u64> {
    let inspected = program.inspect(model, settings)?;
    let run = inspected["run"].as_object().ok_or("slimgpt inspect --json: expected an object \"run\"")?;
    let bytes = |key: &str| run.get(key).and_then(|bytes| bytes.as_u64());
    let parts = run.keys().filter(|key| key.ends_with("_bytes"));
    Ok(bytes("peak_bytes").unwrap_or_else(|| parts.filter_map(|key| bytes(key)).sum()))
}

pub fn layers(program: &Program, quick: bool) -> Fallible<Vec<Row>> {
    let (shape, settings) = if quick { (Shape::small(0), FOUR_SHORT) } else { (medium(), SIXTEEN_LONG) };
    let mut ran = Vec::new();
    for layers in [2, 4, 8] {
        let model = program.checkpoint(&format!("{layers}-layers"), &Shape { layers, ..shape.clone() })?;
        let out = program.work.join("slim");
        ran.push((layers, program.prune(&model, &out, &settings)?));
        fs::remove_dir_all(out)?;
        fs::remove_dir_all(model)?;
    }
    let Shape { hidden, ffn, .. } = shape;
    let mut rows = Vec::new();
    for pair in ran.windows(2) {
        let [(fewer, short), (more, long)] = pair else { continue };
        let (short_seconds, long_seconds) = (pruning_seconds(short)?, pruning_seconds(long)?);
        rows.push(Row {
            what: format!("calibrating and solving {more} layers of hidden {hidden} and {ffn} channels"),
            measured: seconds(long_seconds),
            against: format!("{fewer} layers: {}", seconds(short_seconds)),
            verdict: Verdict::About { ratio: long_seconds / short_seconds, wanted: 2.0 },
        });
        rows.push(Row {
            what: "largest resident size of that run".into(),
            measured: gigabytes(long.peak),
            against: format!("{fewer} layers: {}", gigabytes(short.peak)),
            verdict: Verdict::About { ratio: long.peak as f64 / short.peak as f64, wanted: 1.0 },
        });
    }
    Ok(rows)
}

/// Calibration and solving time from the run's record, which grow with the number of layers.
fn pruning_seconds(ran: &Ran) -> Fallible<f64> {
    let of = |key: &str| ran.printed["seconds"][key].as_f64();
    Ok(of("calibration")
        .zip(of("solve"))
        .map(|(calibration, solve)| calibration + solve)
        .ok_or("no seconds")?)
}

pub fn threads(program: &Program, quick: bool) -> Fallible<Vec<Row>> {
    let (shape, settings) =
        if quick { (Shape::small(2), FOUR_SHORT) } else { (Shape { layers: 2, ..medium() }, FOUR_SHORT) };
    let model = program.checkpoint("threads", &shape)?;
    let mut written = Vec::new();
    for threads in ["1", "2"] {
        let out = program.work.join("slim");
        program.prune(&model, &out, &[&settings[..], &["--threads", threads]].concat())?;
        written.push(files(&out)?);
        fs::remove_dir_all(out)?;
    }
    let differing: Vec<&str> = written[0]
        .iter()
        .filter(|(name, bytes)| written[1].get(*name) != Some(bytes))
        .map(|(name, _)| name.as_str())
        .collect();
    let same = differing.is_empty() && written[0].len() == written[1].len();
    let Shape { hidden, ffn, .. } = shape;
    Ok(vec![Row {
        what: format!("files of a run over 2 layers of hidden {hidden} and {ffn} channels, `--threads 1`"),
        measured: if same { "equal bytes".into() } else { format!("other bytes: {}", differing.join(", ")) },
        against: "`--threads 2`".into(),
        verdict: Verdict::Same(same),
    }])
}

/// A shape small enough for several runs, and large enough that matrix products dominate.
fn medium() -> Shape {
    Shape { hidden: 1024, heads: 8, ffn: 2816, vocab: 4096, ..Shape::small(2) }
}

/// All files except the record and the model card, which contain times and threads.
fn files(out: &Path) -> Fallible<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "run.json" && name != "README.md" {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(files)
}
