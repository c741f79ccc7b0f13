use candle_nn as _;
use candle_transformers as _;
use clap as _;
use color_eyre as _;
use faer as _;
use hf_hub as _;
use indicatif as _;
use tokenizers as _;
use tokio as _;
use toml as _;
fn main() {}
