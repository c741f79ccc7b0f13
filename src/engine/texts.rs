//! Reads and tokenises texts: files and built-in ones.

use std::path::Path;

use tokenizers::Tokenizer;

use crate::{
    calibration::{self, Text, TextSource},
    demo,
    protocol::Stage,
};

use super::{Context, Error};

/// Reads a text. A relative path is resolved against `base`, or against the current directory.
pub fn read(source: &TextSource, base: Option<&Path>) -> Result<Text, Error> {
    Ok(match (source, base) {
        (TextSource::DemoStories, _) => Text::inline(source.to_string(), demo::calibration_text()),
        (TextSource::DemoHeldOut, _) => Text::inline(source.to_string(), demo::HELD_OUT),
        (TextSource::File(path), None) => calibration::read(path)?,
        (TextSource::File(path), Some(base)) => {
            let text = calibration::read(&base.join(path))?;
            Text { name: source.to_string(), ..text }
        }
    })
}

/// Tokens of all texts, concatenated, without special tokens.
pub fn tokens(texts: &[Text], tokenizer: &Tokenizer, context: &mut Context) -> Result<Vec<u32>, Error> {
    let mut progress = |done, total| context.progress(Stage::Tokenise, done, total);
    Ok(calibration::encode(tokenizer, texts, &mut progress)?)
}
