//! Text of both models from one prompt, token by token in turn.

use std::{collections::VecDeque, time::Instant};

use crate::{
    config::Machine,
    eval::{Draw, Generation, Writing, Written},
    model::BlockByBlock,
    protocol::{Event, Prompt, Side, Stage},
};

use super::{Context, Error, Workspace};

/// Tokens that a repeat penalty would look back on; there is none.
const REPEAT_LAST: usize = 64;

/// Both models in memory, for as long as there is room and they are what they were.
#[derive(Default)]
pub struct Writers {
    dense: Option<(Machine, Generation)>,
    pruned: Option<(Machine, Vec<Option<usize>>, Generation)>,
}

/// One of the two texts.
struct Hand<'g> {
    side: Side,
    writing: Writing<'g>,
    seconds: f64,
}

impl Workspace<'_> {
    pub(super) fn write(&mut self, prompt: &Prompt, context: &mut Context) -> Result<Event, Error> {
        let draw = Draw {
            temperature: prompt.temperature,
            top_k: None,
            top_p: None,
            repeat_penalty: 1.0,
            repeat_last: REPEAT_LAST,
            seed: prompt.seed,
        };
        draw.check().map_err(Error::from)?;
        let written = self.load_writers(context).and_then(|()| {
            let dense = self.writers.dense.iter().map(|(_, dense)| (Side::Dense, dense));
            let pruned = self.writers.pruned.iter().map(|(_, _, pruned)| (Side::Pruned, pruned));
            write_in_turn(dense.chain(pruned), prompt, &draw, context)
        });
        self.make_room();
        written.map(|()| Event::JobDone)
    }

    /// Loads what is not there, or not what it was.
    fn load_writers(&mut self, context: &mut Context) -> Result<(), Error> {
        let machine = self.settings.machine;
        let (device, dtype) = self.forward(&machine)?;
        let forward = (&device, dtype);
        let layers = self.checkpoint.architecture().layers.len() as u64;
        self.writers.dense = self.writers.dense.take().filter(|(of, _)| *of == machine);
        let numbers = self.attempts.numbers().to_vec();
        let pruned = self.writers.pruned.take();
        self.writers.pruned = pruned.filter(|(of, by, _)| *of == machine && *by == numbers);
        let missing = u64::from(self.writers.dense.is_none()) + u64::from(self.writers.pruned.is_none());
        let mut loaded = 0;
        let mut load = |model: &dyn BlockByBlock| -> Result<Generation, Error> {
            let before = loaded;
            loaded += layers;
            let mut progress = |done, _| context.progress(Stage::LoadModel, before + done, missing * layers);
            Ok(Generation::load(model, self.checkpoint.tokenizer()?, forward, &mut progress)?)
        };
        if self.writers.dense.is_none() {
            self.writers.dense = Some((machine, load(self.checkpoint)?));
        }
        if self.writers.pruned.is_none() {
            self.writers.pruned = Some((machine, numbers, load(&self.cut_model(&self.active()))?));
        }
        Ok(())
    }

    /// Drops what the memory budget has no room for.
    fn make_room(&mut self) {
        let budget = self.settings.machine.memory_budget.0;
        let dense = self.writers.dense.as_ref().map_or(0, |(_, dense)| dense.bytes());
        let pruned = self.writers.pruned.as_ref().map_or(0, |(_, _, pruned)| pruned.bytes());
        if dense + pruned > budget {
            self.writers.pruned = None;
        }
        if dense > budget {
            self.writers.dense = None;
        }
    }
}

fn write_in_turn<'g>(
    models: impl Iterator<Item = (Side, &'g Generation)>,
    prompt: &Prompt,
    draw: &Draw,
    context: &mut Context,
) -> Result<(), Error> {
    let begin = |(side, model): (Side, &'g Generation)| {
        let began = Instant::now();
        let writing = model.begin(&prompt.text, true, prompt.max_tokens, draw)?;
        Ok(Hand { side, writing, seconds: began.elapsed().as_secs_f64() })
    };
    let mut hands = models.map(begin).collect::<Result<VecDeque<_>, Error>>()?;
    while let Some(mut hand) = hands.pop_front() {
        if context.checkpoint().is_break() {
            return Err(Error::Cancelled);
        }
        let (side, began) = (hand.side, Instant::now());
        let written = hand.writing.step()?;
        hand.seconds += began.elapsed().as_secs_f64();
        match written {
            Written::Piece(text) => {
                if !text.is_empty() {
                    context.emit(Event::GeneratedText { side, text });
                }
                hands.push_back(hand);
            }
            Written::End => {
                context.emit(Event::GenerationFinished {
                    side,
                    tokens: hand.writing.tokens(),
                    seconds: hand.seconds,
                });
            }
        }
    }
    Ok(())
}
