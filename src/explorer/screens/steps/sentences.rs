//! The numbers of a sub-step, in sentences.

use super::{Phase, Shown, explain::formula};
use crate::{
    explorer::{State, view::status},
    prune::{GroupSize, Part, StepPicture},
    words::{change, count, error, measure, percent, plural, short},
};

/// The numbers of the sub-step under the cursor, the most important sentence first.
pub fn of(state: &State, shown: &Shown<'_>) -> Vec<String> {
    let picture = shown.picture;
    match shown.cursor.phase {
        Phase::Score => scored(state, picture),
        Phase::Choose => chosen(state, picture),
        Phase::Factor => factored(state, shown),
        Phase::Compensate => compensated(state, picture),
        Phase::DownDate => down_dated(state, picture),
    }
}

/// All sub-steps of the step, with their formulas.
pub fn all(state: &State, shown: &Shown<'_>) -> String {
    let mut text = String::new();
    for phase in Phase::ALL {
        let cursor = super::Cursor { phase, ..shown.cursor };
        let sentences = of(state, &Shown { cursor, ..*shown }).join(" ");
        text += &format!("{}: {}\n{sentences}\n", phase.name(), formula(state, phase));
    }
    text
}

/// A unit with its name: `head 3`.
pub fn unit(state: &State, unit: usize) -> String {
    format!("{} {unit}", status::unit_names(state, state.layer, state.screens.layer.part).0)
}

/// The units that leave in few words: `head 3`, `30 channels`.
pub fn leaving(state: &State, picture: &StepPicture) -> String {
    match picture.leaving[..] {
        [only] => unit(state, only),
        ref more => {
            let (one, many) = status::unit_names(state, state.layer, state.screens.layer.part);
            plural(more.len(), one, many)
        }
    }
}

/// Units (or groups of neighbours) and their scores, ascending.
pub fn ranked(scores: &[Option<f32>]) -> Vec<(usize, f64)> {
    let known = scores.iter().enumerate().filter_map(|(at, score)| Some((at, f64::from((*score)?))));
    let mut ranked: Vec<(usize, f64)> = known.collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    ranked
}

/// True if every unit has its own score.
fn is_listed(picture: &StepPicture) -> bool {
    picture.scores.len() == picture.units
}

fn scored(state: &State, picture: &StepPicture) -> Vec<String> {
    let names = status::unit_names(state, state.layer, state.screens.layer.part);
    let left = picture.units - picture.removed;
    let ranked = ranked(&picture.scores);
    let mut sentences =
        vec![format!("{} left of {}.", plural(left, names.0, names.1), count(picture.units as u64))];
    if let ([lowest, second, ..], Some(highest)) = (&ranked[..], ranked.last()) {
        let name =
            |at: usize| if is_listed(picture) { format!(" ({})", unit(state, at)) } else { String::new() };
        sentences.push(format!(
            "Lowest score {}{}, next {}{}, highest {}{}.",
            error(lowest.1),
            name(lowest.0),
            error(second.1),
            name(second.0),
            error(highest.1),
            name(highest.0)
        ));
    }
    sentences
}

fn chosen(state: &State, picture: &StepPicture) -> Vec<String> {
    let mut sentences = Vec::new();
    let ranked = ranked(&picture.scores);
    match picture.leaving[..] {
        [only] => {
            let own = picture.scores.get(only).copied().flatten().filter(|_| is_listed(picture));
            let own = own.map(f64::from).or(ranked.first().map(|first| first.1)).unwrap_or(f64::NAN);
            sentences.push(format!(
                "{} leaves: its score {} is the lowest.",
                capital(&unit(state, only)),
                error(own)
            ));
            let second = ranked.iter().find(|&&(at, _)| at != only);
            if let (Some(&(at, score)), true) = (second, is_listed(picture)) {
                sentences.push(format!(
                    "The next one, {}, would cost {} times as much.",
                    unit(state, at),
                    short(score / own)
                ));
            }
        }
        ref more => {
            sentences.push(format!("The {} with the lowest scores leave together.", leaving(state, picture)));
            let to_do = picture.goal - picture.removed;
            sentences.push(match state.method(state.layer).solver.group_size {
                GroupSize::Dynamic => format!(
                    "A group is half of the {} still to remove, at least 8 and at most 1,024.",
                    count(to_do as u64)
                ),
                GroupSize::Reference | GroupSize::Exact | GroupSize::Fixed(_) => {
                    format!("{} are still to remove.", count((to_do - more.len()) as u64))
                }
            });
        }
    }
    sentences
}

fn factored(state: &State, shown: &Shown<'_>) -> Vec<String> {
    let picture = shown.picture;
    let [low, high] = picture.block.pivots;
    let columns = count(picture.block.columns as u64);
    let energy = energy(state, shown.cursor.part);
    let share =
        energy.map_or(String::new(), |energy| format!(", {} of E‖y‖²", share(picture.error / energy)));
    let pivots = if picture.block.columns == 1 {
        format!("L = √P_jj = {}.", measure(low))
    } else {
        format!("L_jj from {} to {}.", measure(low), measure(high))
    };
    vec![
        format!("Removing {} costs {}{share}.", leaving(state, picture), error(picture.error)),
        format!("P_RR is {columns} × {columns}; {pivots}"),
    ]
}

fn compensated(state: &State, picture: &StepPicture) -> Vec<String> {
    let weight = &picture.weight;
    if weight.change == 0.0 {
        return vec!["Nothing changes: compensation is off, or the removed columns were 0.".into()];
    }
    let mut sentences = vec![format!(
        "‖ΔW_A‖ = {}, {} of ‖W_A‖ = {}.",
        measure(weight.change),
        share(weight.change / weight.norm),
        measure(weight.norm)
    )];
    if let Some((most, by)) = weight.most {
        sentences.push(format!(
            "{} changes most, by {} of its size.",
            capital(&unit(state, most)),
            share(by)
        ));
    }
    sentences
}

fn down_dated(state: &State, picture: &StepPicture) -> Vec<String> {
    let [before, after] = picture.inverse.trace;
    let gone = picture.removed + picture.leaving.len();
    let mut sentences = vec![format!(
        "Σ P_jj of the columns that stay: {} → {} ({}).",
        measure(before),
        measure(after),
        change(before, after)
    )];
    match picture.next {
        Some(next) => {
            let score = |of: &[Option<f32>]| of.get(next).copied().flatten().map(f64::from);
            let told = match (score(&picture.scores), score(&picture.scores_after)) {
                (Some(was), Some(is)) if is_listed(picture) => {
                    format!(" with {} ({} before)", error(is), error(was))
                }
                _ => String::new(),
            };
            sentences.push(format!(
                "{gone} of {} removed; next: {}{told}.",
                count(picture.goal as u64),
                unit(state, next)
            ));
        }
        None => sentences
            .push(format!("{gone} of {} removed: this was the last step.", count(picture.goal as u64))),
    }
    sentences
}

/// E‖y‖² of the shown part.
pub fn energy(state: &State, part: Part) -> Option<f64> {
    let layer = state.layers.get(state.layer)?;
    let energy = layer.view(part)?.seen?.energy;
    energy.filter(|&energy| energy > 0.0)
}

/// A fraction with at least two significant digits.
pub fn share(fraction: f64) -> String {
    if fraction.abs() >= 0.001 { percent(fraction) } else { format!("{} %", measure(fraction * 100.0)) }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
