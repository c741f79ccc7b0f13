//! Buffers for intermediate results, used again by later tasks: fresh memory would be cleared by the operating system
//! page by page.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Numbers with arbitrary values. Their memory is kept for the next buffer.
pub struct Buffer {
    numbers: Vec<f32>,
    length: usize,
}

impl Buffer {
    /// A buffer for `length` numbers.
    pub fn of(length: usize) -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that is large enough, otherwise the largest.
        let fits = |numbers: &Vec<f32>| (numbers.len() < length, numbers.len().abs_diff(length));
        let best = (0..free.len()).min_by_key(|&at| fits(&free[at]));
        let mut numbers = best.map_or_else(Vec::new, |at| free.swap_remove(at));
        drop(free);
        if numbers.len() < length {
            // Nothing of the old numbers is needed.
            numbers = vec![0.0; length];
        }
        Self { numbers, length }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.numbers);
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(numbers);
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers[..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[..self.length]
    }
}
