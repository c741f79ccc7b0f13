//! What calibration windows are made of, and the text that guards an evaluation, in runs of the built-in model.

use crate::frontend::{Frontend, settings};
use slimgpt::{application::protocol::RunRecord, config::Settings, prune::TokenWeighting};

fn record(settings: &Settings) -> RunRecord {
    Frontend::open(settings).run(0, settings).record()
}

fn with(more: &str) -> Settings {
    format!("samples = 8\nseq_len = 64\nratio = 0.3\n{more}").parse().unwrap()
}

#[test]
fn a_bos_starts_each_calibration_window_and_changes_the_result() {
    let mut settings = settings();
    let without = record(&settings);
    settings.calibration.bos = true;
    let with = record(&settings);
    assert_eq!(without.calibration.bos, None);
    assert!(with.calibration.bos.is_some());
    assert_eq!(with.calibration.seq_len, without.calibration.seq_len, "the BOS is one of the tokens");
    assert_ne!(with.layers[0].mlp.relative_error, without.layers[0].mlp.relative_error);
}

#[test]
fn the_model_writes_windows_that_follow_from_the_seed() {
    let mixed = with("calibration = ['demo:stories', 'self:4']");
    let (one, two) = (record(&mixed), record(&mixed));
    let written = one.calibration.written.clone().unwrap();
    assert_eq!((written.windows, one.calibration.samples), (4, 8));
    assert_eq!((&one.calibration, &one.layers), (&two.calibration, &two.layers));
    let other = record(&with("calibration = ['demo:stories', 'self:4']\nseed = 1"));
    assert_ne!(other.calibration.written.unwrap().tokens_sha256, written.tokens_sha256);
    let alone = record(&with("calibration = ['self:8']"));
    assert_eq!(alone.calibration.written.unwrap().windows, 8);
}

#[test]
fn token_weights_change_the_result_and_their_spread_is_told() {
    let without = record(&with("calibration = ['demo:stories']"));
    assert_eq!(without.calibration.weights, None);
    for (name, by) in [("kl", TokenWeighting::Kl), ("fisher", TokenWeighting::Fisher)] {
        let weighted = with(&format!("calibration = ['demo:stories']\ntoken_weights = '{name}'"));
        let (one, two) = (record(&weighted), record(&weighted));
        assert_eq!((&one.calibration, &one.layers), (&two.calibration, &two.layers));
        let weights = one.calibration.weights.unwrap();
        assert_eq!(weights.by, by);
        let spread = weights.spread;
        assert_eq!(spread.tokens, 8 * 64);
        assert!(spread.effective_tokens > 10.0 && spread.effective_tokens < 512.0, "{spread:?}");
        assert!(spread.quantiles.is_sorted(), "{spread:?}");
        assert_ne!(without.layers[0].mlp.relative_error, one.layers[0].mlp.relative_error);
    }
}

#[test]
fn the_perplexity_of_a_second_text_is_measured_beside_the_first() {
    let settings = with(
        "calibration = ['demo:stories']\neval = 'demo:held-out'\nguard = 'demo:stories'\neval_windows = 3\neval_seq_len = 32\neval_kl = true",
    );
    let record = record(&settings);
    let (first, second) = (record.perplexity.unwrap(), record.guard.unwrap());
    assert_eq!((first.text.as_str(), second.text.as_str()), ("demo:held-out", "demo:stories"));
    assert_eq!((first.tokens, second.tokens), (96, 96));
    assert!(second.before.is_finite() && second.after.unwrap() > second.before, "{second:?}");
    for measured in [first, second] {
        assert!(measured.divergence.unwrap() > 0.0 && measured.divergence_error.is_some(), "{measured:?}");
    }
}
