//! Figures of the compared sessions, the open one included, in one form.

use super::ComparedSession;
use crate::{
    explorer::{AttemptResult, State},
    protocol::{
        AttemptSummary, CalibrationRecord, Method, PartSummary, PerplexityRecord, SessionContent, mean_ratio,
    },
    prune::{GroupSize, LayerRatio, Part, Refine, Schedule as Curve, Target},
    words,
};

/// A quantity that is drawn over the layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quantity {
    Heads,
    Channels,
    #[default]
    AttentionError,
    MlpError,
    OutputError,
}

/// One of the sessions that are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// 0 for the open session.
    pub place: usize,
    pub name: String,
    pub model: String,
    /// How its ratios were planned.
    pub plan: String,
    /// Mean over the layers; the planned mean while any layer is dense.
    pub ratio: Option<LayerRatio>,
    /// Parameters of the dense model, and of the model with the active attempts.
    pub parameters: (u64, u64),
    pub perplexity: Option<PerplexityRecord>,
    /// Active attempts, indexed by layer.
    pub layers: Vec<Option<AttemptSummary>>,
    pub calibration: Option<CalibrationRecord>,
    pub method: String,
    /// Computing time in seconds; None if unknown.
    pub seconds: Option<f64>,
}

impl Quantity {
    pub const ALL: [Self; 5] =
        [Self::Heads, Self::Channels, Self::AttentionError, Self::MlpError, Self::OutputError];

    pub fn title(self) -> &'static str {
        match self {
            Self::Heads => "ratio of heads",
            Self::Channels => "ratio of channels",
            Self::AttentionError => "attention error",
            Self::MlpError => "mlp error",
            Self::OutputError => "output error",
        }
    }

    pub fn is_error(self) -> bool {
        match self {
            Self::Heads | Self::Channels => false,
            Self::AttentionError | Self::MlpError | Self::OutputError => true,
        }
    }

    /// The quantity `by` places further in the list, wrapping around.
    pub fn turned(self, by: isize) -> Self {
        let count = Self::ALL.len() as isize;
        Self::ALL[(self as isize + by).rem_euclid(count) as usize]
    }

    /// The value in an attempt; None for a part that is not pruned.
    fn of(self, attempt: &AttemptSummary) -> Option<f64> {
        let error = |part: &PartSummary| (part.kept < part.units).then_some(part.relative_error);
        match self {
            Self::Heads => Some(attempt.ratio.of(Part::Attention)),
            Self::Channels => Some(attempt.ratio.of(Part::Mlp)),
            Self::AttentionError => error(&attempt.attention),
            Self::MlpError => error(&attempt.mlp),
            Self::OutputError => attempt.output_error,
        }
    }
}

impl Compared {
    pub fn is_open(&self) -> bool {
        self.place == 0
    }

    /// One per layer.
    pub fn values(&self, quantity: Quantity) -> Vec<Option<f64>> {
        self.layers.iter().map(|attempt| quantity.of(attempt.as_ref()?)).collect()
    }

