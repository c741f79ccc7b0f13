//! Explanations of the map.

use super::Quantity;
use crate::explorer::screens::Explanation;

pub fn map(quantity: Quantity) -> Explanation {
    let (formula, text) = match quantity {
        Quantity::Score => (
            "score before any removal; of several channels, the geometric mean of some",
            "How much the output error of the layer would rise if this unit alone were removed. Dark units are cheap. Scores of one part are comparable within a layer; between layers they also grow with the size of its outputs.",
        ),
        Quantity::Cost => (
            "error of the step that removed the unit / units of the step / E‖y‖²; of several units, the mean",
            "What the removal of the unit did cost, as a share of the part's output. Units that stay have no cost.",
        ),
        Quantity::Order => (
            "place in the order of removal / units removed from the part",
            "Dark units left first, bright ones last. Units that stay have no place.",
        ),
        Quantity::Sessions => (
            "sessions that removed the unit / sessions",
            "How many of the compared sessions, the open one included, removed the unit. Bright units are removed whatever the settings; the × are those of the open session. Mark sessions in the list of sessions.",
        ),
    };
    Explanation {
        title: "The map",
        formula: vec![formula],
        text: vec![
            text,
            "× marks a removed unit. Of a group of channels, the height of the bar is the share that is removed. Beside a shade, the bar is in the last column or row of the cell; a cell of one character is underlined from a quarter on and bold from a half. Layers without an active attempt are empty.",
        ],
    }
}
