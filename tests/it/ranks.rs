//! Runs on several ranks, which are threads here: their bytes are those of one process.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, thread};

use candle_core::DType;
use serde_json::json;
use slimgpt::{
    application::{
        cluster::{Group, in_process},
        engine::{self, Error, ModelChoice, PruneRun, Ranks, Resume, SessionPlace, follow, start},
        protocol::{Command, Control, Event},
    },
    config::Settings,
};

use crate::{
    program::{Workspace, assert_same, output},
    tiny_model,
};

/// Frames are shorter than most messages.
const LIMIT: usize = 1 << 16;

/// Three full chunks of windows and a part of one.
const SETTINGS: &str = "samples = 104\nratio = 0.3\neval_seq_len = 128\n";
/// Tokens per window; it divides the tokens of a chunk.
const SEQ_LEN: usize = 128;
const LAYERS: usize = 3;

/// Runs a job that leads `size` ranks. `observe` sees its events, and may answer with a control.
fn on_ranks<T: Send + 'static>(
    size: usize,
    job: impl FnOnce(&mut engine::Context) -> Result<T, Error> + Send + 'static,
    mut observe: impl FnMut(&Event) -> Option<Control>,
) -> Result<T, Error> {
    let mut groups = in_process(size).into_iter().map(|end| Arc::new(Group::with_limit(end, LIMIT)));
    let first = groups.next().unwrap();
    let others: Vec<_> = groups.map(|group| thread::spawn(move || follow(&group))).collect();
    let group = first.clone();
    let mut worker = start(1, move |context| {
        context.use_ranks(Some(Ranks::new(group)));
        job(context)
    });
    while let Some(stamped) = worker.events.blocking_recv() {
        if let Some(control) = observe(&stamped.event) {
            worker.commands.blocking_send(Command::control(1, control)).unwrap();
        }
    }
    let result = worker.join();
    first.dismiss().unwrap();
    others.into_iter().for_each(|rank| rank.join().unwrap().unwrap());
    result
}

/// Runs of a random model with grouped queries and the built-in tokenizer.
struct Runs {
    bench: Workspace,
    settings: Settings,
}

impl Runs {
    fn new(seq_len: usize, more: &str) -> Self {
        let bench = Workspace::new();
        let mut config = tiny_model::config("llama");
        let sizes = json!({
            "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": LAYERS, "num_attention_heads": 8,
            "num_key_value_heads": 4, "vocab_size": 1024, "bos_token_id": 0, "eos_token_id": 1,
        });
        tiny_model::set(&mut config, sizes);
        tiny_model::write_config(&bench.path("model"), &config);
        let tensors = tiny_model::stored(&tiny_model::random_tensors(&config, 5), DType::F16);
        tiny_model::write_weights(&bench.path("model"), "model.safetensors", &tensors);
        let text: String = slimgpt::demo::HELD_OUT.chars().take(10_000).collect();
        fs::write(bench.path("eval.txt"), text).unwrap();
        let texts = format!(
            "calibration = [\"{}\"]\neval = \"{}\"\n",
            bench.text("text.txt"),
            bench.text("eval.txt")
        );
        let settings = format!("{SETTINGS}seq_len = {seq_len}\n{texts}{more}").parse().unwrap();
        Self { bench, settings }
    }

    fn job(&self, out: &str, session: Option<&str>) -> PruneRun {
        let session = session.map_or(SessionPlace::None, |name| SessionPlace::New(self.bench.path(name)));
        PruneRun {
            model: ModelChoice::Named(self.bench.text("model")),
            settings: self.settings.clone(),
            out: Some(self.bench.path(out)),
            force: false,
            session,
            dense_from: None,
        }
    }

    /// The output of a run by one process.
    fn alone(&self) -> BTreeMap<String, Vec<u8>> {
        let job = self.job("alone", None);
        let mut worker = start(1, move |context| engine::prune(job, context));
        while worker.events.blocking_recv().is_some() {}
        worker.join().unwrap();
        output(&self.bench.path("alone"))
    }

    fn out(&self, name: &str) -> std::path::PathBuf {
        self.bench.path(name)
    }
}

/// One process, and 1 to 4 ranks.
fn equal_bytes(seq_len: usize, more: &str) {
    let runs = Runs::new(seq_len, more);
    let alone = runs.alone();
    for size in 1..=4 {
        let name = format!("{size} ranks");
        let job = runs.job(&name, None);
        on_ranks(size, move |context| engine::prune(job, context), |_| None).unwrap();
        assert_same(&runs.out(&name), &alone, &name);
    }
}

#[test]
fn one_process_and_up_to_four_ranks_write_equal_bytes() {
    equal_bytes(
        SEQ_LEN,
        "schedule = \"log\"\nattention_unit = \"query-head\"\ntrack_errors = true\neval_kl = true\n",
    );
}

#[test]
fn groups_of_heads_and_the_dense_stream_as_the_target_give_equal_bytes_too() {
    equal_bytes(SEQ_LEN, "schedule = \"log\"\nattention_unit = \"kv-group\"\ntarget = \"dense-stream\"\n");
}

#[test]
fn windows_of_odd_lengths_give_equal_bytes_too() {
    equal_bytes(93, "schedule = \"log\"\nmemory_budget = \"8MiB\"\nbias_compensation = true\n");
}

#[test]
fn a_search_for_ratios_gives_equal_bytes_too() {
    let more = "schedule = \"auto\"\nattention_unit = \"auto\"\nsearch_samples = 34\nsearch_trials = 3\n";
    equal_bytes(SEQ_LEN, more);
}

#[test]
fn a_run_cancelled_on_three_ranks_is_resumed_on_two_and_by_one_process() {
    let runs = Runs::new(SEQ_LEN, "schedule = \"log\"\ntrack_errors = true\n");
    let alone = runs.alone();
    for (name, ranks) in [("two", Some(2)), ("one", None)] {
        let session = format!("session-{name}");
        let job = runs.job(name, Some(&session));
        let stop = |event: &Event| {
            matches!(event, Event::LayerDone { record, .. } if record.index == 0).then_some(Control::Cancel)
        };
        let cancelled = on_ranks(3, move |context| engine::prune(job, context), stop);
        assert!(cancelled.unwrap_err().is_cancelled());
        let job = Resume { session: runs.out(&session), model: None, out: None, force: false };
        let work = move |context: &mut engine::Context| engine::resume(job, context).map(|_| ());
        match ranks {
            Some(size) => on_ranks(size, work, |_| None).unwrap(),
            None => {
                let mut worker = start(1, work);
                while worker.events.blocking_recv().is_some() {}
                worker.join().unwrap();
            }
        }
        assert_same(&runs.out(name), &alone, name);
    }
}

#[test]
fn an_error_ends_the_job_on_all_ranks() {
    let runs = Runs::new(SEQ_LEN, "schedule = \"log\"\n");
    // NaN in the second block.
    runs.bench.change_weights(|name, _, bytes| {
        if name == "model.layers.1.mlp.up_proj.weight" {
            bytes.fill(0xff);
        }
        true
    });
    let job = runs.job("out", None);
    let error = on_ranks(3, move |context| engine::prune(job, context), |_| None).unwrap_err().to_string();
    assert!(error.contains("model.layers.1.mlp"), "{error}");
    assert!(!Path::new(&runs.out("out")).exists());
}
