//! The attempts of every layer, with the active ones.

use crate::{
    config::{LayerSettings, Settings},
    model::{self, Architecture, LayerSize},
    pipeline::{BlockCut, untouched},
    protocol::{Attempt, Counts, Method, PartOverride, TunedLayer},
    prune::{LayerRatio, LayerRecord, Part},
};

use super::{Error, stored_parts::PartFiles};

/// A solved attempt.
pub struct Solved {
    pub attempt: Attempt,
    pub record: LayerRecord,
    /// Size of the layer when pruned by this attempt.
    pub size: LayerSize,
    pub cut: Cut,
    pub files: PartFiles,
    /// The run's settings that affect a layer.
    pub made_with: LayerSettings,
    /// True if its method differs from that of the run.
    pub tuned: bool,
}

/// The location of the cut weights.
pub enum Cut {
    InMemory(BlockCut),
    /// In the session, in the files of the attempts that solved the parts.
    InSession,
}

/// The attempts of all layers.
pub struct Attempts {
    layers: Vec<Vec<Solved>>,
    active: Vec<Option<usize>>,
    /// Number of the next attempt, indexed by layer. Numbers of incomplete or damaged attempts are not
    /// reused.
    next: Vec<usize>,
}

impl Attempts {
    pub fn new(layers: usize) -> Self {
        Self {
            layers: (0..layers).map(|_| Vec::new()).collect(),
            active: vec![None; layers],
            next: vec![0; layers],
        }
    }

    /// Fails for a layer that the model does not have.
    pub fn check_layer(&self, layer: usize) -> Result<(), Error> {
        let last = self.layers.len() - 1;
        if layer > last { Err(model::Error::NoSuchLayer { layer, last }.into()) } else { Ok(()) }
    }

    pub fn next_number(&self, layer: usize) -> usize {
        self.next[layer]
    }

    /// Reserves an attempt number.
    pub fn reserve_number(&mut self, layer: usize, number: usize) {
        self.next[layer] = self.next[layer].max(number + 1);
    }

    /// Adds an attempt without activating it.
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

    /// Replaces the output error of an attempt.
    pub fn set_output_error(&mut self, layer: usize, number: usize, output_error: Option<f64>) {
        let attempt = self.layers[layer].iter_mut().find(|solved| solved.attempt.number == number);
        if let Some(solved) = attempt {
            solved.record.output_error = output_error;
        }
    }

    /// Fails if the layer does not have this attempt.
    pub fn check(&self, layer: usize, attempt: Option<usize>) -> Result<(), Error> {
        self.check_layer(layer)?;
        match attempt {
            Some(attempt) if self.get(layer, attempt).is_none() => {
                let known: Vec<String> =
                    self.layers[layer].iter().map(|solved| solved.attempt.number.to_string()).collect();
                let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                Err(Error::NoSuchAttempt { layer, attempt, known })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Activates an attempt, or none.
    pub fn choose(&mut self, layer: usize, attempt: Option<usize>) -> Result<(), Error> {
        self.check(layer, attempt)?;
        self.active[layer] = attempt;
        Ok(())
    }

    pub fn active(&self, layer: usize) -> Option<&Solved> {
        self.active[layer].and_then(|number| self.get(layer, number))
    }

    /// Numbers of the active attempts, indexed by layer.
    pub fn numbers(&self) -> &[Option<usize>] {
        &self.active
    }

    /// Numbers of the active attempts of all layers above; fails if one has none.
    pub fn above(&self, layer: usize) -> Result<Vec<usize>, Error> {
        self.check_layer(layer)?;
        let number = |above: usize| self.active[above].ok_or(Error::MissingAttempt { layer, above });
        (0..layer).map(number).collect()
    }

    /// The method for solving a layer again, if its active attempt has its own method; None otherwise. A
    /// changed planned ratio applies to both parts.
    pub fn tuned(&self, layer: usize, planned: LayerRatio) -> Option<Method> {
        let solved = self.active(layer).filter(|solved| solved.tuned)?;
        let as_it_was = planned.is_near(solved.attempt.method.ratio);
        let own = solved.attempt.method.clone();
        let mut method = Method { ratio: planned, parts: Vec::new(), overrides: Vec::new(), ..own };
        let made: Vec<PartOverride> = [Part::Attention, Part::Mlp]
            .into_iter()
            .filter_map(|part| {
                let maker = self.get(layer, solved.files.of(part)).unwrap_or(solved);
                let made = maker.attempt.method.of_part(part)?;
                let (ratio, unit) = match as_it_was {
                    true => (made.ratio, made.unit),
                    false => (planned.of(part), planned.unit_of(part)),
                };
                Some(PartOverride { ratio, unit, ..made })
            })
            .collect();
        // Settings that affect a single part come from the method of that part.
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

    /// An attempt of a layer with this method, these settings, and the currently active attempts above it.
    pub fn same_as(&self, layer: usize, method: &Method, made_with: &LayerSettings) -> Option<usize> {
        let above = self.above(layer).ok()?;
        let same = |solved: &&Solved| {
            (&solved.attempt.method, &solved.attempt.above, &solved.made_with) == (method, &above, made_with)
        };
        self.layers[layer].iter().rev().find(same).map(|solved| solved.attempt.number)
    }

    /// The active methods that differ from the method of the run.
    pub fn tuned_layers(&self) -> Vec<TunedLayer> {
        let tuned = |layer| {
            let planned = self.active(layer)?.attempt.method.ratio;
            Some(TunedLayer { layer, method: self.tuned(layer, planned)? })
        };
        (0..self.layers.len()).filter_map(tuned).collect()
    }

    /// True if a run would solve the layer because it has no active attempt or a stale one. `counts` gives the units that a
    /// ratio removes from a layer.
    pub fn is_stale(
        &self,
        layer: usize,
        planned: Option<LayerRatio>,
        counts: impl Fn(usize, LayerRatio) -> Option<Counts>,
    ) -> bool {
        let counts = |ratio| counts(layer, ratio);
        let stale = |solved: &Solved| solved.attempt.is_stale(self.active.iter().copied(), planned, counts);
        self.active(layer).is_none_or(stale)
    }

    /// True if the active attempts above differ from those the attempt was solved with.
    pub fn is_behind_others(&self, solved: &Solved) -> bool {
        solved.attempt.is_stale(self.active.iter().copied(), None, |_| None)
    }

    /// The first layer that a run with these ratios would solve.
    pub fn first_stale(
        &self,
        ratios: &[LayerRatio],
        counts: impl Fn(usize, LayerRatio) -> Option<Counts>,
    ) -> Option<usize> {
        (0..self.layers.len()).find(|&layer| self.is_stale(layer, ratios.get(layer).copied(), &counts))
    }

    /// Sizes of the layers with the active attempts.
    pub fn sizes(&self, architecture: &Architecture) -> Vec<LayerSize> {
        let size = |layer| self.active(layer).map_or(architecture.layers[layer], |solved| solved.size);
        (0..self.layers.len()).map(size).collect()
    }

    /// True if an active attempt adds a bias to the output of this part.
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

    /// Records of the active attempts, indexed by layer. A layer without one is recorded as untouched.
    pub fn records(&self, architecture: &Architecture, settings: &Settings) -> Vec<LayerRecord> {
        let record = |layer| match self.active(layer) {
            Some(solved) => solved.record.clone(),
            None => untouched(layer, architecture, settings),
        };
        (0..self.layers.len()).map(record).collect()
    }
}
