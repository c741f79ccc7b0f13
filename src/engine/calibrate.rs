//! Draws calibration windows, and completes settings that depend on the model.

use std::path::Path;

use crate::{
    calibration::{Sampling, TextSource, TokenWeights, Windows},
    config::{self, LayerRange, Ratios, Settings, Span},
    model::{Architecture, Checkpoint},
    pipeline,
    protocol::{CalibrationRecord, DrawnText, Event, WeightedTokens},
    prune::{LayerRatio, Schedule},
};

use super::{
    Context, Error,
    machine::number_type,
    texts,
    weigh::weigh,
    written::{self, Shares},
};

/// Calibration windows and their record.
pub struct Calibration {
    pub windows: Windows,
    /// Weights of their tokens; None if all are equal.
    pub weights: Option<TokenWeights>,
    pub record: CalibrationRecord,
    /// Tokens that were encoded to draw the windows.
    pub text_tokens: usize,
}

impl Calibration {
    /// Draws the windows of these settings; [`Calibration::event`] reports them.
    pub fn draw(
        settings: &Settings,
        checkpoint: &Checkpoint,
        base: Option<&Path>,
        context: &mut Context,
    ) -> Result<Self, Error> {
        if settings.calibration.texts.is_empty() {
            return Err(Error::NoCalibration);
        }
        let (samples, seed) = (settings.calibration.samples, settings.calibration.seed);
        let seq_len = window_length(settings, checkpoint.architecture())?;
        let bos = settings.calibration.bos.then(|| texts::bos("calibration_bos", checkpoint)).transpose()?;
        let of_text = match bos {
            Some(_) => {
                config::at_least(3)("seq-len", &seq_len)?;
                seq_len - 1
            }
            None => seq_len,
        };
        let Shares { given, written } = Shares::of(settings)?;
        let sampling = Sampling::new((given, of_text), seed);
        let sources = &settings.calibration.texts;
        let given_texts = sources.iter().filter(|source| !matches!(source, TextSource::Written(_)));
        let texts = given_texts
            .clone()
            .map(|source| texts::read_sampled(source, base, checkpoint, sampling, context));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let files: Vec<String> = sources.iter().map(ToString::to_string).collect();
        let drawn = given_texts.zip(&texts).filter_map(|(file, text)| {
            Some(DrawnText { file: file.to_string(), documents: text.drawn.clone()? })
        });
        let drawn = drawn.collect();
        let (mut windows, mut text_tokens, mut record) = (None, 0, None);
        if given > 0 {
            let drawn = texts::draw(&texts, checkpoint, (given, of_text), seed, context)?;
            (windows, text_tokens) = (Some(drawn.windows), drawn.encoded);
        }
        if written > 0 {
            let (own, told) = written::write((written, of_text), settings, checkpoint, context)?;
            record = Some(told);
            windows = Some(windows.map_or_else(|| own.clone(), |given| given.mixed_with(&own)));
        }
        let Some(windows) = windows else { return Err(Error::NoCalibration) };
        let windows = match bos {
            Some(bos) => windows.after(bos),
            None => windows,
        };
        let weights = weigh(&windows, settings, checkpoint, context)?;
        let tokens = (samples * seq_len) as u64;
        let weighted = weights.as_ref().map(|weights| WeightedTokens {
            by: settings.calibration.weights,
            dtype: settings.machine.dtype,
            spread: weights.spread().clone(),
        });
        let record = CalibrationRecord {
            files,
            samples,
            seq_len,
            seed,
            tokens,
            bos,
            written: record,
            weights: weighted,
            drawn,
        };
        Ok(Self { windows, weights, record, text_tokens })
    }

    /// The bytes of the file in a session.
    pub fn to_safetensors(&self) -> Vec<u8> {
        match &self.weights {
            None => self.windows.to_safetensors(),
            Some(weights) => self.windows.to_safetensors_with(weights),
        }
    }

