//! Every solve of every layer, and which of them are active.

use crate::{
    config::{LayerSettings, Settings},
    model::{self, Architecture, LayerSize},
    pipeline::{BlockCut, Cuts, untouched},
    protocol::{Attempt, Method, PartOverride, TunedLayer},
    prune::{LayerRatio, LayerRecord, Part},
    session::Session,
};

use super::{Error, stored_parts};

/// What one solve of a layer says and what it cuts.
pub struct Solved {
    pub attempt: Attempt,
    pub record: LayerRecord,
    /// What it leaves of the layer.
    pub size: LayerSize,
    pub cut: Kept,
    pub made_by: MadeBy,
    /// The run's settings that decide how a layer is solved.
    pub made_with: LayerSettings,
    /// Its method is another than that of the run's settings.
    pub tuned: bool,
}

/// Where a cut is kept.
pub enum Kept {
    Held(BlockCut),
    /// In the session, in the files of the attempts that made it.
    Filed,
}

/// The attempts that solved the parts: this one, or those that they were taken over from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeBy {
    pub attention: usize,
    pub mlp: usize,
}

impl MadeBy {
    pub fn of(self, part: Part) -> usize {
        match part {
            Part::Attention => self.attention,
            Part::Mlp => self.mlp,
        }
    }
}

/// The attempts of all layers, by their numbers.
pub struct Attempts {
    layers: Vec<Vec<Solved>>,
    active: Vec<Option<usize>>,
    /// Numbers that new attempts get: also those of attempts that came to no end, or are damaged, are taken.
    next: Vec<usize>,
}

/// The cuts active.
pub struct ActiveAttempts<'a> {
    pub attempts: &'a Attempts,
    pub session: Option<&'a Session>,
}

impl Attempts {
    pub fn new(layers: usize) -> Self {
        Self {
            layers: (0..layers).map(|_| Vec::new()).collect(),
            active: vec![None; layers],
            next: vec![0; layers],
        }
    }

    /// Refuses a layer that the model does not have.
    pub fn check_layer(&self, layer: usize) -> Result<(), Error> {
        let last = self.layers.len() - 1;
        if layer > last { Err(model::Error::NoSuchLayer { layer, last }.into()) } else { Ok(()) }
    }

    pub fn next_number(&self, layer: usize) -> usize {
        self.next[layer]
    }

    /// Marks a number as taken.
    pub fn reserve_number(&mut self, layer: usize, number: usize) {
        self.next[layer] = self.next[layer].max(number + 1);
    }

    /// Lays an attempt beside the earlier ones.
    pub fn add(&mut self, solved: Solved) {
        let layer = solved.record.index;
        self.reserve_number(layer, solved.attempt.number);
        self.layers[layer].push(solved);
    }

    pub fn of_layer(&self, layer: usize) -> &[Solved] {
        &self.layers[layer]
    }

    pub fn get(&self, layer: usize, number: usize) -> Option<&Solved> {
        self.layers.get(layer)?.iter().find(|solved| solved.attempt.number == number)
    }

