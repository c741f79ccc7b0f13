//! Calibration windows that the dense model writes itself.

use std::ops::ControlFlow;

use candle_core::DType;
use sha2::{Digest, Sha256};

use crate::{
    calibration::{TextSource, Windows},
    config::{Machine, Settings},
    eval::{Generation, WrittenWindows},
    model::{Architecture, Checkpoint},
    protocol::{Stage, WrittenText},
};

use super::{Context, Error, describe::hexadecimal, machine::forward_on};

/// The numbers of windows from given texts and from the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    pub given: usize,
    pub written: usize,
}

impl Shares {
    /// # Errors
    /// If more windows are to be written than there are, or if no text is given for the others.
    pub fn of(settings: &Settings) -> Result<Self, Error> {
        let (samples, texts) = (settings.calibration.samples, &settings.calibration.texts);
        let written = texts.iter().map(|text| match text {
            TextSource::Written(windows) => windows.get(),
            TextSource::DemoStories | TextSource::DemoHeldOut | TextSource::File(_) => 0,
        });
        let written = written.fold(0, usize::saturating_add);
        let is_given = |text: &TextSource| !matches!(text, TextSource::Written(_));
        let enough = match texts.iter().any(is_given) {
            true => written < samples,
            false => written == samples,
        };
        match enough {
            true => Ok(Self { given: samples - written, written }),
            false => Err(Error::WrittenWindows { written, samples }),
        }
    }
}

/// Bytes of the model and its caches while it writes; 0 if it writes nothing.
pub fn bytes(settings: &Settings, architecture: &Architecture, seq_len: usize, dtype: DType) -> u64 {
    let Ok(Shares { written: written @ 1.., .. }) = Shares::of(settings) else { return 0 };
    let size = dtype.size_in_bytes();
    let kept = architecture.layers.iter().map(|layer| 2 * layer.kv_heads * architecture.head_dim);
    let of_window = kept.sum::<usize>() * seq_len * size;
    let caches = of_window * WrittenWindows::at_once(of_window).min(written);
    architecture.parameters() * size as u64 + caches as u64
}

/// Windows of `seq_len` tokens that the dense model writes after a BOS, or from a random token if it has none.
pub fn write(
    (windows, seq_len): (usize, usize),
    settings: &Settings,
    checkpoint: &Checkpoint,
    context: &mut Context,
) -> Result<(Windows, WrittenText), Error> {
    let Machine { dtype, .. } = settings.machine;
    let (device, number_type) = forward_on(&settings.machine)?;
    let tokenizer = checkpoint.tokenizer()?;
    let bos = checkpoint.bos(&tokenizer)?.filter(|&bos| (bos as usize) < checkpoint.architecture().vocab);
    let mut progress = |done, total| context.progress(Stage::LoadModel, done, total);
    let generation =
        Generation::load(checkpoint, tokenizer, Vec::new(), (&device, number_type), &mut progress)?;
    let seed = settings.calibration.seed;
    let mut progress = |done, total| -> ControlFlow<()> { context.progress(Stage::WriteText, done, total) };
    let tokens = WrittenWindows { windows, seq_len, bos, seed }.write(&generation, &mut progress)?;
    let mut hash = Sha256::new();
    tokens.iter().for_each(|token| hash.update(token.to_le_bytes()));
    let record = WrittenText { windows, first: bos, dtype, tokens_sha256: hexadecimal(&hash.finalize()) };
    Ok((Windows::new(tokens, windows, seq_len)?, record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_shared_between_given_texts_and_the_model() {
        let shares = |text: &str| Shares::of(&text.parse().unwrap()).ok();
        let calibration =
            |sources: &str, samples| shares(&format!("calibration = [{sources}]\nsamples = {samples}"));
        assert_eq!(calibration("'c4.jsonl'", 8), Some(Shares { given: 8, written: 0 }));
        assert_eq!(calibration("'c4.jsonl', 'self:3'", 8), Some(Shares { given: 5, written: 3 }));
        assert_eq!(calibration("'self:8'", 8), Some(Shares { given: 0, written: 8 }));
        assert_eq!(calibration("'self:4', 'self:4'", 8), Some(Shares { given: 0, written: 8 }));
        assert_eq!(calibration("'self:4'", 8), None, "no text for the other four");
        assert_eq!(calibration("'c4.jsonl', 'self:8'", 8), None, "no window is left for the text");
    }
}
