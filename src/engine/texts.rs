//! Reads and tokenises texts: files and built-in ones.

use std::path::Path;

use tokenizers::Tokenizer;

use crate::{
    calibration::{self, Drawn, Sampling, Text, TextSource},
    demo,
    model::{self, ChatTemplate, Checkpoint, Today},
    protocol::{Event, Stage},
};

use super::{Context, Error};

/// Reads a text, and writes its chats with the template of the model. A relative path is relative to `base`, or to the current
/// directory.
pub fn read(
    source: &TextSource,
    base: Option<&Path>,
    checkpoint: &Checkpoint,
    context: &mut Context,
) -> Result<Text, Error> {
    read_with((source, base), checkpoint, context, |path, chat, _| calibration::read(path, chat))
}

/// As [`read`], but draws documents from a large text.
pub fn read_sampled(
    source: &TextSource,
    base: Option<&Path>,
    checkpoint: &Checkpoint,
    sampling: Sampling,
    context: &mut Context,
) -> Result<Text, Error> {
    read_with((source, base), checkpoint, context, |path, chat, context| {
        let mut progress = |done, total| context.progress(Stage::ReadText, done, total);
        calibration::read_sampled(path, chat, sampling, &mut progress)
    })
}

fn read_with(
    (source, base): (&TextSource, Option<&Path>),
    checkpoint: &Checkpoint,
    context: &mut Context,
    file: impl Fn(&Path, Option<&ChatTemplate>, &mut Context) -> calibration::Result<Text>,
) -> Result<Text, Error> {
    let chat = checkpoint.chat_template(Today::Fixed)?;
    let text = match (source, base) {
        (TextSource::DemoStories, _) => Text::inline(source.to_string(), demo::calibration_text()),
        (TextSource::DemoHeldOut, _) => Text::inline(source.to_string(), demo::HELD_OUT),
        (TextSource::Written(_), _) => return Err(Error::WrittenOnly(source.to_string())),
        (TextSource::File(path), None) => file(path, chat.as_ref(), context)?,
        (TextSource::File(path), Some(base)) => {
            let text = file(&base.join(path), chat.as_ref(), context)?;
            Text { name: source.to_string(), ..text }
        }
    };
    for message in &text.notices {
        context.emit(Event::Warning { message: message.clone() });
    }
    Ok(text)
}

/// Tokens of all texts, concatenated, without special tokens. All of them have a row in the embedding of the checkpoint.
pub fn tokens(
    texts: &[Text],
    tokenizer: &Tokenizer,
    checkpoint: &Checkpoint,
    context: &mut Context,
) -> Result<Vec<u32>, Error> {
    let mut progress = |done, total| context.progress(Stage::Tokenise, done, total);
    let tokens = calibration::encode(tokenizer, texts, &mut progress)?;
    check(&tokens, checkpoint)?;
    Ok(tokens)
}

/// Windows of the texts: `samples` of `seq_len` tokens. All tokens have a row in the embedding of the checkpoint.
pub fn draw(
    texts: &[Text],
    checkpoint: &Checkpoint,
    (samples, seq_len): (usize, usize),
    seed: u64,
    context: &mut Context,
) -> Result<Drawn, Error> {
    let mut progress = |done, total| context.progress(Stage::Tokenise, done, total);
    let tokenizer = checkpoint.tokenizer()?;
    let drawn = calibration::draw(&tokenizer, texts, (samples, seq_len), seed, &mut progress)?;
    check(drawn.windows.tokens(), checkpoint)?;
    Ok(drawn)
}

/// The BOS token of the model, for the setting `key`. It has a row in the embedding of the checkpoint.
pub fn bos(key: &'static str, checkpoint: &Checkpoint) -> Result<u32, Error> {
    let found = checkpoint.bos(&checkpoint.tokenizer()?)?;
    let bos = found.ok_or_else(|| Error::NoBos { key, model: checkpoint.name().into() })?;
    check(&[bos], checkpoint)?;
    Ok(bos)
}

fn check(tokens: &[u32], checkpoint: &Checkpoint) -> Result<(), Error> {
    let vocab = checkpoint.architecture().vocab;
    match tokens.iter().copied().max() {
        Some(token) if token as usize >= vocab => Err(model::Error::Token { token, vocab }.into()),
        Some(_) | None => Ok(()),
    }
}
