//! The memory of a pass in each phase. It determines batch sizes, which inputs are kept, and forecasts.

use candle_core::DType;
use serde::Serialize;

use crate::{
    config::Settings,
    model::{Architecture, LayerSize, computes_in_tasks, tokens_in_tasks},
    names::Named,
    prune::{AttentionUnit, Part, Target, solve_bytes},
};

use super::{LayerPlan, plan::units, planned};

/// Maximum number of tokens in one forward pass, unless a window is longer: larger products are not faster.
const MOST_TOKENS: usize = 2048;
/// The fraction 1/SHARE of the memory budget is for the intermediate results of a forward pass, with at least
/// one window.
const SHARE: u64 = 8;
/// Number of tokens whose products a second moment adds together.
const BLOCK: u64 = 1024;

/// The sizes that determine the memory of a pass.
#[derive(Clone, Copy)]
pub struct Footprint<'a> {
    pub architecture: &'a Architecture,
    pub settings: &'a Settings,
    pub samples: usize,
    pub seq_len: usize,
    pub dtype: DType,
}

/// The phases of a search for ratios, then those of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    FollowingPaths,
    Gradients,
    MeasuringCosts,
    TryingRatios,
    Entering,
    MeasuringAttention,
    SolvingAttention,
    PropagatingAttention,
    MeasuringMlp,
    SolvingMlp,
    PropagatingMlp,
}

/// Amounts of memory in use at the same time, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// One block's weights, without the weights already removed.
    pub block: u64,
    /// The hidden states of all windows, for both streams if both run.
    pub streams: u64,
    /// The inputs of the scored weight, if kept between measuring and propagating.
    pub inputs: u64,
    /// Intermediate results of the windows that pass through the block together.
    pub batch: u64,
    /// Second moments, and the buffers that accumulate them.
    pub moments: u64,
    /// The solver's own memory.
    pub solve: u64,
}

impl Phase {
    pub fn words(self) -> &'static str {
        match self {
            Self::FollowingPaths => "while the elimination paths of a layer are followed to predict costs",
            Self::Gradients => "while gradients are computed to predict costs",
            Self::MeasuringCosts => "while the costs of parts are measured",
            Self::TryingRatios => "while ratios are tried on whole models",
            Self::Entering => "while tokens are embedded",
            Self::MeasuringAttention => "while the inputs of an attention output projection are measured",
            Self::SolvingAttention => "while an attention output projection is solved",
            Self::PropagatingAttention => "while windows are propagated through attention",
            Self::MeasuringMlp => "while the inputs of an MLP down projection are measured",
            Self::SolvingMlp => "while an MLP down projection is solved",
            Self::PropagatingMlp => "while windows are propagated through an MLP",
        }
    }
}

impl Held {
    pub fn total(self) -> u64 {
        let Self { block, streams, inputs, batch, moments, solve } = self;
        [block, streams, inputs, batch, moments, solve].into_iter().fold(0, u64::saturating_add)
    }
}

