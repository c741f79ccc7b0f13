//! Moves of a search: parts whose costs are multiplied together, to remove less or more of them.

use super::Sensitivity;
use crate::prune::Part;

/// Parts of one kind in consecutive layers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Move {
    pub name: String,
    /// Indexes of their curves. An attention has one for each unit that it may lose.
    pub curves: Vec<usize>,
}

/// All moves, coarse ones first: the attention of all layers, then each part in halves of the layers, quarters, and so on to
/// single layers. A budget turns less of all attention into more of all FFNs, so only one of both moves as a whole.
pub(super) fn moves(curves: &[Sensitivity]) -> Vec<Move> {
    let of = |part: Part| {
        let mut layers: Vec<usize> =
            curves.iter().filter(|curve| curve.part == part).map(|curve| curve.layer).collect();
        layers.dedup();
        (part, layers)
    };
    let parts = [of(Part::Attention), of(Part::Mlp)];
    let most = parts.iter().map(|(_, layers)| layers.len()).max().unwrap_or(0);
    let mut moves: Vec<Move> = Vec::new();
    let mut pieces = 1;
    loop {
        for (part, layers) in &parts {
            if pieces == 1 && (*part == Part::Mlp || parts.iter().any(|(_, layers)| layers.is_empty())) {
                continue;
            }
            for piece in 0..pieces.min(layers.len()) {
                let count = pieces.min(layers.len());
                let piece = &layers[piece * layers.len() / count..(piece + 1) * layers.len() / count];
                let own: Vec<usize> = (0..curves.len())
                    .filter(|&at| curves[at].part == *part && piece.contains(&curves[at].layer))
                    .collect();
                if !moves.iter().any(|earlier| earlier.curves == own) {
                    moves.push(Move { name: name(*part, piece), curves: own });
                }
            }
        }
        if pieces >= most {
            return moves;
        }
        pieces = (2 * pieces).min(most);
    }
}

fn name(part: Part, layers: &[usize]) -> String {
    match layers {
        [layer] => format!("layer {layer}, {part}"),
        [first, .., last] => format!("layers {first}–{last}, {part}"),
        [] => part.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::AttentionUnit;

    fn curve(layer: usize, part: Part) -> Sensitivity {
        Sensitivity { layer, part, unit: AttentionUnit::KvGroup, units: 4, per_unit: 1, points: Vec::new() }
    }

    #[test]
    fn moves_go_from_all_attention_to_single_layers_and_hold_both_units_of_an_attention() {
        let curves: Vec<_> = (0..3)
            .flat_map(|layer| {
                [curve(layer, Part::Attention), curve(layer, Part::Attention), curve(layer, Part::Mlp)]
            })
            .collect();
        let moves = moves(&curves);
        let shown: Vec<(&str, &[usize])> =
            moves.iter().map(|own| (own.name.as_str(), own.curves.as_slice())).collect();
        assert_eq!(
            shown,
            [
                ("layers 0–2, attention", [0, 1, 3, 4, 6, 7].as_slice()),
                ("layer 0, attention", &[0, 1]),
                ("layers 1–2, attention", &[3, 4, 6, 7]),
                ("layer 0, mlp", &[2]),
                ("layers 1–2, mlp", &[5, 8]),
                ("layer 1, attention", &[3, 4]),
                ("layer 2, attention", &[6, 7]),
                ("layer 1, mlp", &[5]),
                ("layer 2, mlp", &[8]),
            ]
        );
    }

    #[test]
    fn one_kind_of_part_has_no_move_as_a_whole() {
        let curves: Vec<_> = (0..2).map(|layer| curve(layer, Part::Mlp)).collect();
        let names: Vec<_> = moves(&curves).into_iter().map(|own| own.name).collect();
        assert_eq!(names, ["layer 0, mlp", "layer 1, mlp"]);
    }
}
