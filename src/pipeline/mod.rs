//! A pass of the calibration windows over the blocks of a model: measure, prune, propagate (arXiv 2412.18110, §3).
//!
//! [`plan()`] turns settings into unit counts, [`Pass::enter`] embeds the windows, and [`Pass::layer`] prunes one layer after the
//! other. [`CutModel`] evaluates the result without writing it.

mod curve;
mod cut;
mod cut_model;
mod error;
mod layer;
mod measure;
mod memory;
mod moments;
mod notice;
mod pass;
mod plan;
pub mod search;
mod stream;

pub use curve::ErrorCurve;
pub use cut::{BlockCut, ChannelCut, HeadCut, Packed};
pub use cut_model::{CutModel, Cuts};
pub use error::Error;
pub use layer::{Fit, LayerTask, Propagate, SolvedLayer, Task};
pub use measure::Known;
pub use memory::{Footprint, Held, Phase};
pub use notice::{Notice, Observer};
pub use pass::{Laid, Pass, Streams};
pub use plan::{
    LayerPlan, Leaving, mean_for, parameters_of_parts, parameters_removed, plan, plan_by_ratios, plan_layer,
    planned, scheduled, untouched,
};