    /// Refuses an attempt that the layer does not have.
    pub fn check(&self, layer: usize, attempt: Option<usize>) -> Result<(), Error> {
        self.check_layer(layer)?;
        match attempt {
            Some(attempt) if self.get(layer, attempt).is_none() => {
                let known: Vec<String> =
                    self.layers[layer].iter().map(|solved| solved.attempt.number.to_string()).collect();
                let known = if known.is_empty() { "it has none".into() } else { known.join(", ") };
                Err(Error::NoSuchAttempt { layer, attempt, known })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Puts an attempt active, or none.
    pub fn choose(&mut self, layer: usize, attempt: Option<usize>) -> Result<(), Error> {
        self.check(layer, attempt)?;
        self.active[layer] = attempt;
        Ok(())
    }

    pub fn active(&self, layer: usize) -> Option<&Solved> {
        self.active[layer].and_then(|number| self.get(layer, number))
    }

    /// The number active of each layer.
    pub fn numbers(&self) -> &[Option<usize>] {
        &self.active
    }

    /// The numbers active of all layers above; fails where one has none.
    pub fn above(&self, layer: usize) -> Result<Vec<usize>, Error> {
        self.check_layer(layer)?;
        let number = |above: usize| self.active[above].ok_or(Error::MissingAttempt { layer, above });
        (0..layer).map(number).collect()
    }

    /// How a layer is solved again whose attempt active was made by a method of its own; None where it was not. Another
    /// ratio that is planned for it holds for both parts.
    pub fn tuned(&self, layer: usize, planned: LayerRatio) -> Option<Method> {
        let solved = self.active(layer).filter(|solved| solved.tuned)?;
        let as_it_was = planned.is_near(solved.attempt.method.ratio);
        let own = solved.attempt.method.clone();
        let mut method = Method { ratio: planned, parts: Vec::new(), overrides: Vec::new(), ..own };
        let made: Vec<PartOverride> = [Part::Attention, Part::Mlp]
            .into_iter()
            .filter_map(|part| {
                let maker = self.get(layer, solved.made_by.of(part)).unwrap_or(solved);
                let made = maker.attempt.method.of_part(part)?;
                Some(PartOverride { ratio: if as_it_was { made.ratio } else { planned.of(part) }, ..made })
            })
            .collect();
        // Each part decides what concerns it alone.
        for made in &made {
            match made.part {
                Part::Attention => method.solver.head_score = made.solver.head_score,
                Part::Mlp => method.solver.group_size = made.solver.group_size,
            }
        }
        for mut made in made {
            method.parts.push(made.part);
            match made.part {
                Part::Attention => made.solver.group_size = method.solver.group_size,
                Part::Mlp => made.solver.head_score = method.solver.head_score,
            }
            if Some(made) != method.of_part(made.part) {
                method.overrides.push(made);
            }
        }
        Some(method)
    }

    /// An attempt of a layer that was made just so, behind the attempts that are active above it now.
    pub fn made_so(&self, layer: usize, method: &Method, made_with: &LayerSettings) -> Option<usize> {
        let above = self.above(layer).ok()?;
        let same = |solved: &&Solved| {
            (&solved.attempt.method, &solved.attempt.above, &solved.made_with) == (method, &above, made_with)
        };
        self.layers[layer].iter().rev().find(same).map(|solved| solved.attempt.number)
    }

    /// The methods active that are others than the run's.
    pub fn tuned_layers(&self) -> Vec<TunedLayer> {
        let tuned = |layer| {
            let planned = self.active(layer)?.attempt.method.ratio;
            Some(TunedLayer { layer, method: self.tuned(layer, planned)? })
        };
        (0..self.layers.len()).filter_map(tuned).collect()
    }

    /// True if a run would solve the layer: its active attempt is stale, or it has none.
    pub fn is_stale(&self, layer: usize, planned: Option<LayerRatio>) -> bool {
        self.active(layer).is_none_or(|solved| solved.attempt.is_stale(self.active.iter().copied(), planned))
    }

    /// True if other attempts are active in the layers above than when this one was solved.
    pub fn is_behind_others(&self, solved: &Solved) -> bool {
        solved.attempt.is_stale(self.active.iter().copied(), None)
    }

    /// The first layer that a run with these ratios would have to begin with.
    pub fn first_stale(&self, ratios: &[LayerRatio]) -> Option<usize> {
        (0..self.layers.len()).find(|&layer| self.is_stale(layer, ratios.get(layer).copied()))
    }

    /// The sizes that the attempts active leave.
    pub fn sizes(&self, architecture: &Architecture) -> Vec<LayerSize> {
        let size = |layer| self.active(layer).map_or(architecture.layers[layer], |solved| solved.size);
        (0..self.layers.len()).map(size).collect()
    }

    /// True where an attempt active gives the outputs of this part a bias.
    pub fn add_bias(&self, part: Part) -> bool {
        let biased = |layer| {
            self.active(layer).is_some_and(|solved| {
                let record = match part {
                    Part::Attention => &solved.record.attention,
                    Part::Mlp => &solved.record.mlp,
                };
                record.mean_error.is_some()
            })
        };
        (0..self.layers.len()).any(biased)
    }

    /// The record active of each layer; of one without an attempt, that it is untouched.
    pub fn records(&self, architecture: &Architecture, settings: &Settings) -> Vec<LayerRecord> {
        let record = |layer| match self.active(layer) {
            Some(solved) => solved.record.clone(),
            None => untouched(layer, architecture, settings),
        };
        (0..self.layers.len()).map(record).collect()
    }
}

impl ActiveAttempts<'_> {
    /// The cut active of a layer.
    pub fn cut(&self, layer: usize) -> Result<Option<BlockCut>, Error> {
        self.attempts.active(layer).map(|solved| self.cut_of(solved)).transpose()
    }

    /// The cut of an attempt, read where it is stored_parts.
    pub fn cut_of(&self, solved: &Solved) -> Result<BlockCut, Error> {
        let layer = solved.record.index;
        match (&solved.cut, self.session) {
            (Kept::Held(cut), _) => Ok(cut.clone()),
            (Kept::Filed, Some(session)) => stored_parts::read_cut(session, layer, solved.made_by),
            (Kept::Filed, None) => {
                unreachable!("cuts are stored_parts where there is a session, which stays open")
            }
        }
    }
}

impl Cuts for ActiveAttempts<'_> {
    fn cut(&self, layer: usize) -> Result<Option<BlockCut>, Box<dyn std::error::Error + Send + Sync>> {
        ActiveAttempts::cut(self, layer).map_err(Into::into)
    }
}
