//! The running time of a job, excluding halts.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    /// Time accumulated up to the last stop.
    before: Duration,
    /// Start of the current interval; None while stopped.
    since: Option<Instant>,
}

impl Stopwatch {
    pub fn started() -> Self {
        Self { before: Duration::ZERO, since: Some(Instant::now()) }
    }

    pub fn stop(&mut self) {
        self.before = self.elapsed();
        self.since = None;
    }

    pub fn resume(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    pub fn seconds(&self) -> f64 {
        self.elapsed().as_secs_f64()
    }

    fn elapsed(&self) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    #[test]
    fn a_stopped_watch_counts_no_time() {
        let mut watch = Stopwatch::started();
        sleep(Duration::from_millis(5));
        watch.stop();
        let at = watch.seconds();
        assert!(at >= 0.005);
        sleep(Duration::from_millis(5));
        watch.stop();
        assert_eq!(watch.seconds(), at);
        watch.resume();
        watch.resume();
        sleep(Duration::from_millis(5));
        assert!(watch.seconds() >= at + 0.005);
    }
}
