//! Documents of a large text, drawn by seed while the text is read once.

use std::{cmp::Ordering, collections::BinaryHeap};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The subject of a draw. Each has a stream of its own of the generator; positions of windows use stream 0.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Documents = 1,
    RowGroups = 2,
}

/// The first documents of a random order that together have a number of bytes.
///
/// Every document gets a random key in the order of the text, and the documents with the smallest keys are kept. Keys
/// depend on the seed and the place of the document alone, so a document can be refused before it is decoded.
pub(super) struct Reservoir<T> {
    keys: ChaCha8Rng,
    /// The kept documents, the one with the largest key on top.
    kept: BinaryHeap<Kept<T>>,
    /// Bytes of the kept documents.
    bytes: u64,
    /// Bytes that the kept documents have at least.
    wanted: u64,
    /// Number of keys given.
    given: u64,
}

/// The random number of a document, and its place in the text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u64, u64);

/// A document with its size, ordered by its key.
struct Kept<T> {
    key: Key,
    bytes: u64,
    document: T,
}

impl<T> Reservoir<T> {
    /// A reservoir for documents of `wanted` bytes together.
    pub fn new(of: Of, seed: u64, wanted: u64) -> Self {
        let mut keys = ChaCha8Rng::seed_from_u64(seed);
        keys.set_stream(of as u64);
        Self { keys, kept: BinaryHeap::new(), bytes: 0, wanted, given: 0 }
    }

    /// The key of the next document; None if the document is not among the drawn ones.
    pub fn next(&mut self) -> Option<Key> {
        let key = Key(self.keys.next_u64(), self.given);
        self.given += 1;
        let full = self.bytes >= self.wanted;
        let refused = full && self.kept.peek().is_some_and(|last| last.key < key);
        (!refused).then_some(key)
    }

    /// Adds a document, and drops those that are no longer among the drawn ones.
    pub fn add(&mut self, key: Key, bytes: u64, document: T) {
        self.bytes += bytes;
        self.kept.push(Kept { key, bytes, document });
        while let Some(last) = self.kept.peek()
            && self.bytes - last.bytes >= self.wanted
        {
            self.bytes -= last.bytes;
            self.kept.pop();
        }
    }

    /// The documents in the order of the text.
    pub fn finish(self) -> Vec<T> {
        let mut kept = self.kept.into_vec();
        kept.sort_unstable_by_key(|kept| kept.key.1);
        kept.into_iter().map(|kept| kept.document).collect()
    }
}

impl<T> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<T> Eq for Kept<T> {}

impl<T> PartialOrd for Kept<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Kept<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(lengths: &[usize], seed: u64, wanted: u64) -> Vec<String> {
        let mut reservoir = Reservoir::new(Of::Documents, seed, wanted);
        for (index, &length) in lengths.iter().enumerate() {
            if let Some(key) = reservoir.next() {
                reservoir.add(key, length as u64, format!("{index:0length$}"));
            }
        }
        reservoir.finish()
    }

    #[test]
    fn documents_are_the_beginning_of_a_random_order() {
        let lengths: Vec<usize> = (0..500).map(|index| 10 + index * 7 % 90).collect();
        let mut keys = Reservoir::<()>::new(Of::Documents, 4, 1);
        let mut order: Vec<Key> = lengths.iter().map_while(|_| keys.next()).collect();
        order.sort_unstable();
        let mut bytes = 0;
        let first = order.iter().take_while(|key| {
            let needed = bytes < 3000;
            bytes += lengths[key.1 as usize];
            needed
        });
        let mut expected: Vec<u64> = first.map(|key| key.1).collect();
        expected.sort_unstable();
        let found: Vec<u64> = drawn(&lengths, 4, 3000).iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(found, expected);
        assert_eq!(drawn(&lengths, 4, 3000), drawn(&lengths, 4, 3000));
        assert_ne!(drawn(&lengths, 4, 3000), drawn(&lengths, 5, 3000));
        assert_eq!(drawn(&lengths, 4, u64::MAX).len(), lengths.len());
    }

    #[test]
    fn every_document_is_drawn_equally_often() {
        let lengths = [20; 40];
        let mut counts = [0; 40];
        for seed in 0..400 {
            for text in drawn(&lengths, seed, 200) {
                counts[text.parse::<usize>().unwrap()] += 1;
            }
        }
        // Each count is binomial with mean 100 and a standard deviation of 8.7.
        assert!(counts.iter().all(|count| (60..140).contains(count)), "{counts:?}");
    }

    /// Windows are part of a published run, so a new version must not draw other documents silently.
    #[test]
    fn seed_0_draws_the_same_documents_as_ever() {
        let found: Vec<usize> = drawn(&[10; 1000], 0, 60).iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(found, [122, 145, 233, 364, 696, 725]);
    }
}
