//! A rank's share of dealt streams.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    calibration::Windows,
    cluster::{self, Group, f32_bytes, f32_values, f64_bytes, f64_values, packet, unpacked},
    pipeline::{BlockCut, Error},
    prune::{Part, PathChange, PathChanges},
};

use super::{
    super::chunks::{chunks, chunks_of_rank, windows_per_chunk},
    cut::{cut_bytes, cut_of_bytes},
};

/// The windows of a stream that this rank passes, and the group that passes the others. Clones belong to the same streams.
#[derive(Clone)]
pub struct Share {
    pub group: Arc<Group>,
    samples: usize,
    seq_len: usize,
    /// The number by which the ranks know the streams.
    number: Arc<Number>,
}

/// The number of streams. When it ends on the first rank, the next command tells the others.
struct Number {
    number: u64,
    group: Arc<Group>,
}

impl Drop for Number {
    fn drop(&mut self) {
        self.group.forget(self.number);
    }
}

impl Share {
    /// The share of new streams.
    pub fn new(group: &Arc<Group>, samples: usize, seq_len: usize, number: u64) -> Self {
        let number = Arc::new(Number { number, group: group.clone() });
        Self { group: group.clone(), samples, seq_len, number }
    }

    /// On the first rank: the share of new streams, with a new number.
    pub fn first(group: &Arc<Group>, samples: usize, seq_len: usize) -> Self {
        Self::new(group, samples, seq_len, next_number())
    }

    /// The number of the streams.
    pub fn number(&self) -> u64 {
        self.number.number
    }

    /// Whether other streams have this number.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.number) > 1
    }

    /// The share of the streams that an operation makes of these.
    pub fn renumbered(&self, number: u64) -> Self {
        let number = Arc::new(Number { number, group: self.group.clone() });
        Self { number, ..self.clone() }
    }

    /// The windows of this rank's chunks.
    pub fn chunks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        chunks_of_rank((self.samples, self.seq_len), (self.group.rank(), self.group.size()))
    }

    /// The largest number of chunks of a rank.
    pub fn rounds(&self) -> usize {
        chunks(self.samples, self.seq_len).count().div_ceil(self.group.size())
    }

    /// Windows of one of this rank's batches, by their numbers among the windows of all ranks.
    pub fn place(&self, own: Range<usize>) -> Range<usize> {
        let each = windows_per_chunk(self.seq_len);
        let chunk = own.start / each;
        let first = (chunk * self.group.size() + self.group.rank()) * each + own.start % each;
        first..first + own.len()
    }

    /// Windows of all ranks.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Tokens of all ranks.
    pub fn tokens(&self) -> usize {
        self.samples * self.seq_len
    }

    /// Sends the cut of a part from the first rank to the others.
    ///
    /// # Errors
    /// As for [`Group::broadcast`].
    pub fn share_cut(&self, part: Part, cut: &mut BlockCut) -> Result<(), Error> {
        let mut own = BlockCut::new(cut.layer());
        own.copy_part(part, cut);
        let own = self.group.leads().then(|| cut_bytes(&own));
        let bytes = self.group.broadcast(own)?;
        if !self.group.leads() {
            let unreadable = |cause| cluster::Error::Unreadable { rank: 0, cause };
            cut.copy_part(part, &cut_of_bytes(&bytes).map_err(unreadable)?);
        }
        Ok(())
    }

    /// This rank's windows; None if it has none.
    ///
    /// # Errors
    /// None for the windows of this share.
    pub fn own(&self, windows: &Windows) -> Result<Option<Windows>, Error> {
        let all: Vec<&[u32]> = windows.iter().collect();
        let own: Vec<&[u32]> = self.chunks().flatten().map(|window| all[window]).collect();
        if own.is_empty() {
            return Ok(None);
        }
        let windows = Windows::new(own.concat(), own.len(), windows.seq_len());
        let unreadable = |cause: crate::calibration::Error| cluster::Error::Unreadable {
            rank: self.group.rank(),
            cause: cause.to_string(),
        };
        Ok(Some(windows.map_err(unreadable)?))
    }

    /// Sends an elimination path from the first rank to the others.
    ///
    /// # Errors
    /// As for [`Group::broadcast`].
    pub fn share_path(&self, own: Option<PathChanges>) -> Result<PathChanges, Error> {
        let message = own.as_ref().map(|PathChanges { errors, changes }| {
            let removed: Vec<usize> = changes.iter().map(|change| change.removed).collect();
            let weights = changes.iter().map(|change| {
                let mut bytes = Vec::new();
                f32_bytes(&change.change, &mut bytes);
                bytes
            });
            let weights: Vec<Vec<u8>> = weights.collect();
            packet(&(errors, removed), &weights.iter().map(Vec::as_slice).collect::<Vec<_>>())
        });
        let message = self.group.broadcast(message)?;
        if let Some(own) = own {
            return Ok(own);
        }
        let unreadable = |cause| cluster::Error::Unreadable { rank: 0, cause };
        let ((errors, removed), weights): ((_, Vec<usize>), _) = unpacked(&message).map_err(unreadable)?;
        let changes = removed.into_iter().zip(weights);
        let changes =
            changes.map(|(removed, bytes)| PathChange { removed, change: f32_values(bytes).collect() });
        Ok(PathChanges { errors, changes: changes.collect() })
    }

    /// The values of all ranks in the order of the windows, `each` per window, on the first rank; None on the others.
    ///
    /// # Errors
    /// As for [`Group::gather`].
    pub fn by_window(&self, own: &[f64], each: usize) -> Result<Option<Vec<f64>>, Error> {
        let mut bytes = Vec::new();
        f64_bytes(own, &mut bytes);
        let Some(gathered) = self.group.gather(bytes)? else { return Ok(None) };
        let mut values = vec![f64::NAN; self.samples * each];
        for (rank, bytes) in gathered.iter().enumerate() {
            let mut found = f64_values(bytes);
            let windows = chunks_of_rank((self.samples, self.seq_len), (rank, self.group.size())).flatten();
            let values = &mut values;
            let places = windows.flat_map(|window| window * each..(window + 1) * each);
            let expected =
                places.map(|place| found.next().map(|value| values[place] = value)).collect::<Vec<_>>();
            let (expected, found) = (8 * expected.len(), bytes.len());
            if found != expected {
                return Err(cluster::Error::Length { rank, expected, found }.into());
            }
        }
        Ok(Some(values))
    }

    /// By chunk, in the order of the windows, what all ranks found; None on all ranks but the first. `own`: by chunk of this
    /// rank.
    ///
    /// # Errors
    /// As for [`Group::gather`].
    pub fn by_chunk<T>(
        &self,
        own: &[T],
        bytes: impl Fn(&T) -> Vec<u8>,
        value: impl Fn(&[u8]) -> T,
        length: usize,
    ) -> Result<Option<Vec<T>>, Error> {
        let gathered = self.group.gather(own.iter().flat_map(bytes).collect())?;
        let Some(gathered) = gathered else { return Ok(None) };
        let mut by_rank: Vec<_> = gathered.iter().map(|bytes| bytes.chunks_exact(length.max(1))).collect();
        let ranks = self.group.size();
        let total = chunks(self.samples, self.seq_len).count();
        let found = (0..total).map_while(|chunk| by_rank[chunk % ranks].next().map(&value));
        Ok(Some(found.collect()))
    }
}

/// A number that no streams of this process have.
pub fn next_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}