impl Footprint<'_> {
    /// Number of windows that pass through a block together.
    pub fn windows_at_once(&self) -> usize {
        let share = self.settings.machine.memory_budget.0 / SHARE;
        let per_token = self
            .architecture
            .layers
            .iter()
            .map(|size| self.batch_token(size) + self.task_token(size))
            .max()
            .unwrap_or(1);
        let within = share / per_token.saturating_mul(self.seq_len as u64).max(1);
        usize::try_from(within).unwrap_or(usize::MAX).min(MOST_TOKENS / self.seq_len).max(1)
    }

    /// Whether the inputs of all windows are kept between measuring and propagating. They are always kept for
    /// the attention, so that it runs once, and for the FFN if they fit into the budget.
    pub fn keeps(&self, part: Part, layer: usize) -> bool {
        match part {
            Part::Attention => true,
            Part::Mlp => self.most_with_inputs(part, layer) <= self.settings.machine.memory_budget.0,
        }
    }

    /// Peak memory of a pass through a layer, for any ratio.
    pub fn most(&self, layer: usize) -> u64 {
        let size = self.architecture.layers[layer];
        let attention = self.most_with_inputs(Part::Attention, layer);
        attention.max(match self.keeps(Part::Mlp, layer) {
            true => self.most_with_inputs(Part::Mlp, layer),
            false => {
                self.measuring(Part::Mlp, size).total().max(self.most_of_solving(Part::Mlp, size).total())
            }
        })
    }

    fn most_with_inputs(&self, part: Part, layer: usize) -> u64 {
        let size = self.architecture.layers[layer];
        let with = |held: Held| Held { inputs: self.inputs(self.width(part, size)), ..held };
        with(self.measuring(part, size)).total().max(with(self.most_of_solving(part, size)).total())
    }

    /// The memory of solving a part for any ratio, in the unit that needs more.
    fn most_of_solving(&self, part: Part, size: LayerSize) -> Held {
        let each = AttentionUnit::ALL.iter().map(|&unit| self.solving(part, size, size, unit));
        each.max_by_key(|held| held.total()).unwrap_or_default()
    }

    /// All phases of a pass through these layers. Unchanged parts are neither measured nor solved.
    pub fn phases(&self, plan: &[LayerPlan]) -> Vec<(Phase, Held)> {
        let after = planned(self.architecture, plan);
        let layers = self.architecture.layers.iter().zip(&after.layers).zip(plan).enumerate();
        let of_layer =
            |(layer, ((&before, &after), plan)): (usize, ((&LayerSize, &LayerSize), &LayerPlan))| {
                let unit = plan.unit;
                let between = LayerSize { channels: before.channels, ..after };
                [
                    (Part::Attention, before, between, plan.attention.is_some()),
                    (Part::Mlp, between, after, plan.mlp.is_some()),
                ]
                .into_iter()
                .flat_map(move |(part, before, after, solved)| {
                    self.of_part((layer, part), before, after, unit, solved)
                })
            };
        let entering =
            Held { streams: self.streams(), batch: self.stream(self.at_once()), ..Held::default() };
        std::iter::once((Phase::Entering, entering)).chain(layers.flat_map(of_layer)).collect()
    }

    fn of_part(
        &self,
        (layer, part): (usize, Part),
        before: LayerSize,
        after: LayerSize,
        unit: AttentionUnit,
        solved: bool,
    ) -> impl Iterator<Item = (Phase, Held)> + use<> {
        let inputs = if self.keeps(part, layer) { self.inputs(self.width(part, before)) } else { 0 };
        let (measuring, solving, propagating) = match part {
            Part::Attention => {
                (Phase::MeasuringAttention, Phase::SolvingAttention, Phase::PropagatingAttention)
            }
            Part::Mlp => (Phase::MeasuringMlp, Phase::SolvingMlp, Phase::PropagatingMlp),
        };
        let measure = Held { inputs, ..self.measuring(part, before) };
        let unmeasured = Held { moments: 0, ..measure };
        let propagate = Held {
            block: self.block(after),
            streams: self.streams(),
            inputs,
            batch: self.batch(after),
            ..Held::default()
        };
        let solve = Held { inputs, ..self.solving(part, before, after, unit) };
        let phases = match solved {
            true => vec![(measuring, measure), (solving, solve), (propagating, propagate)],
            false => vec![(measuring, unmeasured), (propagating, propagate)],
        };
        phases.into_iter()
    }

    /// The memory of measuring a part, without kept inputs.
    pub(super) fn measuring(&self, part: Part, size: LayerSize) -> Held {
        let (n, hidden) = (self.width(part, size), self.architecture.hidden as u64);
        let toward_dense = self.toward_dense(hidden * n * (size_of::<f64>() + size_of::<f32>()) as u64);
        Held {
            block: self.block(size),
            streams: self.streams(),
            batch: self.batch(size),
            moments: in_prune::gathering(n) + toward_dense,
            ..Held::default()
        }
    }

    /// The memory of solving a part, without kept inputs; `after` is the size of the cut part.
    pub(super) fn solving(&self, part: Part, size: LayerSize, after: LayerSize, unit: AttentionUnit) -> Held {
        let kept = self.width(part, after);
        let (n, hidden) = (self.width(part, size), self.architecture.hidden as u64);
        let (_, width, units) = units(part, &size, self.architecture.head_dim, unit, self.settings);
        let removed = (n - kept) as usize / width;
        let of_weight = [self.architecture.hidden, n as usize];
        let solve = solve_bytes(
            of_weight,
            units,
            removed,
            (self.settings.objective.solver_dtype, self.settings.solver.refine),
        );
        // An f32 copy, if the block has another number type.
        let weight = if self.dtype == DType::F32 { 0 } else { hidden * n * size_of::<f32>() as u64 };
        Held {
            block: self.block(size),
            streams: self.streams(),
            moments: in_prune::moment(n) + self.toward_dense(hidden * n * size_of::<f64>() as u64),
            solve: solve + weight,
            ..Held::default()
        }
    }

    fn toward_dense(&self, bytes: u64) -> u64 {
        match self.settings.objective.target {
            Target::Layer => 0,
            Target::DenseStream => bytes,
        }
    }

    /// Columns of the scored weight.
    pub(super) fn width(&self, part: Part, size: LayerSize) -> u64 {
        match part {
            Part::Attention => (size.heads * self.architecture.head_dim) as u64,
            Part::Mlp => size.channels as u64,
        }
    }

    fn bytes(&self) -> u64 {
        self.dtype.size_in_bytes() as u64
    }

    pub(super) fn tokens(&self) -> u64 {
        (self.samples as u64).saturating_mul(self.seq_len as u64)
    }

    pub(super) fn at_once(&self) -> u64 {
        (self.windows_at_once().min(self.samples) * self.seq_len) as u64
    }

    /// The hidden states of one stream.
    pub(super) fn stream(&self, tokens: u64) -> u64 {
        (self.architecture.hidden as u64 * self.bytes()).saturating_mul(tokens)
    }

    /// The hidden states of all windows in bytes, for both streams if both run.
    pub fn streams(&self) -> u64 {
        let streams = 1 + u64::from(self.settings.needs_dense_stream());
        self.stream(self.tokens()).saturating_mul(streams)
    }

    pub(super) fn inputs(&self, width: u64) -> u64 {
        (width * self.bytes()).saturating_mul(self.tokens())
    }

    fn block(&self, size: LayerSize) -> u64 {
        let Architecture { hidden, head_dim, .. } = *self.architecture;
        // The rows of q and o, k and v, and the three projections of the FFN.
        let rows = 2 * (size.heads + size.kv_heads) * head_dim + 3 * size.channels;
        (hidden * rows) as u64 * self.bytes()
    }

    fn batch(&self, size: LayerSize) -> u64 {
        let tokens = self.at_once();
        let in_tasks = tokens_in_tasks(usize::try_from(tokens).unwrap_or(usize::MAX)) as u64;
        self.batch_token(&size).saturating_mul(tokens).saturating_add(self.task_token(&size) * in_tasks)
    }

    fn computed_in_tasks(&self) -> bool {
        computes_in_tasks(self.settings.machine.device, self.dtype)
    }

    /// Intermediate results per token of a task: h normalised, an output, and gate and up.
    fn task_token(&self, size: &LayerSize) -> u64 {
        let values = 2 * (self.architecture.hidden + size.channels) as u64;
        if self.computed_in_tasks() { values * self.bytes() } else { 0 }
    }

    /// Intermediate results per token. In tasks: the next h, the input of the scored weight, and q, k, v, whose memory stays in
    /// use. Otherwise: h normalised, the part's output and the next h, plus the results of
    /// the wider half: q, k, v before and after the rotary embedding, or gate and up.
    fn batch_token(&self, size: &LayerSize) -> u64 {
        let Architecture { hidden, head_dim, .. } = *self.architecture;
        let attention = 2 * (size.heads + size.kv_heads) * head_dim;
        let mlp = 2 * size.channels;
        if self.computed_in_tasks() {
            let projected = (size.heads + 2 * size.kv_heads) * head_dim;
            let inputs = size.channels.max(size.heads * head_dim);
            return (hidden + projected + inputs) as u64 * self.bytes();
        }
        // Attention and second moments are computed in f32.
        let widened = if self.dtype == DType::F32 { 0 } else { attention.max(mlp) as u64 * 4 };
        (3 * hidden + attention.max(mlp)) as u64 * self.bytes() + widened
    }
}

