//! Saving the chart of a panel as a picture.

use std::path::{Path, PathBuf};

use crate::prune::Part;

use super::screens::errors::measure::Measure;
use super::{Effect, Field, FieldId, Form, FormKind, NoticeKind, Quantity, State};

pub const LOOKS: [&str; 2] = ["light", "dark"];
const ENDINGS: [&str; 2] = ["svg", "png"];

/// A chart that can be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Planned ratios and ratios of active attempts, over the layers.
    Ratios,
    /// Errors over the layers, with this measure of the output error.
    Errors(Measure),
    Scores {
        layer: usize,
        part: Part,
    },
    ErrorCurve {
        layer: usize,
        part: Part,
    },
    Hessian {
        layer: usize,
        part: Part,
    },
    Attempts {
        layer: usize,
    },
    /// The error curves of the marked attempts.
    MarkedCurves {
        layer: usize,
        part: Part,
    },
    /// Size against perplexity of all sessions of the model.
    Pareto,
    /// The candidates of the newest search.
    Candidates,
    /// Parameters and perplexity of the dense and the pruned model.
    BeforeAndAfter,
    /// The open session and the compared ones, over the layers.
    Sessions(Quantity),
}

/// A chart to save, and its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub figure: Figure,
    /// Ends in .svg or .png.
    pub path: PathBuf,
    pub dark: bool,
    /// Replaces an existing file.
    pub force: bool,
}

/// The chart of the focused panel, or the reason it has none.
pub fn figure(state: &State) -> Result<Figure, String> {
    if state.model.is_none() {
        return Err("No model is open yet, so there is no chart".into());
    }
    (state.focused().figure)(state)
}

/// The figure, if any layer is pruned.
pub fn of_pruned(state: &State, figure: Figure) -> Result<Figure, String> {
    let any = state.layers.iter().any(|layer| layer.active().is_some());
    if any { Ok(figure) } else { Err("Nothing is pruned yet; prune first, then save the chart".into()) }
}

pub fn form(state: &State) -> Result<Form, String> {
    let figure = figure(state)?;
    let name = state.model.as_ref().map_or("model", |model| model.record.name.as_str());
    let short = name.rsplit('/').next().unwrap_or(name);
    let fields = vec![
        Field::text(FieldId::File, "file", "ends in .svg or .png", format!("{short}-{}.svg", figure.name())),
        Field::choice(FieldId::Look, "look", "background of the chart", &LOOKS, LOOKS[0]),
        Field::switch(FieldId::Replace, "replace", "replace an existing file", false),
    ];
    Ok(Form::new(FormKind::Picture { figure }, format!("Save the chart: {}", figure.title()), fields))
}

/// Submits the filled form.
pub fn submit(form: &Form, figure: Figure) -> Result<Vec<Effect>, String> {
    let path = PathBuf::from(form.text(FieldId::File)?);
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    if !ending.as_deref().is_some_and(|ending| ENDINGS.contains(&ending)) {
        return Err(format!("file: expected a name that ends in .svg or .png, found \"{}\"", path.display()));
    }
    let (dark, force) = (form.text(FieldId::Look)? == LOOKS[1], form.switched(FieldId::Replace)?);
    Ok(vec![Effect::SavePicture(Picture { figure, path, dark, force })])
}

/// Reports the result of saving.
pub fn saved(state: &mut State, path: &Path, result: Result<(), String>) -> Vec<Effect> {
    match result {
        Ok(()) => state.say(NoticeKind::Done, format!("Saved {}", path.display())),
        Err(why) => state.say(NoticeKind::Failed, why),
    }
    Vec::new()
}

impl Figure {
    /// Title for display.
    pub fn title(self) -> String {
        match self {
            Self::Ratios => "ratio over the layers".into(),
            Self::Errors(measure) => format!("errors over the layers, {}", measure.name()),
            Self::Scores { layer, part } => format!("scores of layer {layer}, {part}"),
            Self::ErrorCurve { layer, part } => format!("error versus ratio of layer {layer}, {part}"),
            Self::Hessian { layer, part } => format!("Hessian diagonal of layer {layer}, {part}"),
            Self::Attempts { layer } => format!("attempts at layer {layer}"),
            Self::MarkedCurves { layer, part } => {
                format!("error curves of the marked attempts at layer {layer}, {part}")
            }
            Self::Pareto => "size and perplexity".into(),
            Self::Candidates => "candidates of the search".into(),
            Self::BeforeAndAfter => "before and after".into(),
            Self::Sessions(quantity) => format!("{} of the sessions", quantity.title()),
        }
    }

    /// Name for a file.
    fn name(self) -> String {
        match self {
            Self::Ratios => "ratios".into(),
            Self::Errors(Measure::Relative) => "errors".into(),
            Self::Errors(Measure::Absolute) => "errors-absolute".into(),
            Self::Errors(Measure::Cosine) => "errors-cosine".into(),
            Self::Errors(Measure::WithoutLargest) => "errors-without-largest".into(),
            Self::Scores { layer, part } => format!("scores-{layer}-{part}"),
            Self::ErrorCurve { layer, part } => format!("error-curve-{layer}-{part}"),
            Self::Hessian { layer, part } => format!("hessian-{layer}-{part}"),
            Self::Attempts { layer } => format!("attempts-{layer}"),
            Self::MarkedCurves { layer, part } => format!("attempt-curves-{layer}-{part}"),
            Self::Pareto => "size-and-perplexity".into(),
            Self::Candidates => "candidates".into(),
            Self::BeforeAndAfter => "before-and-after".into(),
            Self::Sessions(quantity) => format!("sessions-{}", quantity.title().replace(' ', "-")),
        }
    }
}
