//! Settings and calibration windows in the session.

use std::rc::Rc;

use crate::{
    calibration::{TokenWeights, Windows},
    config::Settings,
    engine::{calibrate::Calibration, place},
    protocol::Event,
    prune::TokenWeighting,
    session::{self, Setup},
};

use super::{Context, Error, Workspace};

impl Workspace<'_> {
    /// Saves settings and calibration windows. Returns the index of the setup.
    pub fn save_setup(
        &mut self,
        settings: &Settings,
        calibration: &Calibration,
        context: &mut Context,
    ) -> Result<usize, Error> {
        let Some(session) = self.session.get_mut() else { return Ok(0) };
        let sources = &settings.calibration.texts;
        let known = session
            .state()
            .calibrations
            .iter()
            .position(|known| known.sources == *sources && known.record == calibration.record);
        let calibration = match known {
            Some(number) => number,
            None => {
                let number = session.state().calibrations.len();
                let sha256 = session.write_windows(number, &calibration.to_safetensors())?;
                let base = session.state().base.clone();
                let entry = session::Calibration {
                    sources: sources.clone(),
                    record: calibration.record.clone(),
                    text_tokens: calibration.text_tokens,
                    texts: place::text_files(sources, &base, context)?,
                    sha256,
                };
                session.change(|state| state.calibrations.push(entry))?;
                number
            }
        };
        let setup = Setup { settings: settings.clone(), calibration };
        if let Some(number) = session.state().setups.iter().position(|known| *known == setup) {
            return Ok(number);
        }
        session.change(|state| state.setups.push(setup))?;
        Ok(session.state().setups.len() - 1)
    }

    /// The saved windows that were drawn with these settings; None if there are none. Damaged windows are
    /// drawn again from their texts, and must be identical.
    pub fn saved_calibration(
        &mut self,
        settings: &Settings,
        context: &mut Context,
    ) -> Result<Option<Rc<Calibration>>, Error> {
        let Some(session) = self.session.get() else { return Ok(None) };
        let drawn = |known: &session::Calibration| {
            let record = &known.record;
            known.sources == settings.calibration.texts
                && record.weights.as_ref().map_or(TokenWeighting::None, |of| of.by)
                    == settings.calibration.weights
                && record.weights.as_ref().is_none_or(|of| of.dtype == settings.machine.dtype)
                && record.written.as_ref().is_none_or(|written| written.dtype == settings.machine.dtype)
                && record.bos.is_some() == settings.calibration.bos
                && (record.samples, Some(record.seq_len), record.seed)
                    == (settings.calibration.samples, settings.calibration.seq_len, settings.calibration.seed)
        };
        let Some(number) = session.state().calibrations.iter().position(drawn) else { return Ok(None) };
        let known = session.state().calibrations[number].clone();
        let windows = match session.read_windows(number, &known.sha256) {
            Ok(bytes) => {
                let spread = known.record.weights.clone().map(|of| of.spread);
                let weights = spread.map(|spread| TokenWeights::from_safetensors(&bytes, spread));
                let whole = weights.as_ref().is_none_or(Option::is_some);
                Windows::from_safetensors(&bytes)
                    .ok()
                    .filter(|_| whole)
                    .map(|windows| (windows, weights.flatten()))
            }
            Err(cause) => {
                let message = format!("{cause}; the windows are drawn from the text again");
                context.emit(Event::Warning { message });
                None
            }
        };
        if let Some((windows, weights)) = windows {
            let (record, text_tokens) = (known.record, known.text_tokens);
            let calibration = Calibration { windows, weights, record, text_tokens };
            return Ok(Some(Rc::new(calibration)));
        }
        let calibration = Calibration::draw(settings, self.checkpoint, self.base.as_deref(), context)?;
        if session.write_windows(number, &calibration.to_safetensors())? != known.sha256 {
            let what =
                "its calibration windows are damaged, and its texts now yield different ones".to_string();
            return Err(Error::Changed { session: session.path().into(), what });
        }
        Ok(Some(Rc::new(calibration)))
    }
}
