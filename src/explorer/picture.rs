//! Saving the chart of a panel as a picture.

use std::path::{Path, PathBuf};

use crate::prune::Part;

use super::{Effect, Field, Form, FormKind, NoticeKind, Panel, Quantity, State};

pub const LOOKS: [&str; 2] = ["light", "dark"];
const ENDINGS: [&str; 2] = ["svg", "png"];

/// A chart that can be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Planned and done ratios over the layers.
    Ratios,
    /// Errors over the layers.
    Errors,
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
    /// Parameters and perplexity.
    BeforeAndAfter,
    /// The open session and those compared beside it, over the layers.
    Sessions(Quantity),
}

/// What is to be saved, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub figure: Figure,
    /// EmbeddingAndHead in .svg or .png.
    pub path: PathBuf,
    pub dark: bool,
    /// Replaces a file of that name.
    pub force: bool,
}

/// The chart of the focused panel, or why it has none.
pub fn figure(state: &State) -> Result<Figure, String> {
    if state.model.is_none() {
        return Err("No model is open yet, so that there is no chart".into());
    }
    let (layer, part) = (state.layer, state.part);
    let solved = state.layers.get(layer).and_then(|layer| layer.active());
    let any = state.layers.iter().any(|layer| layer.active().is_some());
    let of_layer = |figure| match solved {
        Some(_) => Ok(figure),
        None => Err(format!("Layer {layer} has no finished attempt yet; its chart can be saved then")),
    };
    match state.focused() {
        Panel::LayerTable | Panel::RatioCurve => Ok(Figure::Ratios),
        Panel::Errors if any => Ok(Figure::Errors),
        Panel::Sessions | Panel::Curves => Ok(Figure::Sessions(state.compared.quantity)),
        Panel::Perplexity | Panel::Texts if any => Ok(Figure::BeforeAndAfter),
        Panel::Errors | Panel::Perplexity | Panel::Texts => {
            Err("Nothing is pruned yet; the chart can be saved then".into())
        }
        Panel::Scores => of_layer(Figure::Scores { layer, part }),
        Panel::Batches | Panel::ErrorCurve => of_layer(Figure::ErrorCurve { layer, part }),
        Panel::Hessian => of_layer(Figure::Hessian { layer, part }),
        Panel::Attempts => of_layer(Figure::Attempts { layer }),
        Panel::Correlation => Err("The correlation has no chart to be saved; focus another panel (f)".into()),
        Panel::Log => Err("The log has no chart; copy a line with y".into()),
    }
}

pub fn form(state: &State) -> Result<Form, String> {
    let figure = figure(state)?;
    let name = state.model.as_ref().map_or("model", |model| model.record.name.as_str());
    let short = name.rsplit('/').next().unwrap_or(name);
    let fields = vec![
        Field::text("file", "ends in .svg or .png", format!("{short}-{}.svg", figure.name())),
        Field::choice("look", "of the paper", &LOOKS, LOOKS[0]),
        Field::switch("replace", "a file of that name is replaced", false),
    ];
    Ok(Form::new(FormKind::Picture { figure }, format!("Save the chart: {}", figure.title()), fields))
}

/// Takes the filled form.
pub fn submit(form: &Form, figure: Figure) -> Result<Vec<Effect>, String> {
    let path = PathBuf::from(form.text("file"));
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    if !ending.as_deref().is_some_and(|ending| ENDINGS.contains(&ending)) {
        return Err(format!("file: expected a name that ends in .svg or .png, found \"{}\"", path.display()));
    }
    let (dark, force) = (form.text("look") == LOOKS[1], form.switched("replace"));
    Ok(vec![Effect::SavePicture(Picture { figure, path, dark, force })])
}

/// What came of it.
pub fn saved(state: &mut State, path: &Path, result: Result<(), String>) -> Vec<Effect> {
    match result {
        Ok(()) => state.say(NoticeKind::Done, format!("Saved {}", path.display())),
        Err(why) => state.say(NoticeKind::Failed, why),
    }
    Vec::new()
}

impl Figure {
    /// For people.
    pub fn title(self) -> String {
        match self {
            Self::Ratios => "ratio over the layers".into(),
            Self::Errors => "errors over the layers".into(),
            Self::Scores { layer, part } => format!("scores of layer {layer}, {part}"),
            Self::ErrorCurve { layer, part } => format!("error versus ratio of layer {layer}, {part}"),
            Self::Hessian { layer, part } => format!("Hessian diagonal of layer {layer}, {part}"),
            Self::Attempts { layer } => format!("attempts at layer {layer}"),
            Self::BeforeAndAfter => "before and after".into(),
            Self::Sessions(quantity) => format!("{} of the sessions", quantity.title()),
        }
    }

    /// For a file.
    fn name(self) -> String {
        match self {
            Self::Ratios => "ratios".into(),
            Self::Errors => "errors".into(),
            Self::Scores { layer, part } => format!("scores-{layer}-{part}"),
            Self::ErrorCurve { layer, part } => format!("error-curve-{layer}-{part}"),
            Self::Hessian { layer, part } => format!("hessian-{layer}-{part}"),
            Self::Attempts { layer } => format!("attempts-{layer}"),
            Self::BeforeAndAfter => "before-and-after".into(),
            Self::Sessions(quantity) => format!("sessions-{}", quantity.title().replace(' ', "-")),
        }
    }
}
