//! The editable schedule: one ratio per layer, with presets, locks and renormalising.

use serde::{Deserialize, Serialize};

use crate::{
    config::{self, Settings},
    protocol::{LayerShape, Ratio, Span, ratios},
    prune::{AttentionUnitChoice, LayerRatio, Part},
};

/// Highest ratio that can be set; every layer keeps some units.
pub const HIGHEST: f64 = 0.99;
/// Named curves, in the order of `NextPreset`.
pub const NAMED: [(&str, crate::prune::Schedule); 5] = [
    ("log", crate::prune::Schedule::Log),
    ("linear", crate::prune::Schedule::Linear),
    ("uniform", crate::prune::Schedule::Uniform),
    ("log-decrease", crate::prune::Schedule::LogDecrease),
    ("linear-decrease", crate::prune::Schedule::LinearDecrease),
];
/// Bisection steps for the factor of renormalising; double precision needs fewer.
const BISECTIONS: usize = 100;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The curve of the ratios; None once a ratio was edited.
    pub preset: Option<crate::prune::Schedule>,
    /// The curve's mean, or its first and last ratio. A mean is also the target of renormalising.
    pub span: config::Span,
    /// One per layer.
    pub ratios: Vec<LayerRatio>,
    /// Layers whose ratio presets and renormalising leave unchanged.
    pub locked: Vec<bool>,
    /// Attention's share of the prunable parameters. It weights the means if the parts have different ratios.
    #[serde(default = "half")]
    pub attention_share: f64,
}

fn half() -> f64 {
    0.5
}

/// Whether the ratio of a layer is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    Yes,
    No,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            preset: Some(crate::prune::Schedule::Log),
            span: config::Span::Mean(0.2),
            ratios: Vec::new(),
            locked: Vec::new(),
            attention_share: half(),
        }
    }
}

impl Schedule {
    /// The ratios of the settings for a model of `layers` layers; zeros and the reason if they are invalid.
    pub fn of_settings(layers: usize, settings: &Settings) -> (Self, Option<String>) {
        let mut schedule = Self {
            preset: None,
            span: settings.span(),
            ratios: vec![LayerRatio::ZERO; layers],
            locked: vec![false; layers],
            attention_share: half(),
        };
        let wrong = match &settings.ratios.schedule {
            crate::prune::Schedule::Custom(values) if values.len() == layers => {
                schedule.ratios.clone_from(values);
                schedule.span = config::Span::Mean(schedule.mean());
                None
            }
            curve => schedule.take(curve.clone(), settings.span()).err(),
        };
        if settings.ratios.uniform {
            let mean = match (&settings.ratios.schedule, schedule.span) {
                (crate::prune::Schedule::Custom(_), _) | (_, config::Span::Ends { .. }) => schedule.mean(),
                (_, config::Span::Mean(mean)) => mean,
            };
            schedule.ratios.fill(mean.into());
            schedule.span = config::Span::Mean(mean);
            schedule.preset = Some(crate::prune::Schedule::Uniform);
        }
        (schedule, wrong)
    }

    /// Sets the ratios to those of a curve; locked ones are unchanged.
    pub fn take(&mut self, curve: crate::prune::Schedule, span: config::Span) -> Result<(), String> {
        let span = match (&curve, span) {
            // A uniform curve has one ratio: the mean of the two ends.
            (crate::prune::Schedule::Uniform, config::Span::Ends { first, last }) => {
                config::Span::Mean((first + last) / 2.0)
            }
            (_, span) => span,
        };
        let checked = match span {
            config::Span::Mean(mean) => Span::Mean(Ratio::new(mean).map_err(text)?),
            config::Span::Ends { first, last } => {
                Span::FirstLast(Ratio::new(first).map_err(text)?, Ratio::new(last).map_err(text)?)
            }
        };
        let values = ratios(self.ratios.len(), &curve, checked).map_err(text)?;
        for ((ratio, value), &locked) in self.ratios.iter_mut().zip(values).zip(&self.locked) {
            if !locked {
                *ratio = value;
            }
        }
        self.preset = Some(curve);
        self.span = span;
        Ok(())
    }

    /// Weights the means by the parameters of these layers, in the units of their ratios.
    pub fn weigh(&mut self, shapes: &[LayerShape], setting: AttentionUnitChoice) {
        let of_attention = |(shape, &ratio): (&LayerShape, &LayerRatio)| {
            let unit = shape.unit(setting, ratio);
            shape.attention_units(unit) as u64 * shape.per_attention_unit(unit)
        };
        let attention = shapes.iter().zip(&self.ratios).map(of_attention).sum::<u64>() as f64;
        let mlp = shapes.iter().map(|shape| shape.channels as u64 * shape.per_channel).sum::<u64>() as f64;
        if attention + mlp > 0.0 {
            self.attention_share = attention / (attention + mlp);
        }
    }

    /// Sets the ratio of one layer, for one part or both (None). It is rounded to 1e-6 and limited to 0.99.
    pub fn set(&mut self, layer: usize, part: Option<Part>, ratio: f64) {
        let ratio = (ratio.clamp(0.0, HIGHEST) * 1e6).round() / 1e6;
        let Some(&before) = self.ratios.get(layer) else { return };
        self.put(layer, part.map_or(before.map(|_| ratio), |part| before.with(part, ratio)));
    }

