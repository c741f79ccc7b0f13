//! Trains the built-in model: `cargo run --release --example train_demo`.
//!
//! Stories → byte-level BPE → a small Llama → `assets/demo`, all from one seed.

mod attention;
#[cfg(test)]
mod checks;
mod files;
mod fused;
mod network;

use std::{error::Error, f64::consts::PI, fs, path::PathBuf, time::Instant};

use candle_core::{Var, backprop::GradStore};
use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};
use clap::Parser;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slimgpt::demo;

use crate::network::Network;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const VOCABULARY: usize = 1024;
const SEQ_LEN: usize = 192;
const SEQUENCES_A_STEP: usize = 8;
const WARM_UP: usize = 100;
const PEAK_RATE: f64 = 3e-3;
const FINAL_RATE: f64 = 1e-4;
const WEIGHT_DECAY: f64 = 0.05;
const LARGEST_GRADIENT: f64 = 1.0;
const HELD_OUT_STORIES: usize = 120;

#[derive(Parser)]
#[command(about = "Trains the built-in model and writes it as a Hugging Face checkpoint")]
struct Args {
    /// Optimiser steps, each over 8 sequences of 192 tokens
    #[arg(long, default_value_t = 1800)]
    steps: usize,
    /// Directory to write
    #[arg(long, default_value = "assets/demo")]
    out: PathBuf,
    /// Seed of the training text, the initial weights and the order of the sequences
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Processor threads; RAYON_NUM_THREADS takes precedence
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Stories to train on
    #[arg(long, default_value_t = 40_000)]
    stories: usize,
    /// Number of steps between two checkpoints
    #[arg(long, default_value_t = 250)]
    write_every: usize,
}

fn main() -> Outcome<()> {
    let args = Args::parse();
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global()?;
    }
    let clock = Instant::now();
    let text = demo::text(args.seed, args.stories);
    let held_out = demo::text(demo::HELD_OUT_SEED, HELD_OUT_STORIES);
    let tokenizer = files::train_tokenizer(&text[..text.len().min(4_000_000)], VOCABULARY)?;
    let vocabulary = tokenizer.get_vocab_size(true);
    let encode = |text: &str| -> Outcome<Vec<u32>> {
        let mut tokens = Vec::new();
        for story in text.split_inclusive("\n\n") {
            tokens.extend_from_slice(tokenizer.encode_fast(story, false)?.get_ids());
        }
        Ok(tokens)
    };
    let (train, held) = (encode(&text)?, encode(&held_out)?);
    println!(
        "text: {} training tokens, {} held-out tokens, vocabulary {vocabulary}",
        train.len(),
        held.len()
    );
    fs::create_dir_all(&args.out)?;
    fs::write(args.out.join("held_out.txt"), &held_out)?;
    tokenizer.save(args.out.join("tokenizer.json"), false)?;
    files::write_settings(&args.out, vocabulary)?;

    let weights = args.out.join("model.safetensors");
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let network = Network::new(&mut rng, vocabulary)?;
    let parameters: usize = all(&network).iter().map(|v| v.elem_count()).sum();
    println!("model: {parameters} parameters");
    let with_decay = |weight_decay| ParamsAdamW { lr: 0.0, beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay };
    let mut optimisers = [
        AdamW::new(network.matrices(), with_decay(WEIGHT_DECAY))?,
        AdamW::new(network.norms(), with_decay(0.0))?,
    ];
    let mut recent = 0.0;
    for step in 0..args.steps {
        let (tokens, targets) = batch(&train, &mut rng);
        let loss = network.loss(&tokens, targets, SEQ_LEN)?;
        let mut gradients = loss.backward()?;
        clip(&mut gradients, &all(&network))?;
        for optimiser in &mut optimisers {
            optimiser.set_learning_rate(rate(step, args.steps));
            optimiser.step(&gradients)?;
        }
        let loss = f64::from(loss.to_scalar::<f32>()?);
        recent = if step == 0 { loss } else { 0.98 * recent + 0.02 * loss };
        if (step + 1) % 25 == 0 {
            let speed = ((step + 1) * tokens.len()) as f64 / clock.elapsed().as_secs_f64();
            println!(
                "step {:5}  loss {loss:.4}  mean {recent:.4}  {speed:.0} tokens/s  {:.0} s",
                step + 1,
                clock.elapsed().as_secs_f64()
            );
        }
        if (step + 1) % args.write_every == 0 {
            network.save(&weights)?;
        }
    }
    network.save(&weights)?;
    println!(
        "trained in {:.1} min on {} threads",
        clock.elapsed().as_secs_f64() / 60.0,
        rayon::current_num_threads()
    );

    let saved = Network::load(&weights)?;
    println!("held-out perplexity of the weights as saved: {:.3}", perplexity(&saved, &held)?);
    println!("held-out perplexity of a unigram model:      {:.3}", unigram(&train, &held, vocabulary));
    for prompt in ["One morning", "Once upon a time"] {
        println!("\n--- {}", sample(&saved, &tokenizer, prompt, &mut rng)?);
    }
    Ok(())
}

