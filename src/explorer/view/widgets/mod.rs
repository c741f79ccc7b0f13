//! Charts of numbers: bars, curves and maps.

mod axes;
mod bars;
mod heat_map;
mod ink;
mod plot;
mod scale;
mod sparkline;
mod square;
mod strip;
mod symbols;
mod table;
mod wrap;

pub use axes::{LayerAxis, axes, axes_with, column, label_columns, layer_place, row, scale_below};
pub use bars::{crest, measurement, pillar, track};
pub use heat_map::{HeatMap, heat_scale};
pub use ink::{fit, put, width, write};
pub use plot::{Plot, Stroke};
pub use scale::{Scale, Spacing};
pub use sparkline::sparkline;
pub use square::Square;
pub use strip::strip;
pub use symbols::symbols;
pub use table::{Column, Place, Side, lay_out};
pub use wrap::wrap;
