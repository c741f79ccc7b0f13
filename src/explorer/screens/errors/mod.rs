//! The Errors screen: the growth of the output error over the layers, its sources, and passes with one part dense.

pub mod added;
pub mod measure;
pub mod view;
pub mod what_if;

use super::{Copied, Explanation, Panel, Screen, Slice};
use crate::{
    explorer::{
        Action, Effect, Figure, Pointed, State,
        movement::{Move, PAGE},
        picture,
        view::{Canvas, Rect},
    },
    progress::dense_stream_share,
    prune::{Part, Target},
    words::{bytes, percent},
};
use added::{Added, Order};
use measure::Measure;

pub struct Errors;

/// The cost of tracking output errors in a run, as a clause; None if it costs nothing or the model is not open.
pub fn cost_of_tracking(state: &State) -> Option<String> {
    let (shape, settings) = (&state.model.as_ref()?.shape, &state.settings);
    if settings.objective.target == Target::DenseStream {
        return None;
    }
    let (samples, length) =
        (settings.calibration.samples, settings.calibration.window_length(shape.max_positions));
    let share = dense_stream_share(shape, samples, length);
    // Hidden states have at most four bytes a number.
    let memory = (samples * length * shape.hidden * size_of::<f32>()) as u64;
    Some(format!("adds about {} to the time of a run and up to {} of memory", percent(share), bytes(memory)))
}

#[derive(Clone, Debug, PartialEq)]
pub struct ViewState {
    pub measure: Measure,
    /// The selected part of the selected layer.
    pub part: Part,
    /// The order of the bars.
    pub order: Order,
}

impl Default for ViewState {
    fn default() -> Self {
        Self { measure: Measure::default(), part: Part::Mlp, order: Order::default() }
    }
}

pub static OUTPUT: Panel = Panel {
    title: "Output error",
    explain,
    figure: |state| picture::of_pruned(state, Figure::Errors(state.screens.errors.measure)),
    draw: view::output,
};

pub static ADDED: Panel = Panel {
    title: "Added to the output error",
    explain: |_| Explanation {
        title: "What each part adds",
        formula: vec!["Δ = E‖h − h_dense‖² after the part − before it"],
        text: vec![
            "The bars add up to the output error of the last layer, E‖h − h_dense‖². A part adds its own error, and what it makes of the errors that reach it: a part that loses nothing can still amplify them, and a part can correct them (a negative bar). The thick part of a bar is its own error, E‖Δy‖² on the inputs that the part receives; b also sorts by it. The sentence names the fewest adjacent layers that add at least 80 %.",
            "Without a comparison of the streams, the bars are E‖Δy‖² of the parts on their own inputs. w passes the text through the model with the selected part dense, from its layer on, with the other layers as they are.",
        ],
    },
    figure: |state| picture::of_pruned(state, Figure::Errors(state.screens.errors.measure)),
    draw: view::bars,
};

fn explain(state: &State) -> Explanation {
    let accumulates = match state.settings.objective.target {
        Target::Layer => {
            "h is the residual stream of the pruned model and h_dense that of the dense model, over the same calibration tokens. Each layer minimises the error of its own output for the inputs it receives, so errors of earlier layers are not corrected and accumulate. Faint lines are earlier runs. The error is dimensionless."
        }
        Target::DenseStream => {
            "h is the residual stream of the pruned model and h_dense that of the dense model, over the same calibration tokens. With the dense stream as the target, the kept columns of each layer also correct errors of earlier layers. Faint lines are earlier runs. The error is dimensionless."
        }
    };
    Explanation {
        title: "Error accumulation",
        formula: vec!["E‖h − h_dense‖² / E‖h_dense‖²  after each block"],
        text: vec![
            accumulates,
            "The faint line is the denominator E‖h_dense‖² on its own log axis. Some models have massive activations: a few dimensions of the stream rise by orders of magnitude within one layer, and the relative error falls there although no error is corrected. v shows the absolute error, the mean cosine distance, and the relative error without the 4 dimensions in which E h_dense² is largest.",
        ],
    }
}

