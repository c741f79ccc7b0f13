//! Integration tests: one binary, one module per subject. Tests in a pseudo-terminal are in `tests/terminal`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

// Modules shared by the tests below.
#[path = "../../benches/common/checkpoint.rs"]
#[allow(dead_code, reason = "benches and examples use the rest")]
mod checkpoint;
mod frontend;
mod program;
mod tiny_model;
mod window;

mod absent_parts;
mod attention_units;
mod bad_input;
mod biases;
mod calibrations;
mod command_line;
#[cfg(unix)]
mod command_log;
mod damage;
mod damaged_inputs;
mod documentation;
mod exit_codes;
mod exports;
mod gguf;
mod gguf_models;
mod hard_cases;
mod hub;
mod jobs;
#[cfg(unix)]
mod kill;
mod layering;
mod machine_readable;
#[cfg(target_os = "linux")]
mod memory;
mod model_families;
mod model_inputs;
mod model_tensors;
mod oracle_run;
mod output_errors;
mod perplexity;
mod prune_oracle;
mod random_checkpoints;
mod ranks;
mod recordings;
mod report;
mod run;
mod sample_configs;
mod search;
mod session_fixture;
mod sessions;
mod snapshots;
mod swaps;
mod sweep;
mod threads;
mod workspace;
mod workspace_session;
