//! Tests of windows drawn from large texts, of which only a part is encoded.

use std::{collections::BTreeSet, ops::ControlFlow};

use serde_json::json;
use tokenizers::Tokenizer;

use super::{
    byte_tokenizer, starts,
    stretches::{kinds_of_tokenizers, words},
};
use crate::calibration::{
    Drawn, Error, Text, Windows, draw,
    draw::{WHOLE, draw_with},
    encode,
};

/// Documents of unequal lengths, some of them empty.
fn documents(count: usize) -> Text {
    let all = words(300 * count);
    let mut documents = Vec::new();
    let mut rest = all.as_str();
    for index in 0..count {
        let end = rest.floor_char_boundary([0, 40, 900, 260][index % 4]);
        documents.push(rest[..end].to_owned());
        rest = &rest[end..];
    }
    Text { name: "documents".into(), documents, notices: vec![], drawn: None }
}

fn drawn(tokenizer: &Tokenizer, text: &Text, of: (usize, usize), seed: u64) -> Result<Drawn, Error> {
    draw_with((tokenizer, std::slice::from_ref(text)), of, seed, 0, &mut |_, _| ControlFlow::Continue(()))
}

fn all_tokens(tokenizer: &Tokenizer, text: &Text) -> Vec<u32> {
    encode(tokenizer, std::slice::from_ref(text), &mut |_, _| ControlFlow::Continue(())).unwrap()
}

#[test]
fn windows_of_a_large_text_are_windows_of_its_tokens_and_little_is_encoded() {
    let long = Text::inline("long", words(1 << 18));
    for (name, tokenizer) in kinds_of_tokenizers() {
        for (text, samples) in [(&documents(600), 8), (&long, 1)] {
            let whole = all_tokens(&tokenizer, text);
            let Drawn { windows, encoded } = drawn(&tokenizer, text, (samples, 200), 1).unwrap();
            assert_eq!((windows.samples(), windows.seq_len()), (samples, 200));
            for window in windows.iter() {
                assert!(whole.windows(200).any(|part| part == window), "{name}: {}", text.name);
            }
            // Without safe cuts, a long document is one piece.
            let cut = text.documents.len() > 1 || name != "bytes alone";
            assert!(!cut || 2 * encoded < whole.len(), "{name}: {encoded} of {}", whole.len());
        }
    }
}

#[test]
fn a_text_that_is_not_large_gives_the_windows_of_its_tokens() {
    let (tokenizer, text) = (byte_tokenizer(), documents(500));
    let texts = std::slice::from_ref(&text);
    let whole = all_tokens(&tokenizer, &text);
    let found = draw(&tokenizer, texts, (12, 64), 5, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(found == Drawn { windows: Windows::draw(&whole, 12, 64, 5).unwrap(), encoded: whole.len() });
    assert!((whole.len() as u64) < WHOLE);
    // Windows that cover most of a text need all of it.
    let found = drawn(&tokenizer, &text, (1500, 64), 5).unwrap();
    assert!(found == Drawn { windows: Windows::draw(&whole, 1500, 64, 5).unwrap(), encoded: whole.len() });
}

#[test]
fn windows_depend_on_the_seed_and_the_text_and_not_on_threads() {
    let (tokenizer, text) = (byte_tokenizer(), documents(3000));
    let on = |threads: usize, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| drawn(&tokenizer, &text, (16, 100), seed).unwrap())
    };
    assert!(on(1, 3) == on(3, 3));
    assert!(on(1, 3).windows != on(1, 4).windows);
}

/// Windows are part of a published run, so a new version of the sampler must not change them silently.
#[test]
fn seed_0_draws_the_same_windows_of_a_large_text_as_ever() {
    // The token of four digits is their number, and the next one is the separator.
    let numbers: Vec<String> = (0..10_000).map(|number| format!("{number:04}")).collect();
    let vocab = (0..10_000).map(|number| (format!("{number:04}"), json!(number)));
    let vocab: serde_json::Map<String, serde_json::Value> =
        vocab.chain([("?".into(), json!(10_000))]).collect();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": { "type": "WhitespaceSplit" }, "post_processor": null, "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocab, "unk_token": "?" }
    });
    let tokenizer = Tokenizer::from_bytes(tokenizer.to_string()).unwrap();
    let documents: Vec<String> = numbers.chunks(10).map(|chunk| chunk.join(" ")).collect();
    let text = Text { name: "numbers".into(), documents, notices: vec![], drawn: None };
    let windows = drawn(&tokenizer, &text, (6, 15), 0).unwrap().windows;
    for window in windows.iter() {
        assert!(window.windows(2).all(|pair| pair[1] == pair[0] + 1), "{window:?}");
    }
    assert_eq!(starts(&windows), [7090, 4659, 6990, 601, 8790, 5494]);
}

#[test]
fn positions_are_distinct_and_reach_the_end_of_the_text() {
    let (tokenizer, text) = (byte_tokenizer(), documents(400));
    let whole = all_tokens(&tokenizer, &text);
    // Many windows of two bytes each: every position is drawn at most once.
    let count = whole.len() / 5;
    let Drawn { windows, .. } = drawn(&tokenizer, &text, (count, 2), 0).unwrap();
    assert_eq!(windows.samples(), count);
    let pairs: BTreeSet<&[u32]> = whole.windows(2).collect();
    assert!(windows.iter().all(|window| pairs.contains(window)));
}

#[test]
fn a_large_text_with_few_tokens_is_too_little_text() {
    let word = |index: usize| format!("{}{index}", "x".repeat(400));
    let vocab: serde_json::Map<String, serde_json::Value> =
        [("?".to_owned(), json!(0))].into_iter().collect();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": { "type": "WhitespaceSplit" }, "post_processor": null, "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocab, "unk_token": "?" }
    });
    let tokenizer = Tokenizer::from_bytes(tokenizer.to_string()).unwrap();
    let text =
        Text { name: "x".into(), documents: (0..20).map(word).collect(), notices: vec![], drawn: None };
    assert!(matches!(
        drawn(&tokenizer, &text, (2, 64), 0),
        Err(Error::TooLittleText { found: 20, needed: 65, .. })
    ));
}

#[test]
fn drawing_can_be_cancelled() {
    let text = documents(500);
    let texts = std::slice::from_ref(&text);
    let cancelled = draw_with((&byte_tokenizer(), texts), (4, 32), 0, 0, &mut |_, _| ControlFlow::Break(()));
    assert!(matches!(cancelled, Err(Error::Cancelled)));
}
