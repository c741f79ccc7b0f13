//! The measures of the difference between the pruned and the dense stream.

use crate::{
    explorer::State,
    prune::{Part, StreamError},
    words::{Notation, error},
};

/// How the difference is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    #[default]
    Relative,
    Absolute,
    Cosine,
    WithoutLargest,
}

impl Measure {
    pub fn next(self) -> Self {
        match self {
            Self::Relative => Self::Absolute,
            Self::Absolute => Self::Cosine,
            Self::Cosine => Self::WithoutLargest,
            Self::WithoutLargest => Self::Relative,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Relative => "relative",
            Self::Absolute => "absolute",
            Self::Cosine => "cosine distance",
            Self::WithoutLargest => "relative without the 4 largest dimensions",
        }
    }

    pub fn formula(self) -> &'static str {
        match self {
            Self::Relative => "E‖h − h_dense‖² / E‖h_dense‖²",
            Self::Absolute => "E‖h − h_dense‖²",
            Self::Cosine => "E[1 − cos(h, h_dense)]",
            Self::WithoutLargest => "relative without 4 dimensions",
        }
    }

    pub fn of(self, stream: &StreamError) -> f64 {
        match self {
            Self::Relative => stream.relative(),
            Self::Absolute => stream.error,
            Self::Cosine => stream.cosine,
            Self::WithoutLargest => stream.relative_rest(),
        }
    }

    /// The denominator of a relative measure.
    pub fn denominator(self, stream: &StreamError) -> Option<f64> {
        match self {
            Self::Relative => Some(stream.norm),
            Self::WithoutLargest => Some(stream.norm_rest),
            Self::Absolute | Self::Cosine => None,
        }
    }

    /// The notation of its values: only relative errors can be in per cent.
    pub fn notation(self, chosen: Notation) -> Notation {
        match self {
            Self::Relative | Self::WithoutLargest => chosen,
            Self::Absolute | Self::Cosine => Notation::Scientific,
        }
    }

    pub fn text(self, value: f64, chosen: Notation) -> String {
        match self.notation(chosen) {
            Notation::PerCent => Notation::PerCent.relative(value),
            Notation::Scientific => error(value),
        }
    }

    /// The values at the outputs of the layers, with their active attempts.
    pub fn values(self, state: &State) -> Vec<Option<f64>> {
        let value = |layer: &crate::explorer::Layer| {
            let active = layer.active()?;
            match (&active.stream_errors, self) {
                (Some(streams), _) => Some(self.of(&streams.mlp)),
                // Sessions of earlier versions have this measure only.
                (None, Self::Relative) => active.record.output_error,
                (None, Self::Absolute | Self::Cosine | Self::WithoutLargest) => None,
            }
        };
        state.layers.iter().map(value).collect()
    }

    /// The denominators at the outputs of the layers.
    pub fn denominators(self, state: &State) -> Vec<Option<f64>> {
        let streams = state.layers.iter().map(|layer| layer.active()?.stream_errors.as_ref());
        streams.map(|streams| self.denominator(streams?.behind(Part::Mlp))).collect()
    }

    /// A sentence about the layer at which the denominator jumps; None without a jump.
    pub fn jump(self, state: &State) -> Option<String> {
        let (layer, factor) = jump(&self.denominators(state))?;
        let factor = if factor >= 9.95 { format!("{factor:.0}") } else { format!("{factor:.1}") };
        Some(format!("E‖h‖² rises {factor}× at layer {layer}: relative errors fall there"))
    }
}

/// Smallest factor between two layers that is a jump.
const JUMP: f64 = 3.0;

/// The layer with the largest rise of the denominator over the layer before, and the factor.
fn jump(denominators: &[Option<f64>]) -> Option<(usize, f64)> {
    let factor = |layer: usize| {
        let (before, now) = (denominators[layer - 1]?, denominators[layer]?);
        Some((layer, now / before)).filter(|(_, factor)| factor.is_finite() && *factor >= JUMP)
    };
    (1..denominators.len()).filter_map(factor).max_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_the_largest_rise_between_two_layers() {
        let norms = [40.0, 44.0, 200.0, 2400.0, 2500.0].map(Some);
        assert_eq!(jump(&norms), Some((3, 12.0)));
        assert_eq!(jump(&[Some(1.0), Some(2.0), None, Some(90.0)]), None);
        assert_eq!(jump(&[]), None);
    }

    #[test]
    fn the_measures_form_a_cycle() {
        let all: Vec<Measure> =
            std::iter::successors(Some(Measure::Relative), |measure| Some(measure.next())).take(5).collect();
        assert_eq!(all[0], all[4]);
        assert!((1..4).all(|at| all[at] != all[0]));
    }
}
