//! The difference between the pruned and the dense stream behind each part of a layer.

use serde::{Deserialize, Serialize};

use super::Part;

/// Number of dimensions that [`StreamError::error_rest`] and [`StreamError::norm_rest`] leave out.
pub const LARGEST_DIMENSIONS: usize = 4;

/// Pruned hidden states h and dense ones h_dense at one depth, compared over all calibration tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamError {
    /// E‖h − h_dense‖² per token.
    pub error: f64,
    /// E‖h_dense‖² per token.
    pub norm: f64,
    /// E[1 − cos(h, h_dense)] over the tokens.
    pub cosine: f64,
    /// E‖h − h_dense‖² without the [`LARGEST_DIMENSIONS`] dimensions of the stream in which E h_dense² is largest.
    pub error_rest: f64,
    /// E‖h_dense‖² without the same dimensions.
    pub norm_rest: f64,
}

/// The stream behind both parts of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamErrors {
    /// Behind the attention.
    pub attention: StreamError,
    /// Behind the FFN, which is the output of the layer.
    pub mlp: StreamError,
}

impl StreamError {
    /// E‖h − h_dense‖² / E‖h_dense‖².
    pub fn relative(&self) -> f64 {
        quotient(self.error, self.norm)
    }

    /// The relative error without the largest dimensions.
    pub fn relative_rest(&self) -> f64 {
        quotient(self.error_rest, self.norm_rest)
    }

    fn is_finite(&self) -> bool {
        let Self { error, norm, cosine, error_rest, norm_rest } = self;
        [error, norm, cosine, error_rest, norm_rest].into_iter().all(|value| value.is_finite())
    }
}

impl StreamErrors {
    /// The comparison behind one part.
    pub fn behind(&self, part: Part) -> &StreamError {
        match part {
            Part::Attention => &self.attention,
            Part::Mlp => &self.mlp,
        }
    }

    /// True if every number is finite, so that JSON can hold it.
    pub fn is_finite(&self) -> bool {
        self.attention.is_finite() && self.mlp.is_finite()
    }
}

fn quotient(error: f64, norm: f64) -> f64 {
    if norm == 0.0 && error == 0.0 { 0.0 } else { error / norm }
}
