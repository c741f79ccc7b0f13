//! What each part of each layer adds to the difference between the pruned and the dense stream.

use crate::{explorer::State, prune::Part, words::percent};

/// The fraction of the output error that the sentence looks for.
const MOST: f64 = 0.8;

/// The order of the bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Amount,
    Own,
    Layer,
}

impl Order {
    /// The next order; own errors only if they are known beside the amounts.
    pub fn next(self, source: Source) -> Self {
        match (self, source) {
            (Self::Amount, Source::Streams) => Self::Own,
            (Self::Amount, Source::Parts) | (Self::Own, _) => Self::Layer,
            (Self::Layer, _) => Self::Amount,
        }
    }
}

/// The rise of E‖h − h_dense‖² over one part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Added {
    pub layer: usize,
    pub part: Part,
    /// The rise per token. Below 0 if the part corrects errors of earlier ones.
    pub amount: f64,
    /// Its fraction of the sum over all parts.
    pub share: f64,
    /// E‖Δy‖² of the part on its own inputs, as a fraction of the same sum. The rest of the rise is what the part makes of
    /// the errors that reach it. None if E‖y‖² of the part is unknown.
    pub own: Option<f64>,
}

/// The source of the amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The streams were compared behind every part.
    Streams,
    /// E‖Δy‖² of the parts themselves, because the streams were not compared.
    Parts,
}

/// The amounts in the order of the layers; empty if nothing is pruned.
pub fn added(state: &State) -> (Source, Vec<Added>) {
    let streams =
        state.layers.iter().any(|layer| layer.active().is_some_and(|active| active.stream_errors.is_some()));
    let source = if streams { Source::Streams } else { Source::Parts };
    let amounts = if streams { rises(state) } else { own(state) };
    let mut added = with_shares(amounts);
    let sum = sum(added.iter().map(|one| one.amount));
    for one in &mut added {
        one.own = own_error(state, one.layer, one.part).filter(|_| sum > 0.0).map(|own| own / sum);
    }
    (source, added)
}

/// Rises over the parts. The layer after one without a comparison counts from the last known value.
fn rises(state: &State) -> Vec<(usize, Part, f64)> {
    let mut before = 0.0;
    let mut rises = Vec::new();
    for (layer, known) in state.layers.iter().enumerate() {
        let Some(streams) = known.active().and_then(|active| active.stream_errors.as_ref()) else { continue };
        for part in [Part::Attention, Part::Mlp] {
            let error = streams.behind(part).error;
            rises.push((layer, part, error - before));
            before = error;
        }
    }
    rises
}

fn own(state: &State) -> Vec<(usize, Part, f64)> {
    let parts = (0..state.layers.len()).flat_map(|layer| [(layer, Part::Attention), (layer, Part::Mlp)]);
    parts.filter_map(|(layer, part)| Some((layer, part, own_error(state, layer, part)?))).collect()
}

/// E‖Δy‖² of a part on its own inputs. A part that loses nothing has none.
fn own_error(state: &State, layer: usize, part: Part) -> Option<f64> {
    let active = state.layers.get(layer)?.active()?;
    let record = active.record(part);
    let amount = active.energy(part).map(|energy| record.relative_error * energy);
    amount.or_else(|| record.removed.is_empty().then_some(0.0))
}

fn sum(amounts: impl Iterator<Item = f64>) -> f64 {
    amounts.filter(|amount| amount.is_finite()).sum()
}

fn with_shares(amounts: Vec<(usize, Part, f64)>) -> Vec<Added> {
    let sum = sum(amounts.iter().map(|(_, _, amount)| *amount));
    let share = |amount: f64| if sum > 0.0 { amount / sum } else { 0.0 };
    let with_share = |(layer, part, amount): (usize, Part, f64)| Added {
        layer,
        part,
        amount,
        share: share(amount),
        own: None,
    };
    amounts.into_iter().map(with_share).collect()
}

pub fn sorted(mut added: Vec<Added>, order: Order) -> Vec<Added> {
    match order {
        Order::Amount => added.sort_by(|a, b| b.amount.total_cmp(&a.amount)),
        Order::Own => {
            let own = |one: &Added| one.own.unwrap_or(f64::NEG_INFINITY);
            added.sort_by(|a, b| own(b).total_cmp(&own(a)));
        }
        Order::Layer => {}
    }
    added
}

/// Minimum share of the output error for a part to be told.
const MUCH: f64 = 0.05;
/// The fraction of its rise below which the own error of a part is small.
const LITTLE: f64 = 0.25;

