//! The memory of a backward pass: the forecast, and the peak of a process that does nothing else.

use std::{env, fs, ops::ControlFlow::Continue, process::Command};

use candle_core::DType;
use serde_json::{Value, json};

use super::{
    super::{Backward, BackwardFootprint, KeptInputs, Labels},
    on,
    random_model::RandomModel,
    windows,
};
use crate::model::{Architecture, ComputeDevice};

/// Windows, tokens per window, draws, and a budget of which half holds the inputs of three blocks.
const SAMPLES: usize = 8;
const SEQ_LEN: usize = 512;
const DRAWS: usize = 2;
const BUDGET: u64 = 32 << 20;
/// The variable that tells the process which depth to measure.
const DEPTH: &str = "SLIMGPT_TEST_DEPTH";

fn config(layers: usize) -> Value {
    json!({
        "model_type": "llama", "hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": layers,
        "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 300, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "max_position_embeddings": 512, "tie_word_embeddings": true,
        "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2,
    })
}

fn footprint(architecture: &Architecture) -> BackwardFootprint<'_> {
    BackwardFootprint {
        architecture,
        samples: SAMPLES,
        seq_len: SEQ_LEN,
        draws: DRAWS,
        device: ComputeDevice::Cpu,
        dtype: DType::F32,
        memory_budget: BUDGET,
    }
}

#[test]
fn the_forecast_does_not_grow_with_layers_beyond_the_budget() {
    let peak = |layers| footprint(&Architecture::from_config(&config(layers)).unwrap()).peak();
    assert_eq!(peak(4), peak(80));
    assert!(peak(1) < peak(4));
}

#[test]
fn more_draws_and_windows_need_more_memory() {
    let architecture = Architecture::from_config(&config(4)).unwrap();
    let plain = footprint(&architecture);
    assert!(BackwardFootprint { draws: 4, ..plain }.peak() > plain.peak());
    assert!(BackwardFootprint { samples: 32, ..plain }.peak() > plain.peak());
}

/// `cargo test --release --lib backward::tests::memory -- --nocapture` prints the amounts.
#[test]
#[cfg(target_os = "linux")]
fn a_backward_pass_needs_the_forecast_memory_and_no_more_with_twice_the_layers() {
    let peak = |layers: usize| -> f64 {
        let name = "pipeline::backward::tests::memory::one_pass_in_a_process_of_its_own";
        let ran = Command::new(env::current_exe().unwrap())
            .args(["--exact", name, "--ignored", "--nocapture"])
            .env(DEPTH, layers.to_string())
            .env("MALLOC_ARENA_MAX", "1")
            .env("RAYON_NUM_THREADS", "2")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        let peak = said.lines().find_map(|line| line.split("peak ").nth(1)?.parse().ok());
        peak.unwrap_or_else(|| panic!("{said}"))
    };
    let forecast = footprint(&Architecture::from_config(&config(4)).unwrap()).peak() as f64;
    let (four, eight) = (peak(4), peak(8));
    println!("{four} bytes with four layers, {eight} with eight, {forecast} forecast");
    assert!(eight < 1.1 * four, "{eight} bytes with eight layers, {four} with four");
    // The pages of the program's own code count as well.
    assert!(four < 1.5 * forecast && forecast < 1.25 * four, "{four} bytes, expected about {forecast}");
}

#[test]
#[ignore = "it is a part of another test, which runs it in a process of its own"]
fn one_pass_in_a_process_of_its_own() {
    let Some(layers) = env::var(DEPTH).ok().and_then(|layers| layers.parse().ok()) else { return };
    let before = resident("VmRSS:");
    let model = RandomModel::of(&config(layers));
    let windows = windows(SAMPLES, SEQ_LEN, 1);
    let on = on(&model, &windows, BUDGET);
    let kept = KeptInputs::of(&on, &mut |_| Continue(())).unwrap();
    let labels = Labels::Drawn { draws: DRAWS, seed: 1 };
    let mut walk = Backward::start(on, &kept, &labels, &mut |_| Continue(())).unwrap();
    while walk.step_by_batch(&[], &mut |_| Continue(()), &mut |_, _| Ok(())).unwrap().is_some() {}
    println!("peak {}", resident("VmHWM:") - before);
}

/// A resident size of this process, in bytes.
fn resident(what: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kibibytes * 1024
}
