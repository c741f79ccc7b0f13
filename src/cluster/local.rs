//! Ranks that are threads of one process, connected by channels. Tests run on them what MPI runs on processes.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use super::{Error, Transport};

/// Time after which a rank that sends nothing is given up.
const PATIENCE: Duration = Duration::from_secs(120);

struct Channels {
    rank: usize,
    to: Vec<Sender<(usize, Vec<u8>)>>,
    inbox: Receiver<(usize, Vec<u8>)>,
}

/// The ends of `size` ranks in one process, in order.
pub fn in_process(size: usize) -> Vec<Box<dyn Transport>> {
    let (to, inboxes): (Vec<_>, Vec<_>) = (0..size).map(|_| channel()).unzip();
    let end = |(rank, inbox)| Box::new(Channels { rank, to: to.clone(), inbox }) as Box<dyn Transport>;
    inboxes.into_iter().enumerate().map(end).collect()
}

impl Transport for Channels {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn send(&mut self, to: usize, message: Vec<u8>) -> Result<(), Error> {
        self.to[to].send((self.rank, message)).map_err(|_| Error::Gone { rank: to })
    }

    fn receive(&mut self) -> Result<(usize, Vec<u8>), Error> {
        let silent = || Error::Silent { rank: self.rank, seconds: PATIENCE.as_secs() };
        self.inbox.recv_timeout(PATIENCE).map_err(|_| silent())
    }
}
