//! The time of a replay: recorded seconds, that pass faster or slower than real ones.

use std::time::Duration;

use tokio::time::Instant;

/// An event that is later than this was held up, by a stopped process for example; time then goes on from it.
const LATE: Duration = Duration::from_millis(500);
/// Waiting ends with the next command anyway.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// When the recorded time was `at`; None while it stands still.
    since: Option<Instant>,
    at: f64,
    /// Recorded seconds a second.
    speed: f64,
}

impl Clock {
    pub fn new(speed: f64) -> Self {
        Self { since: Some(Instant::now()), at: 0.0, speed }
    }

    pub fn stop(&mut self) {
        (self.at, self.since) = (self.now(), None);
    }

    pub fn go_on(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Moves to a recorded time, going on or standing still as before.
    pub fn move_to(&mut self, at: f64) {
        self.at = at;
        self.since = self.since.map(|_| Instant::now());
    }

    /// Another speed from now on. What is no speed is not taken.
    pub fn set_speed(&mut self, speed: f64) {
        if speed > 0.0 {
            self.move_to(self.now());
            self.speed = speed;
        }
    }

    /// True where nothing is waited for.
    pub fn is_boundless(&self) -> bool {
        self.speed.is_infinite()
    }

    /// When a clock that goes will show `at`; None where that is past.
    pub fn due(&mut self, at: f64) -> Option<Instant> {
        let ahead = (at - self.at) / self.speed;
        let ahead = Duration::try_from_secs_f64(ahead.max(0.0)).unwrap_or(LONGEST).min(LONGEST);
        let now = Instant::now();
        let due = self.since.unwrap_or(now) + ahead;
        if now > due + LATE || self.is_boundless() {
            self.move_to(at);
        }
        (due > now).then_some(due)
    }

    fn now(&self) -> f64 {
        match self.since {
            Some(since) if !self.is_boundless() => self.at + since.elapsed().as_secs_f64() * self.speed,
            Some(_) | None => self.at,
        }
    }
}
