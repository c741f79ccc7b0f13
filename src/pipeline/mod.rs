//! A pass of the calibration windows over the blocks of a model: measure, prune, propagate (arXiv 2412.18110, §3).
//!
//! [`plan()`] turns settings into unit counts, [`Pass::enter`] embeds the windows, and [`Pass::layer`] prunes one layer after the
//! other. [`CutModel`] evaluates the result without writing it.

mod curve;
pub(crate) mod cut;
mod cut_model;
mod error;
mod layer;
mod measure;
#[allow(missing_docs, clippy::missing_errors_doc, reason = "only the tests of this package reach it")]
pub(crate) mod memory;
mod moments;
mod notice;
mod pass;
pub(crate) mod plan;
#[allow(missing_docs, clippy::missing_errors_doc, reason = "only the tests of this package reach it")]
pub(crate) mod search;
mod stream;

pub use cut::BlockCut;
pub(crate) use cut::{ChannelCut, HeadCut, Packed};
pub use cut_model::{CutModel, Cuts};
pub use error::Error;
pub use layer::{Fit, LayerTask, Propagate, SolvedLayer, Task};
pub(crate) use measure::MomentCache;
pub(crate) use memory::{Footprint, Held, Phase};
pub use notice::{Notice, Observer};
pub(crate) use pass::StreamTensor;
pub use pass::{Pass, Streams};
pub use plan::{LayerPlan, Removals, plan, plan_by_ratios, plan_layer, planned, scheduled};
pub(crate) use plan::{mean_for, parameters_of_parts, untouched};
