//! The two parts of a decoder block.

use crate::names::names;

names! {
    /// A part of a decoder block that can be pruned.
    pub enum Part {
        /// The self-attention; its scored weight is `o_proj`
        Attention = "attention",
        /// The feed-forward network; its scored weight is `down_proj`
        Mlp = "mlp",
    }
}
