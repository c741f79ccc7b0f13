//! Caches of the calibration windows and of the device. Each is created once and reused until its settings change.

use std::rc::Rc;

use candle_core::{DType, Device};
use serde::{Deserialize, Serialize};

use crate::{
    calibration::TextSource,
    config::{self, Machine, Settings},
    engine::{calibrate::Calibration, machine::forward_on},
    model::Precision,
    prune::TokenWeighting,
};

use super::{Context, Error, Workspace};

/// The settings that calibration windows depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowSource {
    calibration: Vec<TextSource>,
    samples: usize,
    seq_len: Option<usize>,
    seed: u64,
    #[serde(default)]
    bos: bool,
    #[serde(default)]
    weights: TokenWeighting,
    /// The number type of the forward passes, if the model made the windows or the weights.
    #[serde(default)]
    made_in: Option<Precision>,
}

/// The time at which the event of the calibration windows is emitted.
pub enum Announce {
    Always,
    WhenDrawn,
}

impl WindowSource {
    pub fn by(settings: &Settings) -> Self {
        let config::Calibration { texts, samples, seq_len, seed, bos, weights } = &settings.calibration;
        let is_made = |text: &TextSource| matches!(text, TextSource::Written(_));
        let made = *weights != TokenWeighting::None || texts.iter().any(is_made);
        Self {
            calibration: texts.clone(),
            samples: *samples,
            seq_len: *seq_len,
            seed: *seed,
            bos: *bos,
            weights: *weights,
            made_in: made.then_some(settings.machine.dtype),
        }
    }
}

/// The last calibration windows.
#[derive(Default)]
pub struct CalibrationCache(Option<(WindowSource, Rc<Calibration>)>);

/// The last device and number type of forward passes, and the settings they were opened with.
#[derive(Default)]
pub struct ForwardCache(Option<(Machine, Device, DType)>);

impl Workspace<'_> {
    /// The calibration windows for these settings: cached, saved in the session, or newly drawn.
    pub fn calibration(
        &mut self,
        settings: &Settings,
        announce: Announce,
        context: &mut Context,
    ) -> Result<Rc<Calibration>, Error> {
        let source = WindowSource::by(settings);
        if let Some((cached, calibration)) = &self.calibration.0
            && *cached == source
        {
            match announce {
                Announce::Always => context.emit(calibration.event()),
                Announce::WhenDrawn => {}
            }
            return Ok(calibration.clone());
        }
        let calibration = match self.saved_calibration(settings, context)? {
            Some(saved) => saved,
            None => {
                let base = self.base.as_deref();
                Rc::new(Calibration::draw(settings, self.checkpoint, base, context)?)
            }
        };
        context.emit(calibration.event());
        self.calibration.0 = Some((source, calibration.clone()));
        Ok(calibration)
    }

    /// Device and number type of forward passes.
    pub fn forward(&mut self, machine: &Machine) -> Result<(Device, DType), Error> {
        if let Some((of, device, dtype)) = &self.forward.0
            && (of.device, of.dtype) == (machine.device, machine.dtype)
        {
            return Ok((device.clone(), *dtype));
        }
        let (device, dtype) = forward_on(machine)?;
        self.forward.0 = Some((*machine, device.clone(), dtype));
        Ok((device, dtype))
    }
}
