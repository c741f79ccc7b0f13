//! Colours by their meaning, for light and dark backgrounds.

/// The background of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Light,
    Dark,
}

/// A colour by its meaning. Colour-blind readers can distinguish the four series (after Okabe and Ito), and
/// each series also has its own shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// The background.
    Paper,
    /// Titles and numbers.
    Text,
    /// Axis labels and planned values.
    Quiet,
    /// Grid and axes.
    Grid,
    First,
    Second,
    Third,
    Fourth,
}

impl Ink {
    pub const ALL: [Self; 8] = [
        Self::Paper,
        Self::Text,
        Self::Quiet,
        Self::Grid,
        Self::First,
        Self::Second,
        Self::Third,
        Self::Fourth,
    ];
    /// The colours of series, in the order of use.
    pub const SERIES: [Self; 4] = [Self::First, Self::Second, Self::Third, Self::Fourth];

    /// Red, green and blue. In both looks, all inks are distinct.
    pub fn rgb(self, look: Look) -> [u8; 3] {
        let (light, dark): (u32, u32) = match self {
            Self::Paper => (0xFFFFFF, 0x16191D),
            Self::Text => (0x1F2328, 0xE6E8EB),
            Self::Quiet => (0x66707B, 0x9AA4AF),
            Self::Grid => (0xE3E6EA, 0x30363D),
            Self::First => (0x0B66A8, 0x5AB4EE),
            Self::Second => (0xC44E05, 0xF2A154),
            Self::Third => (0x0B7A5C, 0x3CC79C),
            Self::Fourth => (0x9C4A86, 0xE29ACB),
        };
        let [_, red, green, blue] = match look {
            Look::Light => light,
            Look::Dark => dark,
        }
        .to_be_bytes();
        [red, green, blue]
    }

    /// The colour in SVG and CSS: `#0B66A8`.
    pub fn hex(self, look: Look) -> String {
        let [red, green, blue] = self.rgb(look);
        format!("#{red:02X}{green:02X}{blue:02X}")
    }
}
