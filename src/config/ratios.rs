//! Settings of the pruning ratios, and of the layers and parts to prune.

use std::{fs, path::Path};

use super::{
    Error, LayerRange, ScheduleChoice, SearchCosts,
    check::{at_least, ratio},
    group::settings,
};
use crate::prune::{LayerRatio, Part, Schedule};

/// The mean ratio if no mean, no end ratios and no ratio per layer are given.
const DEFAULT_RATIO: f64 = 0.2;
/// Labels of the form's choices, and the lists of parts that they mean.
const PARTS: &[(&str, &str)] = &[("both", "attention, mlp"), ("attention", "attention"), ("mlp", "mlp")];

settings! {
    /// The ratio of every layer, and the parts and layers to prune.
    pub struct Ratios at ratios, RatiosOptions, Ratios {
        /// Ratio over depth: log, linear, uniform, log-decrease, linear-decrease, auto (searched), or a file
        /// with one ratio per layer; 0.1/0.3 sets the ratios of heads and channels
        schedule ("schedule"): Schedule = Schedule::Auto => {
            value_name: "SCHEDULE",
            default: Some("auto; log with end ratios or equal sizes"),
        }
        /// Pruning ratio, from 0 to below 1: the fraction of the parameters of the pruned parts to remove; with
        /// by-parameters off, the mean ratio over the layers
        ratio ("ratio"): Option<f64> = Some(DEFAULT_RATIO), ratio() => {
            value_name: "R",
            excludes: &["first_ratio", "last_ratio"],
        }
        /// Adjust the mean of a schedule until the ratio is the fraction of parameters removed; otherwise the
        /// ratio is the mean over the layers, and rounding to whole heads removes more or less
        by_parameters ("by_parameters"): bool = true => {
            excludes: &["first_ratio", "last_ratio"],
            applies: |settings| settings.ratios.ratio.is_some(),
        }
        /// Ratio of the first layer
        first_ratio ("first_ratio"): Option<f64> = None, ratio() => {
            value_name: "A",
            requires: Some("last_ratio"),
            excludes: &["ratio", "by_parameters"],
        }
        /// Ratio of the last layer
        last_ratio ("last_ratio"): Option<f64> = None, ratio() => {
            value_name: "B",
            requires: Some("first_ratio"),
            excludes: &["ratio", "by_parameters"],
        }
        /// Costs that the search for ratios starts from
        search_costs ("search_costs"): SearchCosts = SearchCosts::default() => {
            value_name: "COSTS",
            applies: |settings| settings.ratios.schedule == Schedule::Auto,
        }
        /// Windows for pruning in the search for ratios; predictions are compared on the same number of other
        /// windows
        search_samples ("search_samples"): usize = 8, at_least(1) => {
            value_name: "N",
            applies: |settings| settings.ratios.schedule == Schedule::Auto,
        }
        /// Maximum number of pruned models that the search for ratios compares; with 1, the costs alone decide
        search_trials ("search_trials"): usize = 1, at_least(1) => {
            value_name: "N",
            applies: |settings| settings.ratios.schedule == Schedule::Auto,
        }
        /// Take half of the windows for gradients and for comparing predictions from the guard text
        search_guard ("search_guard"): bool = false => {
            applies: |settings| settings.ratios.schedule == Schedule::Auto && settings.evaluation.guard.is_some(),
        }
        /// Parts to prune
        parts ("parts"): Vec<Part> = vec![Part::Attention, Part::Mlp] => {
            value_name: "PARTS",
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "parts", "parts to prune").with_choices(PARTS)),
        }
        /// Layers to prune, excluding the end, such as 2..30
        layers ("layers"): LayerRange = LayerRange::default() => {
            value_name: "RANGE",
            default: Some("all"),
            scope: Scope::Layer,
        }
        /// Keep a multiple of this number of channels
        channel_multiple ("channel_multiple"): usize = 1, at_least(1) => {
            value_name: "N",
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "channel multiple", "keep a multiple of this number of channels").after("refine")),
        }
        /// Give all layers equal sizes, from the mean of the ratios, for runtimes without sizes per layer
        uniform ("uniform"): bool = false => {}
    }
}

