//! Tensors that have their places in a file before they come.

use std::collections::HashMap;

use crate::model::{self, StoredTensor};

use super::Error;

/// What is still to come, each with its shape and its place.
#[derive(Debug)]
pub struct Awaited<P> {
    /// How errors name the file.
    file: String,
    missing: HashMap<String, (Vec<usize>, P)>,
}

impl<P> Awaited<P> {
    pub fn new(file: String) -> Self {
        Self { file, missing: HashMap::new() }
    }

    pub fn announce(&mut self, name: String, shape: Vec<usize>, place: P) {
        self.missing.insert(name, (shape, place));
    }

    /// The place of a tensor that has come.
    ///
    /// # Errors
    /// One that was not announced, or in another shape.
    pub fn take(&mut self, tensor: &StoredTensor) -> Result<P, Error> {
        let StoredTensor { name, shape: found, .. } = tensor;
        let Some((expected, place)) = self.missing.remove(name) else {
            return Err(self.lacks(name));
        };
        if expected != *found {
            let (file, tensor, found) = (self.file.clone(), name.clone(), found.clone());
            return Err(model::Error::Shape { tensor, file, expected, found }.into());
        }
        Ok(place)
    }

    /// # Errors
    /// The first by name of those that never came.
    pub fn all_came(&self) -> Result<(), Error> {
        match self.missing.keys().min() {
            Some(tensor) => Err(self.lacks(tensor)),
            None => Ok(()),
        }
    }

    fn lacks(&self, tensor: &str) -> Error {
        model::Error::MissingTensor { place: self.file.clone(), tensor: tensor.to_owned() }.into()
    }
}
