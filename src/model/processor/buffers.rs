//! Buffers for intermediate results, used again by later tasks: fresh memory would be cleared by the operating system
//! page by page.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

/// Free memory by its length, a power of two: a short buffer never takes the memory of a long one. Pages that no buffer has
/// written occupy no memory.
static FREE: Mutex<BTreeMap<usize, Vec<Vec<f32>>>> = Mutex::new(BTreeMap::new());

/// Numbers with arbitrary values. Their memory is kept for the next buffer.
pub struct Buffer {
    numbers: Vec<f32>,
    length: usize,
}

impl Buffer {
    /// A buffer for `length` numbers.
    pub fn of(length: usize) -> Self {
        let whole = length.next_power_of_two();
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let found = free.get_mut(&whole).and_then(Vec::pop);
        drop(free);
        Self { numbers: found.unwrap_or_else(|| vec![0.0; whole]), length }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.numbers);
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.entry(numbers.len()).or_default().push(numbers);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_has_its_length_and_a_later_one_uses_its_memory() {
        // A length that no other test uses.
        let length = (1 << 22) + 12_345;
        let first = Buffer::of(length);
        assert_eq!(first.len(), length);
        let memory = first.as_ptr();
        drop(first);
        let mut second = Buffer::of(length - 1);
        assert_eq!((second.len(), second.as_ptr()), (length - 1, memory));
        second[length - 2] = 1.0;
        assert_ne!(Buffer::of(length).as_ptr(), memory);
    }
}
