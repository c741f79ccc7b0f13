//! The notation of relative errors: scientific, or per cent.

use super::{error, relative_error};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notation {
    /// `7.36e-4`
    #[default]
    Scientific,
    /// `0.074 %`
    PerCent,
}

impl Notation {
    pub fn other(self) -> Self {
        match self {
            Self::Scientific => Self::PerCent,
            Self::PerCent => Self::Scientific,
        }
    }

    /// A relative error.
    pub fn relative(self, fraction: f64) -> String {
        match self {
            Self::Scientific => error(fraction),
            Self::PerCent => relative_error(fraction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_error_is_a_number_or_a_percentage() {
        assert_eq!(Notation::Scientific.relative(7.36e-4), "7.36e-4");
        assert_eq!(Notation::PerCent.relative(7.36e-4), "0.074 %");
        assert_eq!(Notation::Scientific.other().other(), Notation::Scientific);
    }
}