/// Memory of objects in `prune`. Symmetric matrices store one half.
mod in_prune {
    use super::BLOCK;

    const F32: u64 = 4;
    const F64: u64 = 8;

    /// A second moment during accumulation: the sum, a block's product, and tokens of an incomplete block.
    pub fn gathering(n: u64) -> u64 {
        n * n * (F64 + F32) / 2 + BLOCK * n * F32
    }

    /// A second moment.
    pub fn moment(n: u64) -> u64 {
        n * n * F64 / 2
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pipeline::plan;

    fn architecture(layers: usize) -> Architecture {
        let config = json!({
            "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": layers,
            "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32000, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "max_position_embeddings": 4096,
        });
        Architecture::from_config(&config).unwrap()
    }

    fn with_budget(budget: &str) -> Settings {
        let mut settings: Settings = "ratio = 0.3".parse().unwrap();
        settings.machine.memory_budget = budget.parse().unwrap();
        settings
    }

    fn footprint<'a>(architecture: &'a Architecture, settings: &'a Settings) -> Footprint<'a> {
        Footprint { architecture, settings, samples: 16, seq_len: 512, dtype: DType::F32 }
    }

    #[test]
    fn batches_shrink_with_the_budget_to_one_window() {
        let architecture = architecture(2);
        let at_once = |budget| footprint(&architecture, &with_budget(budget)).windows_at_once();
        assert_eq!(["16G", "2500M", "1G", "1K"].map(at_once), [4, 2, 1, 1]);
        let within = |budget: &str| {
            let settings = with_budget(budget);
            let footprint = footprint(&architecture, &settings);
            footprint.batch(architecture.layers[0]) <= settings.machine.memory_budget.0 / SHARE
        };
        assert!(within("16G") && within("2500M"));
    }

    #[test]
    fn inputs_are_kept_if_they_fit_the_budget() {
        let architecture = architecture(2);
        let keeps = |budget, part| footprint(&architecture, &with_budget(budget)).keeps(part, 0);
        assert!(keeps("16G", Part::Mlp) && !keeps("2G", Part::Mlp));
        assert!(keeps("2G", Part::Attention));
    }

    #[test]
    fn more_layers_need_no_more_memory() {
        let settings = with_budget("8G");
        let most = |layers| {
            let architecture = architecture(layers);
            let plan = plan(&architecture, &settings).unwrap();
            let phases = footprint(&architecture, &settings).phases(&plan);
            phases.into_iter().map(|(_, held)| held.total()).max().unwrap()
        };
        let (two, sixteen) = (most(2), most(16));
        assert!(sixteen <= two + two / 10, "{sixteen} is not {two}");
    }
}