impl Ratios {
    /// Resolves the options.
    ///
    /// # Errors
    /// If a ratio is outside 0 to 1, a schedule file cannot be read, settings exclude each other, or no part
    /// is given.
    pub fn new(mut options: RatiosOptions) -> Result<Self, Error> {
        let (mean, ends) = (options.ratio, options.first_ratio.or(options.last_ratio));
        let is_fixed = ends.is_some() || options.uniform == Some(true);
        if options.schedule.is_none() && is_fixed {
            options.schedule = Some(ScheduleChoice::Schedule(Schedule::Log));
        }
        let mut ratios = Self::fill(options)?;
        let custom = matches!(ratios.schedule, Schedule::Custom(_));
        if custom && mean.or(ends).is_some() {
            let what = "a schedule with one ratio per layer has no mean ratio and no first or last ratio";
            return Err(Error::value("ratio", what, "remove it"));
        }
        match ratios.schedule {
            Schedule::Auto if ends.is_some() => {
                let what =
                    "the schedule auto has no first or last ratio; it searches for ratios with a given mean";
                return Err(Error::value("first-ratio", what, "set ratio"));
            }
            Schedule::Auto if ratios.uniform => {
                let what = "with equal sizes the schedule auto has nothing to search";
                return Err(Error::value("uniform", what, "remove one of the two"));
            }
            Schedule::Uniform if ends.is_some() => {
                return Err(Error::value("first-ratio", "a uniform schedule has one ratio", "set ratio"));
            }
            Schedule::Log
            | Schedule::Linear
            | Schedule::Uniform
            | Schedule::LogDecrease
            | Schedule::LinearDecrease
            | Schedule::Auto
            | Schedule::Custom(_) => {}
        }
        if let Schedule::Custom(values) = &ratios.schedule {
            for (layer, &value) in values.iter().enumerate() {
                for part in [Part::Attention, Part::Mlp] {
                    ratio()(&format!("schedule, layer {layer}"), &value.of(part))?;
                }
            }
        }
        if custom || ends.is_some() {
            (ratios.ratio, ratios.by_parameters) = (None, false);
        }
        ratios.parts.sort();
        ratios.parts.dedup();
        if ratios.parts.is_empty() {
            return Err(Error::value("parts", "expected attention, mlp or both, found none", "name a part"));
        }
        Ok(ratios)
    }

    /// Replaces the schedule and its mean or ends by one ratio per layer.
    pub fn with_layers(self, ratios: Vec<LayerRatio>) -> Self {
        let schedule = Schedule::Custom(ratios);
        // Ratios set by hand may differ from layer to layer.
        Self { schedule, ratio: None, first_ratio: None, last_ratio: None, uniform: false, ..self }
    }

    /// Replaces the mean or the ends by this mean.
    pub fn with_mean(self, mean: f64) -> Self {
        Self { ratio: Some(mean), first_ratio: None, last_ratio: None, ..self }
    }

    /// The mean or the ends. A schedule with one ratio per layer ignores them.
    pub fn span(&self) -> Span {
        match (self.first_ratio, self.last_ratio) {
            (Some(first), Some(last)) => Span::Ends { first, last },
            _ => Span::Mean(self.ratio.unwrap_or(DEFAULT_RATIO)),
        }
    }
}

/// The numbers that determine the ratios of a schedule: their mean, or the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// The mean over the layers.
    Mean(f64),
    /// The two ends of the curve.
    Ends {
        /// Ratio of the first layer.
        first: f64,
        /// Ratio of the last layer.
        last: f64,
    },
}

impl RatiosOptions {
    fn has_layers(&self) -> bool {
        matches!(self.schedule, Some(ScheduleChoice::File(_) | ScheduleChoice::Schedule(Schedule::Custom(_))))
    }

    /// Removes from `weaker` the options that these replace: a mean, two ends and one ratio per layer exclude
    /// each other.
    pub(super) fn replace_in(&self, weaker: &mut Self) {
        if self.has_layers() {
            (weaker.ratio, weaker.first_ratio, weaker.last_ratio) = (None, None, None);
        }
        let spanned = self.ratio.or(self.first_ratio).is_some();
        if weaker.has_layers() && spanned {
            weaker.schedule = None;
        }
    }
}

impl ScheduleChoice {
    /// The schedule, read from a file if the choice is a file.
    ///
    /// # Errors
    /// If the file cannot be read or does not contain ratios.
    pub(super) fn read(self) -> Result<Schedule, Error> {
        match self {
            Self::Schedule(schedule) => Ok(schedule),
            Self::File(path) => Ok(Schedule::Custom(read_ratios(&path)?)),
        }
    }
}

/// Reads one ratio per layer: a JSON array as in `run.json` and sessions, or words such as 0.2 and 0.1/0.3
/// (heads/channels), separated by blanks, commas or line breaks. `#` starts a comment.
fn read_ratios(path: &Path) -> Result<Vec<LayerRatio>, Error> {
    let text = fs::read_to_string(path).map_err(|cause| Error::Schedule { path: path.into(), cause })?;
    if let Ok(ratios) = serde_json::from_str(&text) {
        return Ok(ratios);
    }
    let mut ratios = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.split('#').next().unwrap_or_default();
        let words =
            content.split(|c: char| c.is_whitespace() || ",[]".contains(c)).filter(|word| !word.is_empty());
        for word in words {
            let ratio = word.parse().map_err(|what| Error::File {
                file: path.display().to_string(),
                line: index + 1,
                what,
            })?;
            ratios.push(ratio);
        }
    }
    Ok(ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_file_may_be_json_or_plain() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ratios");
        for text in ["[0.1, 0.2,\n 0.3]", "0.1 # first\n0.2\n0.3\n", "[0.1, 0.2, 0.3 # last\n]"] {
            fs::write(&path, text).unwrap();
            assert_eq!(read_ratios(&path).unwrap(), [0.1, 0.2, 0.3].map(LayerRatio::both));
        }
        let apart = [LayerRatio::new(0.1, 0.3), LayerRatio::both(0.2)];
        for text in ["[{\"attention\": 0.1, \"mlp\": 0.3}, 0.2]", "# heads/channels\n0.1/0.3\n0.2\n"] {
            fs::write(&path, text).unwrap();
            assert_eq!(read_ratios(&path).unwrap(), apart);
        }
    }
}
