//! Every solve of every layer, and which of them are in force.

use crate::{
    config::Settings,
    model::{self, Architecture},
    pipeline::{BlockCut, untouched},
    prune::LayerRecord,
};

use super::Error;

/// What one solve of a layer says and what it cuts.
pub struct Solved {
    pub record: LayerRecord,
    pub cut: BlockCut,
}

/// The attempts of all layers, by their numbers.
pub struct Attempts {
    layers: Vec<Vec<Solved>>,
    in_force: Vec<Option<usize>>,
}

impl Attempts {
    pub fn new(layers: usize) -> Self {
        Self { layers: (0..layers).map(|_| Vec::new()).collect(), in_force: vec![None; layers] }
    }

    /// Refuses a layer that the model does not have.
    pub fn check_layer(&self, layer: usize) -> Result<(), Error> {
        let last = self.layers.len() - 1;
        if layer > last { Err(model::Error::NoSuchLayer { layer, last }.into()) } else { Ok(()) }
    }

    pub fn next_number(&self, layer: usize) -> usize {
        self.layers[layer].len()
    }

    /// Lays an attempt beside the earlier ones.
    pub fn add(&mut self, solved: Solved) {
        self.layers[solved.record.index].push(solved);
    }

    /// Puts an attempt in force, or none.
    pub fn choose(&mut self, layer: usize, attempt: Option<usize>) -> Result<(), Error> {
        self.check_layer(layer)?;
        let count = self.next_number(layer);
        if let Some(attempt) = attempt.filter(|&attempt| attempt >= count) {
            return Err(Error::NoSuchAttempt { layer, attempt, count });
        }
        self.in_force[layer] = attempt;
        Ok(())
    }

    pub fn in_force(&self, layer: usize) -> Option<&Solved> {
        self.in_force[layer].map(|number| &self.layers[layer][number])
    }

    /// The number in force of each layer.
    pub fn numbers(&self) -> &[Option<usize>] {
        &self.in_force
    }

    /// The numbers in force of all layers above; fails where one has none.
    pub fn above(&self, layer: usize) -> Result<Vec<usize>, Error> {
        self.check_layer(layer)?;
        let number = |above: usize| self.in_force[above].ok_or(Error::MissingAttempt { layer, above });
        (0..layer).map(number).collect()
    }

    /// The cut in force of each layer.
    pub fn cuts(&self) -> Vec<Option<&BlockCut>> {
        (0..self.layers.len()).map(|layer| self.in_force(layer).map(|solved| &solved.cut)).collect()
    }

    /// The record in force of each layer; of one without an attempt, that it is untouched.
    pub fn records(&self, architecture: &Architecture, settings: &Settings) -> Vec<LayerRecord> {
        let record = |layer| match self.in_force(layer) {
            Some(solved) => solved.record.clone(),
            None => untouched(layer, architecture, settings),
        };
        (0..self.layers.len()).map(record).collect()
    }
}
