//! `slimgpt generate`: text from a prompt.

use std::{ops::ControlFlow, time::Instant};

use crate::{
    config::Machine,
    eval::{Draw, Generation, Written},
};

use super::{Control, Error, ModelChoice, machine::forward_on};

pub struct Generate {
    pub model: ModelChoice,
    pub prompt: String,
    pub bos: bool,
    pub max_tokens: usize,
    pub draw: Draw,
    pub machine: Machine,
}

pub struct Generated {
    pub tokens: usize,
    pub seconds: f64,
}

/// `piece` hears the text as it is made.
pub fn generate(
    job: &Generate,
    control: &mut Control,
    piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Generated, Error> {
    job.draw.check()?;
    let (device, dtype) = forward_on(&job.machine)?;
    let checkpoint = job.model.open(control)?;
    let forward = (&device, dtype);
    let generation =
        Generation::load(&checkpoint, checkpoint.tokenizer()?, forward, &mut |_, _| control.checkpoint())?;
    let began = Instant::now();
    let mut writing = generation.begin(&job.prompt, job.bos, job.max_tokens, &job.draw)?;
    while let Written::Piece(text) = writing.step()? {
        if control.checkpoint().is_break() {
            return Err(Error::Cancelled);
        }
        if !text.is_empty() && piece(&text).is_break() {
            break;
        }
    }
    Ok(Generated { tokens: writing.tokens(), seconds: began.elapsed().as_secs_f64() })
}
