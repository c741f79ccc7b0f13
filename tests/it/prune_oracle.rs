//! The method compared with a slow oracle that inverts from scratch at every step. Each fixture contains the
//! command that made it.
use std::{collections::BTreeMap, fs, ops::ControlFlow, path::PathBuf};

use serde::Deserialize;
use slimgpt::prune::{GroupSize, HeadScore, Schedule, Score};
use slimgpt::prune::{Moment, Outcome, PruneProblem, Ratio, SecondMoment, Span, Units, prune, ratios};

const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
#[allow(non_snake_case)]
struct Fixture {
    command: String,
    W: Vec<Vec<f64>>,
    G_damped: Vec<Vec<f64>>,
    removed: Vec<usize>,
    step_errors: Vec<f64>,
    weights: Vec<Vec<f64>>,
    relative_error: f64,
    /// The scores of every active head for every step.
    scores: Option<Vec<BTreeMap<usize, f64>>>,
    group_sizes: Option<Vec<usize>>,
}

fn read(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/oracle").join(name);
    fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// The value of `--name` in the fixture's command.
fn argument<'a>(command: &'a str, name: &str) -> Option<&'a str> {
    command.split_whitespace().skip_while(|word| word.strip_prefix("--") != Some(name)).nth(1)
}

fn run(fixture: &Fixture) -> Outcome {
    let command = &fixture.command;
    let (rows, n) = (fixture.W.len(), fixture.G_damped.len());
    let weight: Vec<f32> = fixture.W.iter().flatten().map(|&value| value as f32).collect();
    let moment = Moment::from_row_major(n, fixture.G_damped.concat()).unwrap();
    let units = if command.contains("obs_reference.py heads") {
        let width = argument(command, "head-dim").unwrap().parse().unwrap();
        let score = match argument(command, "score").unwrap() {
            "exact" => HeadScore::Exact,
            "grouped-cholesky" => HeadScore::GroupedCholesky,
            "diagonal" => HeadScore::Diagonal,
            other => panic!("unknown score {other}"),
        };
        Units::Heads { width, score, per_group: None }
    } else {
        let group_size = match argument(command, "group").unwrap() {
            "1" => GroupSize::Exact,
            other => other.parse().unwrap(),
        };
        Units::Channels { group_size }
    };
    let remove = argument(command, "remove").unwrap().parse().unwrap();
    let part = PruneProblem { damping: 0.0, ..PruneProblem::new(&weight, rows, &moment, units, remove) };
    prune(&part, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
}

fn agrees_with(name: &str) {
    let fixture: Fixture = serde_json::from_str(&read(name)).unwrap();
    let outcome = run(&fixture);
    assert_eq!(outcome.removed, fixture.removed, "{name}");
    if let Some(sizes) = &fixture.group_sizes {
        assert_eq!(&outcome.group_sizes, sizes, "{name}");
    }
    assert_eq!(outcome.step_errors.len(), fixture.step_errors.len());
    for (found, expected) in outcome.step_errors.iter().zip(&fixture.step_errors) {
        // The values are small, so the comparison is relative.
        assert!((found - expected).abs() <= TOLERANCE * expected, "{name}: {found} for {expected}");
    }
    assert!(near(outcome.relative_error, fixture.relative_error), "{name}");
    if let Some(scores) = &fixture.scores {
        for (&unit, &score) in &scores[0] {
            assert!(near(outcome.first_scores[unit], score), "{name}, unit {unit}");
        }
    }
    let width = argument(&fixture.command, "head-dim").map_or(1, |width| width.parse().unwrap());
    let kept: Vec<usize> = outcome.kept.iter().flat_map(|unit| unit * width..(unit + 1) * width).collect();
    for (row, expected) in fixture.weights.iter().enumerate() {
        for (at, &column) in kept.iter().enumerate() {
            let found = outcome.weight[row * kept.len() + at];
            assert!(near(found, expected[column]), "{name}: weight {row}, {column}");
        }
    }
    assert_eq!(outcome.weight.len(), fixture.W.len() * kept.len());
}

#[test]
fn heads_are_removed_as_in_the_oracle_for_every_score() {
    agrees_with("heads_exact.json");
    agrees_with("heads_grouped_cholesky.json");
    agrees_with("heads_diagonal.json");
}

#[test]
fn all_heads_but_one_are_removed_as_in_the_oracle() {
    agrees_with("heads_all_but_one.json");
}

#[test]
fn channels_are_removed_in_dynamic_groups_as_in_the_oracle() {
    agrees_with("channels_dynamic.json");
    agrees_with("channels_dynamic_48.json");
}

#[test]
fn channels_are_removed_in_reference_groups_as_in_the_oracle() {
    agrees_with("channels_reference.json");
}

#[test]
fn channels_are_removed_one_by_one_as_in_the_oracle() {
    agrees_with("channels_exact.json");
}

#[test]
fn channels_are_removed_in_groups_of_five_as_in_the_oracle() {
    agrees_with("channels_five.json");
}

/// A weight with its inputs, and the scores of `tests/oracle/baselines.py`.
#[derive(Deserialize)]
#[allow(non_snake_case)]
struct Baselines {
    width: usize,
    W: Vec<Vec<f32>>,
    X: Vec<Vec<f32>>,
    channels: BTreeMap<String, Vec<f64>>,
    heads: BTreeMap<String, Vec<f64>>,
}

#[test]
fn baseline_scores_match_their_published_formulas_in_numpy() {
    let fixture: Baselines = serde_json::from_str(&read("baselines.json")).unwrap();
    let (rows, n) = (fixture.W.len(), fixture.W[0].len());
    let mut moment = SecondMoment::new(n);
    moment.add(&fixture.X.concat()).unwrap();
    let (weight, moment) = (fixture.W.concat(), moment.finish().unwrap());
    let heads = Units::Heads { width: fixture.width, score: HeadScore::default(), per_group: None };
    let channels = Units::Channels { group_size: GroupSize::default() };
    for (units, scores) in [(heads, &fixture.heads), (channels, &fixture.channels)] {
        for (name, score) in
            [("magnitude", Score::Magnitude), ("wanda-sp", Score::WandaSp), ("flap", Score::Flap)]
        {
            let part = PruneProblem { score, ..PruneProblem::new(&weight, rows, &moment, units, 3) };
            let outcome = prune(&part, &mut |_| ControlFlow::Continue(())).unwrap();
            for (found, expected) in outcome.first_scores.iter().zip(&scores[name]) {
                // Products are summed in f32, and a variance is a small difference of two sums.
                assert!((found - expected).abs() <= 1e-5 * expected, "{name}: {found} for {expected}");
            }
            let mut order: Vec<usize> = (0..scores[name].len()).collect();
            order.sort_by(|&a, &b| scores[name][a].total_cmp(&scores[name][b]));
            assert_eq!(outcome.removed, order[..3], "{name}");
        }
    }
}

#[test]
fn layers_have_the_ratios_of_the_oracle() {
    #[derive(Deserialize)]
    struct Ratios {
        command: String,
        ratios: Vec<f64>,
    }
    for name in ["ratios_log.json", "ratios_linear.json"] {
        let fixture: Ratios = serde_json::from_str(&read(name)).unwrap();
        let number = |of| argument(&fixture.command, of).unwrap().parse::<f64>().unwrap();
        let shape = argument(&fixture.command, "shape").unwrap();
        let schedule: Schedule = serde_json::from_value(shape.into()).unwrap();
        let span = Span::FirstLast(Ratio::new(number("first")).unwrap(), Ratio::new(number("last")).unwrap());
        let found = ratios(number("layers") as usize, &schedule, span).unwrap();
        assert_eq!(found.len(), fixture.ratios.len());
        for (found, expected) in found.iter().zip(&fixture.ratios) {
            assert!((found.mlp - expected).abs() < 1e-12, "{name}");
        }
    }
}