    /// Sets the ratio of one layer to exactly this value.
    pub fn put(&mut self, layer: usize, ratio: LayerRatio) {
        if let Some(slot) = self.ratios.get_mut(layer)
            && *slot != ratio
        {
            *slot = ratio;
            self.preset = None;
        }
    }

    /// Sets the ratios of all layers, starting with the first.
    pub fn put_all(&mut self, ratios: &[LayerRatio]) {
        for (layer, &ratio) in ratios.iter().enumerate() {
            self.put(layer, ratio);
        }
    }

    pub fn locked(&self, layer: usize) -> Locked {
        if self.locked.get(layer).copied().unwrap_or(false) { Locked::Yes } else { Locked::No }
    }

    pub fn mean(&self) -> f64 {
        self.ratios.iter().map(|&ratio| self.weighed(ratio)).sum::<f64>() / self.ratios.len().max(1) as f64
    }

    /// The ratio of both parts, weighted by their parameters.
    fn weighed(&self, ratio: LayerRatio) -> f64 {
        match ratio.one() {
            Some(ratio) => ratio,
            None => self.attention_share * ratio.attention + (1.0 - self.attention_share) * ratio.mlp,
        }
    }

    /// True if the heads of any layer have a different ratio from its channels.
    pub fn is_apart(&self) -> bool {
        self.ratios.iter().any(|ratio| ratio.one().is_none())
    }

    /// The target mean of renormalising.
    pub fn target(&self) -> f64 {
        match self.span {
            config::Span::Mean(mean) => mean,
            config::Span::Ends { .. } => self.mean(),
        }
    }

    /// Scales the unlocked ratios by one factor, none above 0.99, so that the mean of all is `target`. If all
    /// of them are 0, they become equal. Fails if no factor reaches the target.
    pub fn renormalise(&mut self, target: f64) -> Result<(), String> {
        Ratio::new(target).map_err(text)?;
        let free: Vec<usize> = (0..self.ratios.len()).filter(|&i| self.locked(i) == Locked::No).collect();
        let locked = (0..self.ratios.len()).filter(|&i| self.locked(i) == Locked::Yes);
        let held: f64 = locked.map(|i| self.weighed(self.ratios[i])).sum();
        let wanted = target * self.ratios.len() as f64 - held;
        let most = HIGHEST * free.len() as f64;
        if wanted < -1e-12 || wanted > most + 1e-12 {
            let (low, high) =
                (held / self.ratios.len().max(1) as f64, (held + most) / self.ratios.len().max(1) as f64);
            return Err(format!(
                "a mean of {target} cannot be reached: the locked layers allow {low:.4} to {high:.4}; unlock some (L)"
            ));
        }
        if free.iter().all(|&i| self.ratios[i].highest() == 0.0) {
            for &i in &free {
                self.ratios[i] = self.ratios[i].map(|_| 1.0);
            }
        }
        let scaled = |i: usize, factor: f64| self.ratios[i].map(|ratio| (ratio * factor).clamp(0.0, HIGHEST));
        let sum = |factor: f64| free.iter().map(|&i| self.weighed(scaled(i, factor))).sum::<f64>();
        let (mut low, mut high) = (0.0, 1.0);
        while sum(high) < wanted && high < 1e12 {
            high *= 2.0;
        }
        if sum(high) < wanted - 1e-9 {
            return Err(format!(
                "a mean of {target} cannot be reached by scaling, because ratios of 0 do not change; raise one of them first"
            ));
        }
        for _ in 0..BISECTIONS {
            let middle = (low + high) / 2.0;
            if sum(middle) < wanted { low = middle } else { high = middle }
        }
        for &i in &free {
            self.ratios[i] = self.ratios[i].map(|ratio| (ratio * high).clamp(0.0, HIGHEST));
        }
        self.span = config::Span::Mean(target);
        self.preset = None;
        Ok(())
    }

    /// True for a valid schedule of `layers` layers.
    pub fn fits(&self, layers: usize) -> bool {
        let sizes = (self.ratios.len(), self.locked.len()) == (layers, layers);
        sizes
            && self
                .ratios
                .iter()
                .all(|ratio| Ratio::new(ratio.attention).is_ok() && Ratio::new(ratio.mlp).is_ok())
    }

    /// Name of the curve.
    pub fn name(&self) -> &'static str {
        match (&self.preset, self.place()) {
            (_, Some(at)) => NAMED[at].0,
            (Some(crate::prune::Schedule::Auto), None) => "auto",
            (_, None) => "by hand",
        }
    }

    /// The next named curve.
    pub fn next_preset(&self) -> crate::prune::Schedule {
        NAMED[self.place().map_or(0, |at| (at + 1) % NAMED.len())].1.clone()
    }

    fn place(&self) -> Option<usize> {
        NAMED.iter().position(|(_, curve)| Some(curve) == self.preset.as_ref())
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
