//! Charts that several screens share.

pub mod error_curve;
pub mod ratio_curve;
