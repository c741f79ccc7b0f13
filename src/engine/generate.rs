//! `slimgpt generate`: text from a prompt.

use std::{ops::ControlFlow, time::Instant};

use crate::{
    config::Machine,
    eval::{Draw, Generation},
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
    let generation = Generation::new(&checkpoint, &device, dtype)?;
    let began = Instant::now();
    let mut cancelled = false;
    let tokens = generation.write(&job.prompt, job.bos, job.max_tokens, &job.draw, &mut |text| {
        cancelled = control.checkpoint().is_break();
        if cancelled { ControlFlow::Break(()) } else { piece(text) }
    })?;
    if cancelled {
        return Err(Error::Cancelled);
    }
    Ok(Generated { tokens, seconds: began.elapsed().as_secs_f64() })
}
