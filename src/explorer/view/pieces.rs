//! Pieces of a line. Narrow windows drop the least important pieces first, and never a part of a figure.

use ratatui::text::{Line, Span};

use super::{
    figures::has_figure,
    text::{fit, whole_start, width},
};

/// A piece with its rank: the highest rank is dropped first, and rank 0 never.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    rank: u8,
    spans: Vec<Span<'static>>,
    /// Replaces the piece when it is dropped.
    instead: Option<Box<Piece>>,
}

impl Piece {
    pub fn new(rank: u8, spans: Vec<Span<'static>>) -> Self {
        #[cfg(test)]
        spans.iter().for_each(|span| super::figures::uncut::record(&span.content));
        Self { rank, spans, instead: None }
    }

    /// Adds a shorter form that is tried before the piece is dropped.
    pub fn or(self, shorter: Self) -> Self {
        Self { instead: Some(Box::new(shorter)), ..self }
    }

    fn width(&self) -> usize {
        self.spans.iter().map(Span::width).sum()
    }
}

/// Columns of all pieces, with `between` columns between adjacent pieces.
fn total(pieces: &[Piece], between: usize) -> usize {
    pieces.iter().map(Piece::width).sum::<usize>() + pieces.len().saturating_sub(1) * between
}

/// Drops pieces at both ends of a line until the rest fits with a gap between the ends. `between` gives the
/// columns between adjacent pieces at the left and at the right.
pub(super) fn thin_out(
    mut left: Vec<Piece>,
    mut right: Vec<Piece>,
    between: (usize, usize),
    columns: usize,
) -> (Vec<Piece>, Vec<Piece>) {
    const GAP: usize = 2;
    while total(&left, between.0) + total(&right, between.1) + GAP > columns {
        let highest = |pieces: &[Piece]| pieces.iter().map(|piece| piece.rank).max().filter(|&rank| rank > 0);
        let (side, rank) = match (highest(&left), highest(&right)) {
            (None, None) => break,
            (Some(l), Some(r)) if l >= r => (&mut left, l),
            (Some(l), None) => (&mut left, l),
            (_, Some(r)) => (&mut right, r),
        };
        if let Some(at) = side.iter().rposition(|piece| piece.rank == rank) {
            match side[at].instead.take() {
                Some(shorter) => side[at] = *shorter,
                None => drop(side.remove(at)),
            }
        }
    }
    (left, right)
}

/// The spans that fit into `columns` columns. Wide gaps are closed first. A figure that does not fit is left out as a
/// whole, together with the words before it, which name it.
pub(super) fn fitting<'t>(spans: Vec<Span<'t>>, columns: usize) -> Vec<Span<'t>> {
    let taken = |spans: &[Span<'t>]| spans.iter().map(Span::width).sum::<usize>();
    if taken(&spans) <= columns {
        return spans;
    }
    #[cfg(test)]
    spans.iter().for_each(|span| super::figures::uncut::record(&span.content));
    let mut spans = spans;
    for span in &mut spans {
        if span.content.contains("  ") {
            let mut closed = span.content.to_string();
            while closed.contains("  ") {
                closed = closed.replace("  ", " ");
            }
            span.content = closed.into();
        }
    }
    let mut kept: Vec<Span<'t>> = Vec::new();
    let mut room = columns;
    for span in spans {
        if span.width() <= room {
            room -= span.width();
            kept.push(span);
            continue;
        }
        let start = whole_start(&span.content, room);
        if has_figure(start) || !has_figure(&span.content) {
            let start = if has_figure(&span.content) { start.to_string() } else { fit(&span.content, room) };
            kept.push(Span::styled(start, span.style));
        } else {
            // The words at the end name the figure that is left out. Words without any figure stay.
            let named = kept.iter().rposition(|span| has_figure(&span.content)).map_or(0, |last| last + 1);
            if named > 0 {
                kept.truncate(named);
            }
        }
        break;
    }
    if let Some(last) = kept.last_mut() {
        let ends = last.content.trim_end_matches([' ', ',', '·']).len();
        if width(&last.content) > 0 && ends > 0 {
            let whole = last.content.to_string();
            last.content = whole[..ends].to_string().into();
        }
    }
    kept
}