/// Says that a part mostly passes on the errors that reach it. None if its own error is a larger part of what it adds, or
/// unknown.
pub fn amplifies(one: &Added) -> Option<String> {
    let own = one.own?;
    let much = one.share >= MUCH && own < LITTLE * one.share;
    much.then(|| format!("own error {}, it amplifies earlier errors", percent(own)))
}

/// The fewest adjacent layers that add most of the output error: `layers 27–29 add 81 % of the output error`. None without a
/// positive sum.
pub fn sentence(source: Source, added: &[Added]) -> Option<String> {
    let last = added.last()?.layer;
    let mut shares = vec![0.0; last + 1];
    added.iter().filter(|one| one.share.is_finite()).for_each(|one| shares[one.layer] += one.share);
    let range = (1..=shares.len()).find_map(|count| {
        let sums = shares.windows(count).map(|shares| shares.iter().sum::<f64>()).enumerate();
        let best = sums.max_by(|a, b| a.1.total_cmp(&b.1))?;
        (best.1 >= MOST).then_some((best.0, count, best.1))
    });
    let (first, count, share) = range?;
    let whole = match source {
        Source::Streams => "the output error",
        Source::Parts => "the parts' own errors",
    };
    let share = format!("{:.0} % of {whole}", 100.0 * share);
    Some(match count {
        1 => format!("layer {first} adds {share}"),
        _ => format!("layers {first}–{} add {share}", first + count - 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(amounts: &[f64]) -> Vec<Added> {
        let parts = amounts.iter().enumerate();
        let part = |at: usize| if at.is_multiple_of(2) { Part::Attention } else { Part::Mlp };
        with_shares(parts.map(|(at, &amount)| (at / 2, part(at), amount)).collect())
    }

    #[test]
    fn the_sentence_names_the_fewest_adjacent_layers_with_most_of_the_error() {
        let told = |amounts: &[f64]| sentence(Source::Streams, &of(amounts)).unwrap();
        assert_eq!(told(&[1.0, 1.0, 8.0, 32.0, 10.0, 30.0]), "layers 1–2 add 98 % of the output error");
        assert_eq!(told(&[0.0, 0.0, 1.0, 9.0]), "layer 1 adds 100 % of the output error");
        assert_eq!(sentence(Source::Streams, &of(&[0.0, 0.0])), None);
        assert_eq!(sentence(Source::Streams, &[]), None);
    }

    #[test]
    fn a_part_that_adds_much_but_makes_little_is_told_to_amplify() {
        let one = |share, own| Added { layer: 29, part: Part::Mlp, amount: 1.0, share, own };
        let told = "own error 0.7 %, it amplifies earlier errors";
        assert_eq!(amplifies(&one(0.389, Some(0.007))).as_deref(), Some(told));
        assert_eq!(amplifies(&one(0.389, Some(0.2))), None);
        assert_eq!(amplifies(&one(0.01, Some(0.0))), None);
        assert_eq!(amplifies(&one(0.389, None)), None);
    }

    #[test]
    fn own_errors_are_an_order_only_beside_the_rises() {
        let orders = |source| [Order::Amount, Order::Own, Order::Layer].map(|order| order.next(source));
        assert_eq!(orders(Source::Streams), [Order::Own, Order::Layer, Order::Amount]);
        assert_eq!(orders(Source::Parts)[0], Order::Layer);
    }

    #[test]
    fn bars_are_sorted_by_amount_or_stay_in_the_order_of_layers() {
        let bars = of(&[3.0, 9.0, -1.0, 5.0]);
        let amounts = |order| sorted(bars.clone(), order).iter().map(|one| one.amount).collect::<Vec<_>>();
        assert_eq!(amounts(Order::Amount), [9.0, 5.0, 3.0, -1.0]);
        assert_eq!(amounts(Order::Layer), [3.0, 9.0, -1.0, 5.0]);
        let mut known = bars.clone();
        known.iter_mut().zip([Some(0.1), None, Some(0.4), Some(0.2)]).for_each(|(one, own)| one.own = own);
        let by_own = sorted(known, Order::Own);
        assert_eq!(
            by_own.iter().map(|one| one.own).collect::<Vec<_>>(),
            [Some(0.4), Some(0.2), Some(0.1), None]
        );
        assert_eq!(bars.iter().map(|one| one.share).sum::<f64>(), 1.0);
    }
}
