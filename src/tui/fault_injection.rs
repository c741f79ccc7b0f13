//! Panics on request, for the tests of what a panic leaves behind.

use std::env;

use crate::{
    engine::{self, Worker},
    protocol::Event,
};

const VARIABLE: &str = "SLIMGPT_PANIC";

/// What is to panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultInjection {
    /// The second frame.
    Draw,
    /// The worker, as soon as the model is open.
    Engine,
}

impl FaultInjection {
    pub fn asked() -> Option<Self> {
        match env::var(VARIABLE).ok()?.as_str() {
            "draw" => Some(Self::Draw),
            "engine" => Some(Self::Engine),
            _ => None,
        }
    }
}

pub fn panic() -> ! {
    panic!("{VARIABLE} asked for this");
}

pub fn panic_once_open(mut worker: Worker<()>) -> Worker<()> {
    engine::start(0, move |control| {
        while let Some(stamped) = worker.events.blocking_recv() {
            let open = matches!(stamped.event, Event::Opened { .. });
            control.emit(stamped.event);
            if open {
                panic();
            }
        }
        worker.join()
    })
}