fn all(network: &Network) -> Vec<Var> {
    [network.matrices(), network.norms()].concat()
}

/// The learning rate: a linear warm-up, then half a cosine down to the final rate.
fn rate(step: usize, steps: usize) -> f64 {
    let warm_up = WARM_UP.min(steps / 10).max(1);
    if step < warm_up {
        return PEAK_RATE * (step + 1) as f64 / warm_up as f64;
    }
    let progress = (step - warm_up) as f64 / (steps - warm_up).max(1) as f64;
    FINAL_RATE + (PEAK_RATE - FINAL_RATE) * 0.5 * (1.0 + (PI * progress).cos())
}

/// Sequences from random positions, with the next token of each of their tokens.
fn batch(stream: &[u32], rng: &mut ChaCha8Rng) -> (Vec<u32>, Vec<u32>) {
    let (mut tokens, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..SEQUENCES_A_STEP {
        let at = rng.random_range(0..stream.len() - SEQ_LEN);
        tokens.extend_from_slice(&stream[at..at + SEQ_LEN]);
        targets.extend_from_slice(&stream[at + 1..at + SEQ_LEN + 1]);
    }
    (tokens, targets)
}

/// Scales all gradients by one factor so that their joint norm is at most `LARGEST_GRADIENT`.
fn clip(gradients: &mut GradStore, vars: &[Var]) -> candle_core::Result<()> {
    let mut squares = 0f64;
    for gradient in vars.iter().filter_map(|v| gradients.get(v)) {
        squares += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
    }
    let norm = squares.sqrt();
    if norm > LARGEST_GRADIENT {
        for var in vars {
            if let Some(gradient) = gradients.remove(var) {
                gradients.insert(var, (gradient * (LARGEST_GRADIENT / norm))?);
            }
        }
    }
    Ok(())
}

/// exp of the mean negative log-likelihood over windows of `SEQ_LEN`.
fn perplexity(network: &Network, tokens: &[u32]) -> candle_core::Result<f64> {
    let windows = (tokens.len() - 1) / SEQ_LEN;
    let mut nats = 0f64;
    for w in 0..windows {
        let at = w * SEQ_LEN;
        let targets = tokens[at + 1..at + SEQ_LEN + 1].to_vec();
        nats += f64::from(network.loss(&tokens[at..at + SEQ_LEN], targets, SEQ_LEN)?.to_scalar::<f32>()?);
    }
    Ok((nats / windows as f64).exp())
}

/// The perplexity of the token frequencies in the training text, with each count raised by one.
fn unigram(train: &[u32], held: &[u32], vocabulary: usize) -> f64 {
    let mut counts = vec![1f64; vocabulary];
    for &token in train {
        counts[token as usize] += 1.0;
    }
    let total: f64 = counts.iter().sum();
    let nats: f64 = held.iter().map(|&t| (total / counts[t as usize]).ln()).sum();
    (nats / held.len() as f64).exp()
}

/// Continues `prompt` at temperature 0.7 until a window is full.
fn sample(
    network: &Network,
    tokenizer: &tokenizers::Tokenizer,
    prompt: &str,
    rng: &mut ChaCha8Rng,
) -> Outcome<String> {
    let mut tokens = tokenizer.encode(prompt, false)?.get_ids().to_vec();
    while tokens.len() < SEQ_LEN {
        let mut window = tokens.clone();
        window.resize(SEQ_LEN, 0);
        let logits = network.logits(&window, SEQ_LEN)?.get(tokens.len() - 1)?.to_vec1::<f32>()?;
        let top = logits.iter().copied().fold(f32::MIN, f32::max);
        let weights: Vec<f32> = logits.iter().map(|l| ((l - top) / 0.7).exp()).collect();
        let mut left = rng.random::<f32>() * weights.iter().sum::<f32>();
        let chosen = weights.iter().position(|w| {
            left -= w;
            left <= 0.0
        });
        tokens.push(chosen.unwrap_or(0) as u32);
    }
    tokenizer.decode(&tokens, true)
}