    /// Mean over the layers that have a value.
    pub fn mean(&self, quantity: Quantity) -> Option<f64> {
        let values: Vec<f64> = self.values(quantity).into_iter().flatten().collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// Text, window length and BOS of the perplexity. Only perplexities with the same evaluation can be compared.
    pub fn evaluation(&self) -> Option<(&str, usize, bool)> {
        self.perplexity.as_ref().map(evaluation)
    }
}

impl AttemptResult {
    pub fn summary(&self) -> AttemptSummary {
        AttemptSummary {
            number: self.attempt.number,
            ratio: self.attempt.method.ratio,
            attention: (&self.record.attention).into(),
            mlp: (&self.record.mlp).into(),
            output_error: self.record.output_error,
        }
    }
}

impl State {
    /// The open session, then those compared with it.
    pub fn compared(&self) -> Vec<Compared> {
        std::iter::once(open(self)).chain(self.compared_sessions().map(compared)).collect()
    }
}

fn open(state: &State) -> Compared {
    let active = || state.layers.iter().map(|layer| layer.active());
    let layers: Vec<Option<AttemptSummary>> =
        active().map(|result| result.map(AttemptResult::summary)).collect();
    let name = match &state.sessions.open {
        Some(path) => words::session_name(path),
        None if state.is_replay() => "this recording".into(),
        None => "without a session".into(),
    };
    let model = state.model.as_ref();
    let before = model.map_or(0, |model| model.shape.parameters);
    let method = active().flatten().next().map(|result| result.attempt.method.clone());
    let method = method.unwrap_or_else(|| Method::of_run(&state.settings, 0.0));
    let plan = state.schedule.preset.as_ref().map_or("by hand".into(), plan);
    Compared {
        place: 0,
        name,
        model: model.map_or(String::new(), |model| model.record.name.clone()),
        plan,
        ratio: mean_ratio(active().map(|result| Some(result?.attempt.method.ratio)), &state.schedule.ratios),
        parameters: (before, state.parameters_active()),
        perplexity: perplexity(state),
        layers,
        calibration: state.calibration.clone(),
        method: told(&method, state.settings.objective.target),
        seconds: state.record.as_ref().map(|record| record.seconds.total).or_else(|| listed_seconds(state)),
    }
}

/// Seconds from the list of sessions.
fn listed_seconds(state: &State) -> Option<f64> {
    let listed = state.sessions.list.as_ref()?.sessions.as_ref().ok()?;
    let open = listed.iter().find(|session| state.is_open_session(session))?;
    open.content.as_ref().map(|content| content.seconds)
}

fn compared(session: &ComparedSession) -> Compared {
    let ComparedSession { name, place, content, .. } = session;
    let SessionContent { model, settings, layers, .. } = content;
    let layers: Vec<Option<AttemptSummary>> = layers.iter().map(|layer| layer.active.clone()).collect();
    Compared {
        place: *place,
        name: name.clone(),
        model: model.name.clone(),
        plan: if settings.ratios.uniform { "uniform".into() } else { plan(&settings.ratios.schedule) },
        ratio: content.ratio,
        parameters: (model.parameters_before, model.parameters_after),
        perplexity: content.perplexity.clone(),
        layers,
        calibration: content.calibration.clone(),
        method: told(&Method::of_run(settings, 0.0), settings.objective.target),
        seconds: Some(content.seconds),
    }
}

/// Perplexity of the open session, preferably with the evaluation settings of the other sessions. A stale pruned value is left
/// out.
fn perplexity(state: &State) -> Option<PerplexityRecord> {
    let others: Vec<_> = state
        .compared_sessions()
        .filter_map(|compared| compared.content.perplexity.as_ref().map(evaluation))
        .collect();
    let alike = state.compare.shown().find(|measured| others.contains(&evaluation(&measured.record)));
    let chosen = alike.or_else(|| state.compare.shown().next())?;
    let after = chosen.record.after.filter(|_| !state.compare.stale(chosen));
    Some(PerplexityRecord { after, ..chosen.record.clone() })
}

pub(super) fn evaluation(record: &PerplexityRecord) -> (&str, usize, bool) {
    (&record.text, record.seq_len, record.bos)
}

fn plan(curve: &Curve) -> String {
    match curve {
        Curve::Custom(_) => "by hand".into(),
        Curve::Log
        | Curve::Linear
        | Curve::Uniform
        | Curve::LogDecrease
        | Curve::LinearDecrease
        | Curve::Auto => curve.to_string(),
    }
}

/// A summary of the method in a few words, without the defaults.
fn told(method: &Method, target: Target) -> String {
    let by = match method.solver.group_size {
        _ if method.solver.score.is_baseline() => method.solver.score.to_string(),
        GroupSize::Fixed(size) => format!("groups of {size}"),
        size @ (GroupSize::Dynamic | GroupSize::Reference | GroupSize::Exact) => format!("groups {size}"),
    };
    let only = match method.parts[..] {
        [part] => format!("{part} only"),
        _ => String::new(),
    };
    let swaps = if method.solver.refine == Refine::Swaps { "swaps" } else { "" };
    let target = if target == Target::DenseStream { "dense stream" } else { "" };
    let fit = if method.solver.compensation { "" } else { "not compensated" };
    let damping = format!("damping {}", method.solver.damping);
    let words = [&by, &only, swaps, target, fit, &damping];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(", ")
}
