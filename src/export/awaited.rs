//! The tensors that a file still lacks, each with its position in the file.

use std::collections::HashMap;

use crate::model::{self, StoredTensor};

use super::Error;

/// Announced tensors that were not written yet, with their shapes and positions.
#[derive(Debug)]
pub struct Awaited<P> {
    /// The file name, for errors.
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

    /// The position of a tensor, which then no longer counts as missing.
    ///
    /// # Errors
    /// If the tensor was not announced, was already written, or has another shape.
    pub fn take(&mut self, tensor: &StoredTensor) -> Result<P, Error> {
        let StoredTensor { name, shape: found, .. } = tensor;
        let Some((expected, place)) = self.missing.remove(name) else {
            return Err(self.missing_tensor(name));
        };
        if expected != *found {
            let (file, tensor, found) = (self.file.clone(), name.clone(), found.clone());
            return Err(model::Error::Shape { tensor, file, expected, found }.into());
        }
        Ok(place)
    }

    /// # Errors
    /// If a tensor is missing; the error names the first one by name.
    pub fn check_complete(&self) -> Result<(), Error> {
        match self.missing.keys().min() {
            Some(tensor) => Err(self.missing_tensor(tensor)),
            None => Ok(()),
        }
    }

    fn missing_tensor(&self, tensor: &str) -> Error {
        model::Error::MissingTensor { place: self.file.clone(), tensor: tensor.to_owned() }.into()
    }
}