impl Slice for Errors {
    fn title(&self) -> &'static str {
        "Errors"
    }

    fn help(&self) -> &'static str {
        "How errors accumulate over the layers, and what adds them"
    }

    fn panels(&self) -> &'static [&'static Panel] {
        const PANELS: &[&Panel] = &[&OUTPUT, &ADDED];
        PANELS
    }

    fn hints(&self, _state: &State) -> &'static [(Action, &'static str)] {
        &[
            (Action::NextMeasure, "measure"),
            (Action::NextPanel, "bars"),
            (Action::WhatIf, "what if dense"),
            (Action::SwitchPart, "part"),
            (Action::SortBars, "sort"),
            (Action::MeasureErrors, "compare streams"),
            (Action::PerCent, "per cent"),
            (Action::Open, "layer"),
            (Action::Retry, "retry"),
            (Action::Measure, "perplexity"),
        ]
    }

    fn go(&self, state: &mut State, movement: Move) -> Vec<Effect> {
        let bars = *state.focused() == ADDED;
        match movement {
            Move::Layer(by) | Move::Aside(by) => state.step_layer(by),
            Move::Line(_) | Move::Page(_) | Move::End(_) if bars => {
                let listed = listed(state);
                let at = listed.iter().position(|one| is_selected(state, one)).unwrap_or(0);
                let last = listed.len().saturating_sub(1);
                select(state, listed.get(at.saturating_add_signed(movement.lines(PAGE)).min(last)).copied());
                Vec::new()
            }
            Move::Line(_) | Move::Page(_) | Move::End(_) => state.step_layer(movement.lines(PAGE)),
        }
    }

    fn act(&self, state: &mut State, action: Action) -> Option<Vec<Effect>> {
        let view = &mut state.screens.errors;
        if action == Action::SwitchPart {
            view.part = match view.part {
                Part::Attention => Part::Mlp,
                Part::Mlp => Part::Attention,
            };
            return Some(Vec::new());
        }
        if action == Action::NextMeasure {
            view.measure = view.measure.next();
            return Some(Vec::new());
        }
        if action == Action::Open {
            let part = view.part;
            state.screens.layer.ask(state.layer, part);
            return Some(state.show(Screen::Layer));
        }
        (action == Action::SortBars).then(|| {
            let source = added::added(state).0;
            let order = &mut state.screens.errors.order;
            *order = order.next(source);
            // The bars are sorted to see the largest one.
            if *order != Order::Layer {
                let largest = listed(state).first().copied();
                select(state, largest);
            }
            Vec::new()
        })
    }

    fn click(&self, state: &mut State, at: Pointed) -> Option<Vec<Effect>> {
        let Pointed::Row { panel, row } = at else { return None };
        state.focus(state.screen, panel);
        let one = listed(state).get(row).copied();
        select(state, one);
        Some(Vec::new())
    }

    fn copy(&self, state: &State) -> Copied {
        csv(state)
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        view::draw(canvas, area);
    }
}

/// The bars as listed.
fn listed(state: &State) -> Vec<Added> {
    added::sorted(added::added(state).1, state.screens.errors.order)
}

fn is_selected(state: &State, one: &Added) -> bool {
    (one.layer, one.part) == (state.layer, state.screens.errors.part)
}

fn select(state: &mut State, one: Option<Added>) {
    if let Some(Added { layer, part, .. }) = one {
        state.select(layer);
        state.screens.errors.part = part;
    }
}

/// One row per layer: planned ratios, kept units, and errors of the active attempt. Empty if no model is
/// open.
pub fn csv(state: &State) -> Copied {
    let mut text = String::from(
        "layer,attention_ratio,mlp_ratio,attention_kept,attention_units,mlp_kept,mlp_units,attention_error,mlp_error,output_error,absolute_error,dense_norm,cosine_distance,error_without_largest,state\n",
    );
    for (index, layer) in state.layers.iter().enumerate() {
        let ratio = state.schedule.ratios.get(index).copied().unwrap_or_default();
        let record = layer.active().map(|result| &result.record);
        let counts = record.map_or(",,,,,".to_string(), |record| {
            format!(
                "{},{},{},{},{},{}",
                record.attention.kept.len(),
                record.attention.units,
                record.mlp.kept.len(),
                record.mlp.units,
                record.attention.relative_error,
                record.mlp.relative_error
            )
        });
        let output =
            record.and_then(|record| record.output_error).map_or(String::new(), |error| error.to_string());
        let streams =
            layer.active().and_then(|result| result.stream_errors.as_ref()).map(|streams| streams.mlp);
        let streams = streams.map_or(",,,".to_string(), |output| {
            format!("{},{},{},{}", output.error, output.norm, output.cosine, output.relative_rest())
        });
        let (attention, mlp, status) = (ratio.attention, ratio.mlp, state.status(index).name());
        text += &format!("{index},{attention},{mlp},{counts},{output},{streams},{status}\n");
    }
    let text = if state.layers.is_empty() { String::new() } else { text };
    Copied { what: "the layers as CSV", text }
}
