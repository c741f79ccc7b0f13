//! Time of a replay: recorded seconds at a multiple of real time.

use std::time::Duration;

use tokio::time::Instant;

/// A longer delay is not caused by this program; for example, the process was stopped. Time then continues
/// from the event.
const LATE: Duration = Duration::from_millis(500);
/// Maximum time to wait for an event. The next command ends the wait earlier.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The instant at which the recorded time was `at`; None while the clock is stopped.
    since: Option<Instant>,
    at: f64,
    /// Recorded seconds per real second.
    speed: f64,
}

impl Clock {
    pub fn new(speed: f64) -> Self {
        Self { since: Some(Instant::now()), at: 0.0, speed }
    }

    pub fn stop(&mut self) {
        (self.at, self.since) = (self.now(), None);
    }

    pub fn resume(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Sets the recorded time. A running clock continues, a stopped one remains stopped.
    pub fn move_to(&mut self, at: f64) {
        self.at = at;
        self.since = self.since.map(|_| Instant::now());
    }

    /// Changes the speed. Ignores a value that is not positive.
    pub fn set_speed(&mut self, speed: f64) {
        if speed > 0.0 {
            self.move_to(self.now());
            self.speed = speed;
        }
    }

    /// True if the replay does not wait for events.
    pub fn is_boundless(&self) -> bool {
        self.speed.is_infinite()
    }

    /// The instant at which a running clock will show `at`; None if that time has passed.
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
