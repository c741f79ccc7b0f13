//! The operations of a group: commands of the first rank, exchanges, and failures that end an operation on every rank.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::failure;

use super::{
    Error, Transport,
    frame::{Assembly, Kind, Message},
};

/// Largest frame. MPI counts elements in 32 bits, and signs of life wait while a frame arrives.
const LIMIT: usize = 1 << 28;

/// The work that a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Open a model.
    Open,
    /// An operation of a pass over the layers.
    Pass,
    /// Measure a perplexity.
    Perplexity,
    /// End the process.
    End,
}

impl Work {
    const ALL: [Self; 4] = [Self::Open, Self::Pass, Self::Perplexity, Self::End];
}

/// Messages and bytes that this rank has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub messages: u64,
    pub bytes: u64,
}

/// One rank's end of a group. All ranks call the same operations in the same order.
pub struct Group {
    rank: usize,
    size: usize,
    limit: usize,
    operation: AtomicU64,
    line: Mutex<Line>,
    /// Numbers of what the other ranks need no longer keep.
    forgotten: Mutex<Vec<u64>>,
}

/// The transport, and what has arrived.
struct Line {
    transport: Box<dyn Transport>,
    /// By rank, messages that have not been used.
    arrived: Vec<VecDeque<Message>>,
    /// By rank, a message whose last frame has not arrived.
    assemblies: Vec<Assembly>,
    traffic: Traffic,
}

impl Group {
    /// A group over this transport.
    pub fn new(transport: Box<dyn Transport>) -> Self {
        Self::with_limit(transport, LIMIT)
    }

    /// A group that cuts its messages into frames of at most `limit` bytes.
    pub fn with_limit(transport: Box<dyn Transport>, limit: usize) -> Self {
        let (rank, size) = (transport.rank(), transport.size());
        let line = Line {
            transport,
            arrived: (0..size).map(|_| VecDeque::new()).collect(),
            assemblies: (0..size).map(|_| Assembly::default()).collect(),
            traffic: Traffic::default(),
        };
        Self {
            rank,
            size,
            limit,
            operation: AtomicU64::new(0),
            line: Mutex::new(line),
            forgotten: Mutex::default(),
        }
    }

    /// This rank, from 0.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Number of ranks.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether this rank leads.
    pub fn leads(&self) -> bool {
        self.rank == 0
    }

    /// Messages and bytes that this rank has sent.
    pub fn traffic(&self) -> Traffic {
        self.line().traffic
    }

    /// On the first rank: begins an operation on every other rank.
    fn begin(&self, work: Work, mut command: Vec<u8>) -> Result<(), Error> {
        self.operation.fetch_add(1, Ordering::Relaxed);
        command.push(work as u8);
        self.send_to_others(Kind::Command, &command)
    }

    /// On the first rank: ends the other ranks.
    ///
    /// # Errors
    /// If a rank has ended before.
    pub fn dismiss(&self) -> Result<(), Error> {
        self.begin(Work::End, Vec::new())
    }

    /// On the other ranks: the next command.
    ///
    /// # Errors
    /// If the first rank has ended, or its command cannot be read.
    pub fn next(&self) -> Result<(Work, Vec<u8>), Error> {
        let mut line = self.line();
        loop {
            match line.arrived[0].pop_front() {
                Some(Message { operation, kind: Kind::Command, mut bytes }) => {
                    self.operation.store(operation, Ordering::Relaxed);
                    let work =
                        bytes.pop().and_then(|byte| Work::ALL.into_iter().find(|work| *work as u8 == byte));
                    let unknown = || Error::Unreadable { rank: 0, cause: "an unknown command".into() };
                    return Ok((work.ok_or_else(unknown)?, bytes));
                }
                // It belongs to an operation that ended.
                Some(_) => {}
                None => line.receive()?,
            }
        }
    }

    /// Ends an operation that all ranks took part in: the first rank waits for the others.
    fn finish(&self) -> Result<(), Error> {
        match self.leads() {
            true => (1..self.size).try_for_each(|rank| self.from(rank, Kind::Done).map(drop)),
            false => self.send(0, Kind::Done, Vec::new()),
        }
    }

    /// On the first rank: begins an operation on all ranks, computes its own part, and waits for the others.
    ///
    /// # Errors
    /// Those of its own part, and of the others as [`Error::Rank`].
    pub fn lead<T, E: Ended>(
        &self,
        work: Work,
        command: Vec<u8>,
        own: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin(work, command)?;
        self.take_part(own)
    }

    /// Computes this rank's part of an operation. If it fails, the operation ends on every rank.
    ///
    /// # Errors
    /// As for [`Group::lead`].
    pub fn take_part<T, E: Ended>(&self, own: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let done = own().and_then(|done| {
            self.finish()?;
            Ok(done)
        });
        if let Err(error) = &done {
            let text = error.to_string();
            self.give_up(match (error.of_ranks(), error.kind()) {
                (Some(Error::Rank { .. } | Error::Cancelled), _) => Reason::OtherRank,
                (_, failure::Kind::Cancelled) => Reason::Cancelled,
                (_, failure::Kind::Failed | failure::Kind::Input) => Reason::Failed(&text),
            });
        }
        done
    }

    /// Tells every other rank that this rank cannot continue the operation. A failure of another rank is not passed on,
    /// because that rank tells all others.
    fn give_up(&self, reason: Reason<'_>) {
        let sent = match reason {
            Reason::Failed(what) => self.send_to_others(Kind::Failed, what.as_bytes()),
            Reason::Cancelled => self.send_to_others(Kind::Cancelled, &[]),
            Reason::OtherRank => Ok(()),
        };
        // A rank that has ended needs no message.
        drop(sent);
    }

