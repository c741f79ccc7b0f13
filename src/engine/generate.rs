//! `slimgpt generate`: generates text from a prompt.

use std::{ops::ControlFlow, time::Instant};

use serde::Serialize;

use crate::{
    config::Machine,
    eval::{Draw, Generation, Written},
    model::{Checkpoint, Today},
};

use super::{Context, Error, ModelChoice, machine::forward_on};

pub struct Generate {
    pub model: ModelChoice,
    pub prompt: String,
    /// Whether the tokenizer adds its special tokens to the prompt, such as a BOS.
    pub bos: bool,
    /// Whether the prompt is a user's message, written with the chat template.
    pub chat: bool,
    pub max_tokens: usize,
    pub draw: Draw,
    pub machine: Machine,
}

/// A generated text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Generated {
    /// Token IDs of the prompt, with the special tokens that the tokenizer adds.
    pub prompt_tokens: Vec<u32>,
    /// Token IDs of the generated text, without an end token.
    pub tokens: Vec<u32>,
    /// The generated text, without the prompt.
    pub text: String,
    #[serde(skip)]
    pub seconds: f64,
}

/// Generates text. `piece` receives the characters as they are generated.
pub fn generate(
    job: &Generate,
    context: &mut Context,
    piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Generated, Error> {
    job.draw.check()?;
    let (device, dtype) = forward_on(&job.machine)?;
    let checkpoint = job.model.open(context)?;
    let forward = (&device, dtype);
    let (tokenizer, stops) = (checkpoint.tokenizer()?, checkpoint.stops()?);
    let generation =
        Generation::load(&checkpoint, tokenizer, stops, forward, &mut |_, _| context.checkpoint())?;
    let began = Instant::now();
    let mut writing = match job.chat {
        // The template writes the special tokens.
        true => generation.begin(&chat(&job.prompt, &checkpoint)?, false, job.max_tokens, &job.draw)?,
        false => generation.begin(&job.prompt, job.bos, job.max_tokens, &job.draw)?,
    };
    let mut text = String::new();
    while let Written::Token(new) = writing.step()? {
        if context.checkpoint().is_break() {
            return Err(Error::Cancelled);
        }
        text += &new;
        if !new.is_empty() && piece(&new).is_break() {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(Generated {
        prompt_tokens: writing.prompt().into(),
        tokens: writing.generated().into(),
        text,
        seconds,
    })
}

/// A chat with one message of a user, up to the start of the answer.
fn chat(prompt: &str, checkpoint: &Checkpoint) -> Result<String, Error> {
    let name = || checkpoint.name().to_owned();
    let template = checkpoint.chat_template(Today::Now)?.ok_or_else(|| Error::NoChatTemplate(name()))?;
    template.ask(prompt).map_err(|cause| Error::ChatTemplate { model: name(), cause })
}
