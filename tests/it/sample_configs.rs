//! Every sample is a valid settings file that matches its name.
use std::{fs, path::Path};

use slimgpt::application::sweep::{self, Sweep};
use slimgpt::{
    config::{Options, Settings, Solver, Span, read_file},
    demo,
    model::{Checkpoint, Source},
    pipeline,
    prune::{GroupSize, HeadScore},
};

fn samples() -> Vec<(String, Settings)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_configs");
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.is_file())
        .map(|path| {
            let settings = Settings::new(read_file(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_str().unwrap().to_string(), settings)
        })
        .collect()
}

fn sample(name: &str) -> Settings {
    samples().into_iter().find(|(sample, _)| sample == name).unwrap().1
}

#[test]
fn all_samples_are_valid() {
    assert!(samples().len() >= 7);
    for (name, settings) in samples() {
        assert!(!settings.calibration.texts.is_empty(), "{name} has no calibration text");
    }
}

#[test]
fn samples_of_the_paper_run_the_method_of_the_paper() {
    for (name, ratio) in [("llama-7b-20", 0.2), ("llama-7b-50", 0.5)] {
        let settings = sample(name);
        assert_eq!(settings.span(), Span::Mean(ratio));
        assert_eq!(settings.solver.head_score, HeadScore::GroupedCholesky);
        assert_eq!(settings.solver.group_size, GroupSize::Reference);
    }
}

#[test]
fn each_ablation_changes_one_setting() {
    let paper = sample("llama-7b-20");
    let solver = paper.solver;
    let with = |solver| Settings { solver, ..paper.clone() };
    assert_eq!(sample("ablation-no-gcd"), with(Solver { head_score: HeadScore::Diagonal, ..solver }));
    assert_eq!(sample("ablation-no-dgs"), with(Solver { group_size: GroupSize::Fixed(128), ..solver }));
    assert_eq!(sample("ablation-no-compensation"), with(Solver { compensation: false, ..solver }));
}

#[test]
fn every_sweep_plans_distinct_runs() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_configs/sweeps");
    let built_in = Checkpoint::open(Source::Embedded(demo::FILES)).unwrap();
    let mut sweeps = 0;
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let draft = sweep::read(&path).unwrap();
        assert!(draft.title.is_some() && draft.seeded, "{}", path.display());
        let sweep = Sweep::new(draft, &Options::default(), "").unwrap();
        assert!(sweep.cells.len() > 3, "{}", path.display());
        for cell in &sweep.cells {
            assert!(cell.settings.evaluation.text.is_some(), "{} of {}", cell.name, path.display());
            if cell.model.is_none() {
                let planned = pipeline::plan(built_in.architecture(), &cell.settings);
                planned.unwrap_or_else(|error| panic!("{} of {}: {error}", cell.name, path.display()));
            }
        }
        sweeps += 1;
    }
    assert!(sweeps >= 6);
}
