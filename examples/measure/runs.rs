//! Whole runs: the built-in model, memory compared with the forecast and for different numbers of layers, and equality
//! of the bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Instant,
};

use crate::{
    Fallible,
    child::{Program, Ran},
    common::checkpoint::Shape,
    models::Models,
    table::{Bound, Row, gigabytes, seconds},
};

/// The limit for a run over 2 layers of LLaMA-7B in f32.
const MOST_BYTES: u64 = 8_000_000_000;
const SIXTEEN_LONG: [&str; 4] = ["--samples", "16", "--seq-len", "1024"];
const SIXTY_FOUR: [&str; 4] = ["--samples", "64", "--seq-len", "512"];
const FOUR_SHORT: [&str; 4] = ["--samples", "4", "--seq-len", "128"];

/// The run of the built-in model, in turn with an older program's.
pub fn demo(program: &Program, before: Option<&Path>, quick: bool) -> Fallible<Vec<Row>> {
    let (runs, settings): (_, &[&str]) = if quick { (1, &FOUR_SHORT) } else { (5, &[]) };
    let older = before.map(|path| Program { path, work: program.work });
    let mut times: [Vec<f64>; 2] = Default::default();
    for _ in 0..runs {
        for (program, times) in [Some(program), older.as_ref()].into_iter().zip(&mut times) {
            let Some(program) = program else { continue };
            let began = Instant::now();
            program.prune_demo(settings)?;
            times.push(began.elapsed().as_secs_f64());
        }
    }
    let [ours, theirs] = times.map(|mut times| {
        times.sort_unstable_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    });
    let ours = ours.ok_or("no run was measured")?;
    Ok(vec![Row {
        what: "`slimgpt prune --out DIR`: the built-in model from start to end".into(),
        runs,
        measured: seconds(ours),
        pytorch: None,
        against: theirs.map_or("-".into(), |theirs| format!("the older program: {}", seconds(theirs))),
        ratio: theirs.map(|theirs| ours / theirs),
        bound: Bound::AtMost(0.5),
    }])
}

pub fn memory(program: &Program, models: &Models<'_>) -> Fallible<Vec<Row>> {
    let quick = models.quick;
    let (shape, settings) =
        if quick { (Shape::small(2), FOUR_SHORT) } else { (Shape::of_7b(2), SIXTEEN_LONG) };
    let block = program.checkpoint("two-layers", &shape)?;
    let smollm2 = models.smollm2()?;
    let Shape { hidden, ffn, .. } = shape;
    let name = format!("2 layers of hidden {hidden} and {ffn} channels, f32");
    let [small, large] = [
        (smollm2.name, smollm2.directory, if quick { FOUR_SHORT } else { SIXTY_FOUR }),
        (name, block, settings),
    ];
    let mut rows = Vec::new();
    for ((name, model, settings), limit) in [(small, None), (large, Some(MOST_BYTES))] {
        let forecast = forecast(program, &model, &settings)?;
        let out = program.work.join("slim");
        let ran = program.prune(&model, &out, &settings)?;
        fs::remove_dir_all(out)?;
        let what = format!(
            "largest resident size of `slimgpt prune`, {name}, {}×{} tokens",
            settings[1], settings[3]
        );
        let row = |what, against, bytes: u64, bound| Row {
            what,
            runs: 1,
            measured: gigabytes(ran.peak),
            pytorch: None,
            against,
            ratio: Some(ran.peak as f64 / bytes as f64),
            bound,
        };
        let text = format!("forecast of `slimgpt inspect`: {}", gigabytes(forecast));
        rows.push(row(what, text, forecast, Bound::Between(0.9, 1.0)));
        let within = |limit| row("the same".into(), gigabytes(limit), limit, Bound::AtMost(1.0));
        rows.extend(limit.map(within));
    }
    Ok(rows)
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
        let row = |what, measured, against, ratio, wanted: f64| Row {
            what,
            runs: 1,
            measured,
            pytorch: None,
            against: format!("{fewer} layers: {against}"),
            ratio: Some(ratio),
            bound: Bound::Between(0.9 * wanted, 1.1 * wanted),
        };
        rows.push(row(
            format!("calibrating and solving {more} layers of hidden {hidden} and {ffn} channels"),
            seconds(long_seconds),
            seconds(short_seconds),
            long_seconds / short_seconds,
            2.0,
        ));
        rows.push(row(
            "largest resident size of that run".into(),
            gigabytes(long.peak),
            gigabytes(short.peak),
            long.peak as f64 / short.peak as f64,
            1.0,
        ));
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

/// Runs with every number of threads, and two with the same, write the same bytes.
pub fn bytes(program: &Program, threads: usize, quick: bool) -> Fallible<Vec<Row>> {
    let (shape, settings) =
        if quick { (Shape::small(2), FOUR_SHORT) } else { (Shape { layers: 2, ..medium() }, FOUR_SHORT) };
    let model = program.checkpoint("threads", &shape)?;
    let mut counts: Vec<usize> = [1, 2, 4, 16].into_iter().filter(|&count| count <= threads).collect();
    counts.extend(counts.last().copied());
    let (mut first, mut differing): (Option<BTreeMap<_, _>>, BTreeSet<String>) = Default::default();
    for count in &counts {
        let out = program.work.join("slim");
        program.prune(&model, &out, &[&settings[..], &["--threads", &count.to_string()]].concat())?;
        let written = files(&out)?;
        fs::remove_dir_all(out)?;
        let first = first.get_or_insert_with(|| written.clone());
        let names = first.keys().chain(written.keys());
        differing.extend(names.filter(|&name| first.get(name) != written.get(name)).cloned());
    }
    let Shape { hidden, ffn, .. } = shape;
    let counts = counts.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let names = differing.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    Ok(vec![Row {
        what: format!(
            "files of runs over 2 layers of hidden {hidden} and {ffn} channels, `--threads` {counts}"
        ),
        runs: 1,
        measured: if names.is_empty() { "equal bytes".into() } else { format!("other bytes: {names}") },
        pytorch: None,
        against: "each other".into(),
        ratio: None,
        bound: Bound::Equal(names.is_empty()),
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
