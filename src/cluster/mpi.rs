//! Ranks that MPI connects.
//!
//! One thread makes all calls of MPI. It sends and receives while the others compute, tells the other ranks that this process
//! is alive, and notices when one of them is silent. It never waits inside MPI for another rank's computation, so it takes
//! almost no processor time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mpi::{
    Threading,
    point_to_point::MatchedReceiveVec,
    request::{Request, StaticScope},
    topology::{Communicator, SimpleCommunicator},
    traits::{Destination, Source},
};

use super::{Error, Transport};

/// A part of a message.
const DATA: i32 = 1;
/// A sign of life.
const ALIVE: i32 = 2;
/// The content of a sign of life.
static SIGN: [u8; 1] = [0];
/// Time between two signs of life.
const EVERY: Duration = Duration::from_secs(2);
/// Time after which a silent rank is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time that a rank has to end on its own after another rank was given up.
const GRACE: Duration = Duration::from_secs(5);
/// Longest sleep between two looks for messages.
const LONGEST_SLEEP: Duration = Duration::from_micros(500);
const SHORTEST_SLEEP: Duration = Duration::from_micros(20);

/// A frame that another rank sent, and the rank.
type Arrived = Result<(usize, Vec<u8>), Error>;

struct Connection {
    rank: usize,
    size: usize,
    outgoing: Option<Sender<(usize, Vec<u8>)>>,
    incoming: Receiver<Arrived>,
    thread: Option<JoinHandle<()>>,
    /// Whether a rank was given up.
    lost: Arc<AtomicBool>,
}

/// Connects this process to the others that the same `mpirun` or `srun` started; `None` if there are no others.
///
/// # Errors
/// If MPI cannot be initialised.
pub fn connect() -> Result<Option<Box<dyn Transport>>, Error> {
    let (outgoing, to_send) = channel();
    let (arrived, incoming) = channel();
    let (ready, begun) = channel();
    let lost = Arc::new(AtomicBool::new(false));
    let of_thread = lost.clone();
    let thread = thread::Builder::new().name("mpi".into()).spawn(move || {
        // Only this thread calls MPI.
        let Some((universe, _)) = mpi::initialize_with_threading(Threading::Funneled) else { return };
        let world = universe.world();
        let begin = (world.rank() as usize, world.size() as usize);
        if ready.send(begin).is_ok() && begin.1 > 1 {
            Line::new(&world, arrived, of_thread).serve(&to_send);
        }
    });
    let thread = thread.map_err(|cause| Error::Mpi(format!("its thread cannot be started ({cause})")))?;
    let (rank, size) = begun.recv().map_err(|_| Error::Mpi("it cannot be initialised".into()))?;
    let connection =
        Connection { rank, size, outgoing: Some(outgoing), incoming, thread: Some(thread), lost };
    Ok((size > 1).then(|| Box::new(connection) as Box<dyn Transport>))
}

impl Transport for Connection {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn send(&mut self, to: usize, message: Vec<u8>) -> Result<(), Error> {
        let outgoing = self.outgoing.as_ref().ok_or(Error::Gone { rank: to })?;
        outgoing.send((to, message)).map_err(|_| Error::Gone { rank: to })
    }

    fn receive(&mut self) -> Arrived {
        match self.incoming.recv() {
            Ok(arrived) => arrived,
            Err(_) => Err(Error::Mpi("its thread has ended".into())),
        }
    }
}

/// Waits until all messages are sent, and finalises MPI. Without a rank, that would take forever: the end of this process ends the
/// others.
impl Drop for Connection {
    fn drop(&mut self) {
        drop(self.outgoing.take());
        if self.lost.load(Ordering::Relaxed) {
            return;
        }
        if let Some(thread) = self.thread.take() {
            // A panic has already been reported.
            drop(thread.join());
        }
    }
}

/// The state of the thread.
struct Line<'w> {
    world: &'w SimpleCommunicator,
    rank: usize,
    arrived: Sender<Arrived>,
    /// By rank, the time of its last message.
    heard: Vec<Instant>,
    /// By rank, the last sign of life that is still being sent.
    signs: Vec<Option<Request<'static, [u8], StaticScope>>>,
    next_sign: Instant,
    /// A rank that was given up, and when.
    lost: Option<(Error, Instant)>,
    is_lost: Arc<AtomicBool>,
    sleep: Duration,
}