    pub fn event(&self) -> Event {
        Event::CalibrationReady {
            files: self.record.files.clone(),
            samples: self.record.samples,
            seq_len: self.record.seq_len,
            text_tokens: self.text_tokens,
            seed: self.record.seed,
            bos: self.record.bos,
            written: self.record.written.clone(),
            weights: self.record.weights.clone(),
            drawn: self.record.drawn.clone(),
        }
    }
}

/// Settings completed for a model: window length, both ends of the layer range, mean ratio, and whether output errors are
/// tracked.
pub fn resolved(mut settings: Settings, architecture: &Architecture) -> Result<Settings, Error> {
    settings.calibration.seq_len = Some(window_length(&settings, architecture)?);
    let range = settings.ratios.layers.resolve(architecture.layers.len()).map_err(pipeline::Error::Layers)?;
    settings.ratios.layers = LayerRange { start: Some(range.start), end: Some(range.end) };
    if settings.ratios.by_parameters {
        settings = by_parameters(settings, architecture)?;
    }
    let seq_len = window_length(&settings, architecture)?;
    let dtype = number_type(settings.machine.dtype);
    Ok(pipeline::decided(settings, architecture, seq_len, dtype))
}

/// Checks the settings of a new run before [`resolved`] changes them. `ratios` replace the schedule. Returns warnings
/// about parts that keep everything.
///
/// # Errors
/// If the settings ask for more parameters than any counts remove, or remove nothing.
pub fn check_reach(
    settings: &Settings,
    ratios: Option<&[LayerRatio]>,
    architecture: &Architecture,
) -> Result<Vec<Event>, Error> {
    let kept = pipeline::check_reach(architecture, settings, ratios)?;
    Ok(kept.into_iter().map(|kept| Event::Warning { message: kept.to_string() }).collect())
}

/// Replaces the mean ratio by the one that removes this fraction of the parameters.
fn by_parameters(settings: Settings, architecture: &Architecture) -> Result<Settings, Error> {
    let settings = Settings { ratios: Ratios { by_parameters: false, ..settings.ratios }, ..settings };
    let (Span::Mean(share), false) = (settings.span(), settings.ratios.schedule == Schedule::Auto) else {
        return Ok(settings);
    };
    if matches!(settings.ratios.schedule, Schedule::Custom(_)) {
        return Ok(settings);
    }
    let all = pipeline::parameters_of_parts(architecture, &settings)?;
    let wanted = (share * all as f64).ceil() as u64;
    match pipeline::mean_for(architecture, &settings, wanted) {
        Some(mean) => Ok(Settings { ratios: settings.ratios.with_mean(mean), ..settings }),
        None => Err(pipeline::beyond_reach(architecture, &settings, share).into()),
    }
}

pub fn window_length(settings: &Settings, architecture: &Architecture) -> Result<usize, Error> {
    let limit = architecture.max_positions;
    match settings.calibration.window_length(limit) {
        asked if asked > limit => Err(Error::TooLong { key: "seq-len", asked, limit }),
        length => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Tracking, demo, model::Source};

    #[test]
    fn errors_are_tracked_if_time_and_memory_allow() {
        let checkpoint = Checkpoint::open(Source::Embedded(demo::FILES)).unwrap();
        let decided = |text: &str| {
            let settings: Settings = text.parse().unwrap();
            resolved(settings, checkpoint.architecture()).unwrap().evaluation.track_errors
        };
        assert_eq!(decided("samples = 16"), Tracking::On);
        assert_eq!(decided("samples = 16\ntrack_errors = false"), Tracking::Off);
        assert_eq!(
            decided("samples = 1000000"),
            Tracking::Off,
            "it would add more than a quarter of the time"
        );
        assert_eq!(decided("samples = 1000000\ntrack_errors = true"), Tracking::On);
        assert_eq!(
            decided("samples = 64\nmemory_budget = \"1MiB\""),
            Tracking::Off,
            "two streams do not fit"
        );
    }
}
