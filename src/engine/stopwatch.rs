//! The time that a job has been at work: it stands still while the job is halted.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    /// What had passed when it was stopped last.
    before: Duration,
    /// Since when it goes; None while it stands still.
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

    pub fn go_on(&mut self) {
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
    fn it_counts_while_it_goes_and_stands_still_while_it_is_stopped() {
        let mut watch = Stopwatch::started();
        sleep(Duration::from_millis(5));
        watch.stop();
        let at = watch.seconds();
        assert!(at >= 0.005);
        sleep(Duration::from_millis(5));
        watch.stop();
        assert_eq!(watch.seconds(), at);
        watch.go_on();
        watch.go_on();
        sleep(Duration::from_millis(5));
        assert!(watch.seconds() >= at + 0.005);
    }
}
