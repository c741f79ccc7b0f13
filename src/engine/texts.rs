//! Texts by name: files and the built-in ones, read and tokenised.

use tokenizers::Tokenizer;

use crate::{
    calibration::{self, Text},
    config::TextSource,
    demo,
    protocol::Stage,
};

use super::{Control, Error};

pub fn read(source: &TextSource) -> Result<Text, Error> {
    Ok(match source {
        TextSource::DemoStories => Text::inline(source.to_string(), demo::calibration_text()),
        TextSource::DemoHeldOut => Text::inline(source.to_string(), demo::HELD_OUT),
        TextSource::File(path) => calibration::read(path)?,
    })
}

/// Tokens of all texts in a row, without special tokens.
pub fn tokens(texts: &[Text], tokenizer: &Tokenizer, control: &mut Control) -> Result<Vec<u32>, Error> {
    let mut progress = |done, total| control.progress(Stage::Tokenise, done, total);
    Ok(calibration::encode(tokenizer, texts, &mut progress)?)
}
