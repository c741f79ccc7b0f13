//! One pass over the blocks: calibrate, prune, propagate.

mod cut;
mod error;
mod notice;
mod pass;
mod plan;
mod stream;

pub use error::Error;
pub use notice::Notice;
pub use pass::{Finished, Pass};
pub use plan::{LayerPlan, plan};