/// Minimum bytes of the first clause of a note that is shown alone.
const CLAUSE: usize = 4;

/// The first clauses of a note that fit into `columns` columns. Half a clause says nothing, so the rest is left out.
pub(super) fn whole_clauses(note: &str, columns: usize) -> &str {
    let ends = [", ", " · "].into_iter().flat_map(|between| note.match_indices(between).map(|(at, _)| at));
    let starts = ends.filter(|&end| end >= CLAUSE).chain([note.len()]).map(|end| &note[..end]);
    starts.filter(|start| width(start) <= columns).max_by_key(|start| start.len()).unwrap_or("")
}

/// Joins pieces into one line.
pub(super) fn line(pieces: Vec<Piece>, between: &Span<'static>) -> Line<'static> {
    let mut line = Line::default();
    for (at, piece) in pieces.into_iter().enumerate() {
        if at > 0 {
            line.push_span(between.clone());
        }
        line.extend(piece.spans);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_before_figures_and_figures_as_a_whole() {
        let spans = || {
            ["layer 11  ", "7.36e-4", ", 0.10 times layer 10", "   mlp ", "3.13e-3"].map(Span::raw).to_vec()
        };
        let all: String = spans().iter().map(|span| span.content.to_string()).collect();
        for columns in 0..60 {
            let shown: String =
                fitting(spans(), columns).iter().map(|span| span.content.to_string()).collect();
            assert!(width(&shown) <= columns, "{shown:?} in {columns}");
            let known: Vec<_> = crate::explorer::view::figures::figures(&all).map(|f| &all[f]).collect();
            for figure in crate::explorer::view::figures::figures(&shown) {
                assert!(known.contains(&&shown[figure]), "{shown:?} in {columns}");
            }
            assert!(!shown.ends_with("mlp"), "a name without its figure: {shown:?}");
        }
        let whole: String = fitting(spans(), 49).iter().map(|span| span.content.to_string()).collect();
        assert_eq!(whole, "layer 11 7.36e-4, 0.10 times layer 10 mlp 3.13e-3");
    }

    #[test]
    fn a_note_that_is_too_long_loses_whole_clauses() {
        assert_eq!(whole_clauses("E‖h‖², sorted", 20), "E‖h‖², sorted");
        assert_eq!(whole_clauses("E‖h‖², sorted", 12), "E‖h‖²");
        assert_eq!(whole_clauses("auto · mean 0.2500", 17), "auto");
        assert_eq!(whole_clauses("0 to 14.5", 8), "");
        assert_eq!(whole_clauses("S, then m: compare other sessions", 12), "", "a key alone says nothing");
    }

    fn piece(rank: u8, text: &'static str) -> Piece {
        Piece::new(rank, vec![Span::raw(text)])
    }

    #[test]
    fn the_least_important_are_dropped_first() {
        let left = vec![piece(0, "name"), piece(3, "family"), piece(1, "size")];
        let right = vec![piece(0, "done"), piece(2, "bar")];
        let ranks = |columns| {
            let (left, right) = thin_out(left.clone(), right.clone(), (1, 1), columns);
            let ranks = |pieces: Vec<Piece>| pieces.iter().map(|piece| piece.rank).collect::<Vec<_>>();
            (ranks(left), ranks(right))
        };
        assert_eq!(ranks(40), (vec![0, 3, 1], vec![0, 2]));
        assert_eq!(ranks(20), (vec![0, 1], vec![0, 2]));
        assert_eq!(ranks(17), (vec![0, 1], vec![0]));
        assert_eq!(ranks(0), (vec![0], vec![0]));
    }

    #[test]
    fn a_piece_is_replaced_by_its_shorter_form() {
        let words = piece(2, "pruning layer 3").or(piece(1, "pruning"));
        let shown = |columns| {
            let (_, right) = thin_out(Vec::new(), vec![words.clone()], (1, 1), columns);
            line(right, &Span::raw(" ")).to_string()
        };
        assert_eq!(shown(20), "pruning layer 3");
        assert_eq!(shown(12), "pruning");
        assert_eq!(shown(5), "");
    }
}
