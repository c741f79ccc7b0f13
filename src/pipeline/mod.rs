//! A pass of the calibration windows over the blocks of a model: measure, prune, propagate (arXiv 2412.18110, §3).
//!
//! [`plan()`] turns settings into unit counts, [`Pass::enter`] embeds the windows, and [`Pass::layer`] prunes one
//! layer after another. [`CutModel`] evaluates the result without writing it.
//!
//! # Example
//!
//! This removes a quarter of the heads and channels of the built-in model, then measures and writes the result.
//!
//! ```
//! use std::ops::ControlFlow::Continue;
//!
//! use candle_core::{DType, Device};
//! use slimgpt::{
//!     calibration::{Text, Windows, encode},
//!     config::Settings,
//!     demo,
//!     eval::Perplexity,
//!     export::{self, OutputDir, OutputForm, Writer},
//!     model::{BlockByBlock, Checkpoint, Source},
//!     pipeline::{CutModel, LayerTask, Pass, plan},
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let checkpoint = Checkpoint::open(Source::Embedded(demo::FILES))?;
//! let settings: Settings = "ratio = 0.25".parse()?;
//! let (device, dtype) = (Device::Cpu, DType::F32);
//!
//! let tokenizer = checkpoint.tokenizer()?;
//! let tokens = |name, text: &str| encode(&tokenizer, &[Text::inline(name, text)], &mut |_, _| Continue(()));
//! let windows = Windows::draw(&tokens("stories", &demo::calibration_text())?, 16, 128, 0)?;
//!
//! let pass = Pass { checkpoint: &checkpoint, settings: &settings, windows: &windows, weights: None, device: &device, dtype };
//! let mut streams = pass.enter()?;
//! let mut cuts = Vec::new();
//! for (layer, plan) in plan(checkpoint.architecture(), &settings)?.iter().enumerate() {
//!     let task = LayerTask::of_plan(layer, plan);
//!     cuts.push(pass.layer(&task, &mut streams, None, &mut |_progress| Continue(()))?.cut);
//! }
//!
//! let before = &checkpoint.architecture().layers;
//! let sizes: Vec<_> = before.iter().zip(&cuts).map(|(size, cut)| cut.size(*size)).collect();
//! let held_out = tokens("held-out", &demo::HELD_OUT[..8000])?;
//! let perplexity = |model: &dyn BlockByBlock| {
//!     let (text, memory_budget) = ("held-out", 1 << 30);
//!     let measured = Perplexity { model, tokens: &held_out, text, seq_len: 128, bos: None, device: &device, dtype, memory_budget };
//!     measured.measure(&mut |_, _| Continue(())).map(|measured| measured.perplexity)
//! };
//! let pruned = perplexity(&CutModel::new(&checkpoint, &cuts, sizes.clone()))?;
//! assert!(pruned > perplexity(&checkpoint)?);
//!
//! let directory = tempfile::tempdir()?;
//! let target = directory.path().join("pruned");
//! let out = OutputDir::create::<export::Error>(&target, false, None, |_partial| Ok(()))?;
//! let mut writer = Writer::begin(&checkpoint, checkpoint.architecture().with_layers(sizes), OutputForm::default(), &out)?;
//! for cut in &cuts {
//!     for shapes in writer.shapes() {
//!         let tensors = cut.tensors(&checkpoint, writer.pruned(), shapes)?;
//!         writer.add(&out, shapes, tensors)?;
//!     }
//! }
//! writer.finish(&out)?;
//! out.publish()?;
//!
//! let written = Checkpoint::open(Source::directory(&target))?;
//! assert!(written.architecture().parameters() < checkpoint.architecture().parameters());
//! // Weights are stored as the pass rounded them.
//! assert_eq!(perplexity(&written)?, pruned);
//! # Ok(())
//! # }
//! ```

pub mod backward;
mod chunks;
mod compared;
mod curve;
pub(crate) mod cut;
mod cut_model;
mod divergence;
mod error;
mod layer;
mod measure;
#[allow(missing_docs, clippy::missing_errors_doc, reason = "only the tests of this package use it")]
pub(crate) mod memory;
mod moments;
mod notice;
mod pass;
pub(crate) mod plan;
#[allow(missing_docs, clippy::missing_errors_doc, reason = "only the program uses it")]
pub(crate) mod ranks;
mod reach;
#[allow(missing_docs, clippy::missing_errors_doc, reason = "only the tests of this package use it")]
pub(crate) mod search;
mod stream;
mod token_gradients;
mod tracking;

pub use cut::BlockCut;
pub(crate) use cut::{ChannelCut, HeadCut, Packed};
pub use cut_model::{CutModel, Cuts};
pub use error::Error;
pub use layer::{LayerTask, Propagate, SolvedLayer, Task};
pub(crate) use measure::MomentCache;
pub(crate) use memory::{Footprint, Held, Phase};
pub use notice::{Notice, Observer};
pub(crate) use pass::StreamTensor;
pub use pass::{Pass, Streams};
pub use plan::{LayerPlan, Removals, plan, plan_by_ratios, plan_layer, planned, scheduled};
pub(crate) use plan::{mean_for, parameters_of_parts, untouched};
pub(crate) use reach::beyond_reach;
pub use reach::{KeptWhole, check_reach, largest_share};
pub(crate) use token_gradients::{GRADIENT_DRAWS, squared_gradients_by_token};
pub(crate) use tracking::decided;
