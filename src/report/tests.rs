use super::*;
use crate::{
    config::Settings,
    export::{Format, WrittenForm},
    protocol::{
        CalibrationRecord, HessianStats, LayerRecord, ModelRecord, PartRecord, PerplexityRecord, RunRecord,
        Seconds, Verified, WrittenRecord,
    },
};

const HOSTILE: &str = "a/<script>alert(\"1\")</script>\n---\nlicense: `x` | 'y': *";

fn part(units: usize, removed: &[usize]) -> PartRecord {
    let stats = HessianStats {
        trace: 12.0,
        diag_min: 0.1,
        diag_mean: 1.0,
        diag_max: 4.0,
        dead: 1,
        condition: 530.0,
        damping_used: 0.01,
    };
    PartRecord {
        kept: (0..units).filter(|unit| !removed.contains(unit)).collect(),
        removed: removed.into(),
        step_errors: vec![0.5, 1.5],
        group_sizes: vec![1, removed.len() - 1],
        relative_error: 0.02,
        hessian: Some(stats),
        ..PartRecord::untouched(units, 4)
    }
}

fn record(name: &str) -> RunRecord {
    let layer = |index| LayerRecord {
        index,
        ratio: 0.25.into(),
        attention: part(4, &[2, 0]),
        mlp: part(16, &[1, 5, 9, 13]),
        output_error: Some(0.1),
    };
    RunRecord {
        search: None,
        slimgpt_version: "0.1.0".into(),
        model: ModelRecord {
            name: name.into(),
            family: "llama".into(),
            layers: 2,
            parameters_before: 15_191_712,
            parameters_after: 12_000_000,
            config_sha256: "00".into(),
            quantised: Vec::new(),
        },
        settings: Settings::default(),
        calibration: CalibrationRecord {
            files: vec![name.into()],
            samples: 8,
            seq_len: 16,
            seed: 0,
            tokens: 128,
            ..CalibrationRecord::default()
        },
        layers: (0..2).map(layer).collect(),
        tuned: Vec::new(),
        written: Vec::new(),
        guard: None,
        perplexity: Some(PerplexityRecord {
            text: name.into(),
            seq_len: 16,
            tokens: 160,
            bos: false,
            before: 8.5,
            after: Some(9.25),
            before_error: None,
            after_error: None,
            divergence: None,
            divergence_error: None,
        }),
        seconds: Seconds::default(),
        peak_memory_bytes: Some(1 << 20),
        kernels: None,
    }
}

fn form(format: Format, remote_code: bool) -> WrittenForm {
    WrittenForm {
        format,
        file: (format == Format::Gguf).then(|| "tiny-slim-f16.gguf".into()),
        loaded_as: "LlamaForCausalLM".into(),
        remote_code,
        weights: "f16".into(),
        tolerance: 0.1,
    }
}

fn written(format: Format) -> WrittenRecord {
    let verified = Some(Verified { largest_difference: 2e-6, tolerance: 1e-4, spread: 3.0, tokens: 64 });
    let WrittenForm { weights, loaded_as, remote_code, .. } = form(format, false);
    WrittenRecord { format, weights, loaded_as, remote_code, verified }
}

/// The lines of the metadata, checked to be `key: word`, `key: "quoted"`, `key:` or `- "quoted"`.
fn metadata(card: &str) -> Vec<(String, String)> {
    let rest = card.strip_prefix("---\n").unwrap();
    let (metadata, _) = rest.split_once("\n---\n").unwrap();
    let line = |line: &str| {
        let (key, value) = match line.strip_prefix("- ") {
            Some(item) => ("-", item),
            None => line.split_once(':').map(|(key, value)| (key, value.trim())).unwrap(),
        };
        let value = match value.starts_with('"') {
            true => serde_json::from_str::<String>(value).unwrap(),
            false => value.into(),
        };
        (key.to_owned(), value)
    };
    metadata.lines().map(line).collect()
}

#[test]
fn the_metadata_of_a_card_is_yaml_for_any_names() {
    let facts = CardFacts {
        hub_id: Some(HOSTILE.into()),
        readme: Some(format!("---\nlicense: \"yes: [{{\"\nlicense_name: {HOSTILE}\n---\n")),
        forms: vec![WrittenForm { loaded_as: HOSTILE.into(), ..form(Format::Hf, false) }],
        ..CardFacts::default()
    };
    let card = card(&record(HOSTILE), &facts);
    let metadata = metadata(&card);
    assert_eq!(metadata[0], ("base_model".into(), HOSTILE.into()));
    assert_eq!(metadata[1], ("license".into(), "yes: [{".into()));
    assert!(metadata.contains(&("-".into(), "slimgpt".into())));
    assert!(metadata.contains(&("library_name".into(), "transformers".into())));
    // Code in backticks is not escaped.
    let prose: String = card.split_once("\n---\n").unwrap().1.split('`').step_by(2).collect();
    assert!(!prose.contains("<script>"), "{prose}");
}

#[test]
fn a_card_has_the_results_and_how_to_load_each_format() {
    let mut record = record("tiny");
    record.written = vec![written(Format::Hf), written(Format::Gguf)];
    let of = |forms: Vec<WrittenForm>| CardFacts { forms, ..CardFacts::default() };
    let facts = of(vec![form(Format::Gguf, false), form(Format::Hf, false)]);
    let text = card(&record, &facts);
    for expected in [
        "15,191,712 before pruning, 12,000,000 after",
        "21.0 % fewer parameters",
        "| perplexity | 8.5000 | 9.2500 |",
        "| 1 | 0.2500 | 2 of 4 | 12 of 16 | 2.000 % | 2.000 % | 10.000 % |",
        "by at most 2.00e-6",
        "llama-cli -m 'tiny-slim-f16.gguf'",
        "arXiv 2412.18110",
        "slimgpt eval .",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("trust_remote_code"));
    assert!(metadata(&text).contains(&("-".into(), "gguf".into())));
    assert!(metadata(&text).contains(&("library_name".into(), "transformers".into())));
    let text = card(&record, &of(vec![form(Format::Hf, true)]));
    assert!(text.contains("from_pretrained(path, trust_remote_code=True)"));
    let text = card(&record, &of(vec![form(Format::Gguf, false)]));
    assert!(metadata(&text).contains(&("library_name".into(), "gguf".into())));
    assert!(!text.contains("from_pretrained"));
}

#[test]
fn the_table_has_one_row_per_layer_with_equal_numbers_of_fields() {
    let heads = Some(Change { before: 8, after: 4 });
    let facts = LayerFacts { attempt: Some(3), heads, kv_heads: None, state: LayerState::Stale };
    let text = layers_csv(&record("tiny"), &[facts]);
    let rows: Vec<Vec<&str>> = text.split_terminator("\r\n").map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{text}");
    let field = |row: usize, name: &str| rows[row][rows[0].iter().position(|found| *found == name).unwrap()];
    assert_eq!((field(1, "state"), field(1, "attempt"), field(1, "heads_after")), ("stale", "3", "4"));
    assert_eq!((field(2, "layer"), field(2, "mlp_error"), field(2, "heads_after")), ("1", "0.02", ""));
    assert_eq!((field(1, "channels_after"), field(1, "kv_heads_before")), ("12", ""));
}
