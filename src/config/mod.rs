//! Settings, validated once.

mod method;

pub use method::{AttentionUnit, GroupSize, HeadScore, Target};