    /// Sends `to_each[r]` to rank r, and returns the messages of all ranks to this one, its own included.
    ///
    /// # Errors
    /// [`Error::Rank`] if another rank gives up, [`Error::Cancelled`] if the operation is cancelled, and the errors of the
    /// transport.
    pub fn exchange(&self, mut to_each: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, Error> {
        let mut own = Some(std::mem::take(&mut to_each[self.rank]));
        // Every rank begins with its successor, so that no rank receives from all others at once.
        for step in 1..self.size {
            let to = (self.rank + step) % self.size;
            self.send(to, Kind::Data, std::mem::take(&mut to_each[to]))?;
        }
        (0..self.size)
            .map(|rank| match own.take_if(|_| rank == self.rank) {
                Some(own) => Ok(own),
                None => self.from(rank, Kind::Data),
            })
            .collect()
    }

    /// The messages of all ranks, on the first rank; None on the others.
    ///
    /// # Errors
    /// As for [`Self::exchange`].
    pub fn gather(&self, own: Vec<u8>) -> Result<Option<Vec<Vec<u8>>>, Error> {
        if !self.leads() {
            self.send(0, Kind::Data, own)?;
            return Ok(None);
        }
        let others = (1..self.size).map(|rank| self.from(rank, Kind::Data));
        std::iter::once(Ok(own)).chain(others).collect::<Result<_, _>>().map(Some)
    }

    /// The message of the first rank, on every rank. The other ranks pass None.
    ///
    /// # Errors
    /// As for [`Self::exchange`].
    pub fn broadcast(&self, own: Option<Vec<u8>>) -> Result<Vec<u8>, Error> {
        match own {
            Some(own) => {
                (1..self.size).try_for_each(|rank| self.send(rank, Kind::Data, own.clone()))?;
                Ok(own)
            }
            None => self.from(0, Kind::Data),
        }
    }

    /// Whether this holds on every rank.
    ///
    /// # Errors
    /// As for [`Self::exchange`].
    pub fn all(&self, own: bool) -> Result<bool, Error> {
        let answers = self.exchange(vec![vec![u8::from(own)]; self.size])?;
        Ok(answers.iter().all(|answer| *answer == [1]))
    }

    /// On the first rank: notes that the other ranks need no longer keep what has this number.
    pub fn forget(&self, number: u64) {
        if self.leads() {
            self.forgotten.lock().unwrap_or_else(PoisonError::into_inner).push(number);
        }
    }

    /// The numbers that [`Group::forget`] noted since the last call.
    pub fn forgotten(&self) -> Vec<u64> {
        std::mem::take(&mut self.forgotten.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until every rank has called it.
    ///
    /// # Errors
    /// As for [`Self::exchange`].
    pub fn barrier(&self) -> Result<(), Error> {
        self.all(true).map(drop)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.operation.load(Ordering::Relaxed)
    }

    fn send_to_others(&self, kind: Kind, bytes: &[u8]) -> Result<(), Error> {
        let others = (0..self.size).filter(|&rank| rank != self.rank);
        others.map(|rank| self.send(rank, kind, bytes.to_vec())).fold(Ok(()), Result::and)
    }

    fn send(&self, to: usize, kind: Kind, bytes: Vec<u8>) -> Result<(), Error> {
        let mut line = self.line();
        line.traffic.messages += 1;
        line.traffic.bytes += bytes.len() as u64;
        let frames = Message { operation: self.now(), kind, bytes }.frames(self.limit);
        frames.into_iter().try_for_each(|frame| line.transport.send(to, frame))
    }

    /// The next message of this kind and operation from a rank.
    fn from(&self, rank: usize, expected: Kind) -> Result<Vec<u8>, Error> {
        let (now, mut line) = (self.now(), self.line());
        loop {
            // Any rank may end the operation.
            for (rank, arrived) in line.arrived.iter().enumerate() {
                let ended = arrived.iter().filter(|message| message.operation == now);
                for message in ended {
                    match message.kind {
                        Kind::Cancelled => return Err(Error::Cancelled),
                        Kind::Failed => {
                            let what = String::from_utf8_lossy(&message.bytes).into_owned();
                            return Err(Error::Rank { rank, what });
                        }
                        Kind::Data | Kind::Command | Kind::Done => {}
                    }
                }
            }
            let arrived = &mut line.arrived[rank];
            while arrived.front().is_some_and(|message| message.operation < now) {
                arrived.pop_front();
            }
            let is_of_now = arrived.front().is_some_and(|message| message.operation == now);
            match is_of_now.then(|| arrived.pop_front()).flatten() {
                Some(message) if message.kind == expected => return Ok(message.bytes),
                Some(message) => {
                    let cause = format!("{:?} where {expected:?} was expected", message.kind);
                    return Err(Error::Unreadable { rank, cause });
                }
                None => line.receive()?,
            }
        }
    }
}

/// An error that ends an operation of a group.
pub trait Ended: From<Error> + std::fmt::Display {
    /// The error of the group, if it is one.
    fn of_ranks(&self) -> Option<&Error>;

    /// The kind of the error: input, failure or cancellation.
    fn kind(&self) -> failure::Kind;
}

/// Why a rank gives up.
#[derive(Clone, Copy, Debug)]
enum Reason<'r> {
    /// It failed.
    Failed(&'r str),
    /// The job was cancelled.
    Cancelled,
    /// Another rank gave up.
    OtherRank,
}

impl Line {
    /// Waits for the next frame of any rank.
    fn receive(&mut self) -> Result<(), Error> {
        let (from, frame) = self.transport.receive()?;
        let message = self.assemblies[from].add(&frame);
        let message = message.map_err(|cause| Error::Unreadable { rank: from, cause })?;
        self.arrived[from].extend(message);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