impl<'w> Line<'w> {
    fn new(world: &'w SimpleCommunicator, arrived: Sender<Arrived>, is_lost: Arc<AtomicBool>) -> Self {
        let (rank, size, now) = (world.rank() as usize, world.size() as usize, Instant::now());
        Self {
            world,
            rank,
            arrived,
            heard: vec![now; size],
            signs: (0..size).map(|_| None).collect(),
            next_sign: now,
            lost: None,
            is_lost,
            sleep: SHORTEST_SLEEP,
        }
    }

    /// Sends and receives until this rank has nothing more to send.
    fn serve(mut self, to_send: &Receiver<(usize, Vec<u8>)>) {
        loop {
            let first = match to_send.recv_timeout(self.sleep) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    self.step();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let frames: Vec<_> = std::iter::once(first).chain(to_send.try_iter()).collect();
            self.send(&frames);
        }
        self.end();
    }

    /// Sends frames, and receives meanwhile.
    fn send(&mut self, frames: &[(usize, Vec<u8>)]) {
        let world = self.world;
        mpi::request::scope(|scope| {
            let requests = frames.iter().map(|(to, frame)| {
                let to = world.process_at_rank(*to as i32);
                Some(to.immediate_send_with_tag(scope, &frame[..], DATA))
            });
            let mut requests: Vec<Option<_>> = requests.collect();
            self.sleep = SHORTEST_SLEEP;
            loop {
                for request in &mut requests {
                    *request = request.take().and_then(|request| request.test().err());
                }
                if requests.iter().all(Option::is_none) {
                    break;
                }
                self.step();
                thread::sleep(self.sleep);
            }
        });
    }

    /// Receives what has arrived, and checks that the others are alive.
    fn step(&mut self) {
        let mut idle = true;
        while let Some(found) = self.world.any_process().immediate_matched_probe() {
            let (from, tag) = (found.1.source_rank() as usize, found.1.tag());
            let (frame, _) = found.matched_receive_vec::<u8>();
            self.heard[from] = Instant::now();
            if tag == DATA {
                idle = false;
                // The rank may have ended its work.
                let _ = self.arrived.send(Ok((from, frame)));
            }
        }
        self.sleep = if idle { (self.sleep * 2).min(LONGEST_SLEEP) } else { SHORTEST_SLEEP };
        self.keep_alive();
    }

    fn keep_alive(&mut self) {
        let now = Instant::now();
        if let Some((error, since)) = &self.lost {
            if now.duration_since(*since) > GRACE {
                self.give_up(error.clone());
            }
            return;
        }
        if now < self.next_sign {
            return;
        }
        self.next_sign = now + EVERY;
        for rank in (0..self.heard.len()).filter(|&rank| rank != self.rank) {
            let sign = self.signs[rank].take().and_then(|sign| sign.test().err());
            self.signs[rank] = Some(sign.unwrap_or_else(|| {
                let to = self.world.process_at_rank(rank as i32);
                to.immediate_send_with_tag(StaticScope, &SIGN[..], ALIVE)
            }));
            if now.duration_since(self.heard[rank]) > PATIENCE && self.lost.is_none() {
                let error = Error::Silent { rank, seconds: PATIENCE.as_secs() };
                self.is_lost.store(true, Ordering::Relaxed);
                let _ = self.arrived.send(Err(error.clone()));
                self.lost = Some((error, now));
            }
        }
    }

    /// Ends all ranks. The first rank says why; the second does if the first is lost.
    fn give_up(&self, error: Error) -> ! {
        let first_is_lost = matches!(error, Error::Silent { rank: 0, .. });
        if self.rank == usize::from(first_is_lost) {
            eprintln!("slimgpt: error: {error}");
        }
        self.world.abort(1)
    }

    /// The end of this rank: signs of life that nobody received are no longer needed.
    fn end(mut self) {
        if self.lost.is_some() {
            // Finalising would wait for the lost rank. This process reports the reason meanwhile, and ends.
            thread::sleep(GRACE);
            self.world.abort(1);
        }
        while self.signs.iter().any(Option::is_some) {
            for sign in &mut self.signs {
                *sign = sign.take().and_then(|sign| sign.test().err());
            }
            while let Some(found) = self.world.any_process().immediate_matched_probe() {
                found.matched_receive_vec::<u8>();
            }
            thread::sleep(SHORTEST_SLEEP);
        }
    }
}
