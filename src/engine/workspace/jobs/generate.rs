//! Generates text with both models from one prompt, alternating by token.

use std::{collections::VecDeque, time::Instant};

use crate::{
    config::Machine,
    eval::{Draw, Generation, Prediction, Writing, Written},
    model::BlockByBlock,
    protocol::{Event, MeasuredToken, Prompt, Side, Stage, TokenPrediction, job},
};

use super::{Context, Error, Work, Workspace};

/// Number of recent tokens covered by the repeat penalty. The penalty is 1, so it has no effect.
const REPEAT_LAST: usize = 64;
/// Number of tokens that are named in each prediction.
const LIKELIEST: usize = 5;

/// The loaded models, with the settings and attempts used to load them. They stay in memory while the memory
/// budget has room.
#[derive(Default)]
pub struct Generators {
    dense: Option<(Machine, Generation)>,
    pruned: Option<(Machine, Vec<Option<usize>>, Generation)>,
}

/// One of the two texts while it is generated.
struct Text<'g> {
    side: Side,
    writing: Writing<'g>,
    seconds: f64,
}

impl Work for job::Generate {
    fn work(self, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error> {
        let Self { prompt } = self;
        let draw = Draw {
            temperature: prompt.temperature,
            top_k: None,
            top_p: None,
            repeat_penalty: 1.0,
            repeat_last: REPEAT_LAST,
            seed: prompt.seed,
        };
        draw.check().map_err(Error::from)?;
        let generated = workspace.load_generators(context).and_then(|()| {
            let dense = workspace.generators.dense.iter().map(|(_, dense)| (Side::Dense, dense));
            let pruned = workspace.generators.pruned.iter().map(|(_, _, pruned)| (Side::Pruned, pruned));
            let models: Vec<_> = dense.chain(pruned).collect();
            let texts = generate_in_turn(models.iter().copied(), &prompt, &draw, context)?;
            measure_tokens(&models, &texts, context)
        });
        workspace.generators.make_room(workspace.settings.machine.memory_budget.0);
        generated.map(|()| Event::JobDone)
    }
}

impl Workspace<'_> {
    /// Loads each model unless it is loaded with the current attempts and settings.
    fn load_generators(&mut self, context: &mut Context) -> Result<(), Error> {
        let machine = self.settings.machine;
        let (device, dtype) = self.forward(&machine)?;
        let forward = (&device, dtype);
        let layers = self.checkpoint.architecture().layers.len() as u64;
        self.generators.dense = self.generators.dense.take().filter(|(of, _)| *of == machine);
        let numbers = self.attempts.numbers().to_vec();
        let pruned = self.generators.pruned.take();
        self.generators.pruned = pruned.filter(|(of, by, _)| *of == machine && *by == numbers);
        let missing =
            u64::from(self.generators.dense.is_none()) + u64::from(self.generators.pruned.is_none());
        let mut loaded = 0;
        let mut load = |model: &dyn BlockByBlock| -> Result<Generation, Error> {
            let before = loaded;
            loaded += layers;
            let mut progress = |done, _| context.progress(Stage::LoadModel, before + done, missing * layers);
            let (tokenizer, stops) = (self.checkpoint.tokenizer()?, self.checkpoint.stops()?);
            Ok(Generation::load(model, tokenizer, stops, forward, &mut progress)?)
        };
        if self.generators.dense.is_none() {
            self.generators.dense = Some((machine, load(self.checkpoint)?));
        }
        if self.generators.pruned.is_none() {
            self.generators.pruned = Some((machine, numbers, load(&self.cut_model(&self.active()))?));
        }
        Ok(())
    }
}

impl Generators {
    /// Unloads models until the rest fit into `budget` bytes.
    fn make_room(&mut self, budget: u64) {
        let dense = self.dense.as_ref().map_or(0, |(_, dense)| dense.bytes());
        let pruned = self.pruned.as_ref().map_or(0, |(_, _, pruned)| pruned.bytes());
        if dense + pruned > budget {
            self.pruned = None;
        }
        if dense > budget {
            self.dense = None;
        }
    }
}

fn generate_in_turn<'g>(
    models: impl Iterator<Item = (Side, &'g Generation)>,
    prompt: &Prompt,
    draw: &Draw,
    context: &mut Context,
) -> Result<Vec<Text<'g>>, Error> {
    let begin = |(side, model): (Side, &'g Generation)| {
        let began = Instant::now();
        let writing = model.begin(&prompt.text, true, prompt.max_tokens, draw)?;
        Ok(Text { side, writing, seconds: began.elapsed().as_secs_f64() })
    };
    let mut ended = Vec::new();
    let mut texts = models.map(begin).collect::<Result<VecDeque<_>, Error>>()?;
    while let Some(mut text) = texts.pop_front() {
        if context.checkpoint().is_break() {
            return Err(Error::Cancelled);
        }
        let (side, began) = (text.side, Instant::now());
        let written = text.writing.step()?;
        text.seconds += began.elapsed().as_secs_f64();
        match written {
            Written::Token(new) => {
                if !new.is_empty() {
                    context.emit(Event::GeneratedText { side, text: new });
                }
                texts.push_back(text);
            }
            Written::End => {
                context.emit(Event::GenerationFinished {
                    side,
                    tokens: text.writing.tokens(),
                    seconds: text.seconds,
                });
                ended.push(text);
            }
        }
    }
    Ok(ended)
}

/// Both models predict every token of both texts.
fn measure_tokens(
    models: &[(Side, &Generation)],
    texts: &[Text<'_>],
    context: &mut Context,
) -> Result<(), Error> {
    for text in texts {
        let (ids, from) = (text.writing.ids(), text.writing.prompt().len());
        let mut predicted = Vec::new();
        for (_, model) in models {
            if context.checkpoint().is_break() {
                return Err(Error::Cancelled);
            }
            let of_model = model.predictions(ids, from, LIKELIEST)?;
            let named = |(at, prediction): (usize, Prediction)| {
                let before = ids[from + at - 1];
                let likeliest = prediction.likeliest.into_iter();
                let likeliest =
                    likeliest.map(|(id, probability)| Ok((model.text_after(before, id)?, probability)));
                Ok(TokenPrediction {
                    loss: prediction.loss,
                    likeliest: likeliest.collect::<Result<_, Error>>()?,
                })
            };
            predicted.push(of_model.into_iter().enumerate().map(named).collect::<Result<Vec<_>, Error>>()?);
        }
        let [dense, pruned] = predicted.try_into().expect("there are two models");
        let pairs = dense.into_iter().zip(pruned).zip(text.writing.pieces());
        let tokens = pairs.map(|((dense, pruned), text)| MeasuredToken { text: text.clone(), dense, pruned });
        context.emit(Event::TokensMeasured { side: text.side, tokens: tokens.collect() });
    }
    Ok(())
}
