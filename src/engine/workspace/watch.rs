//! What is found out about a layer while it is solved goes to the session part by part.

use std::ops::ControlFlow;

use crate::{
    pipeline::{BlockCut, Notice},
    protocol::{Attempt, PartRecord, Statistics},
    prune::{Part, Progress},
    session::{AttemptEntry, PartEntry, PartPlace, Session},
};

use super::{Context, Error, stored_parts};

/// Where the file of a part comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is solved now.
    Solved,
    /// It is taken over, with its file of that attempt.
    Earlier(usize),
    /// This very attempt had come so far before.
    There,
}

/// Hears the notices of one attempt.
pub struct Watch<'s> {
    session: Option<&'s mut Session>,
    layer: usize,
    attempt: Attempt,
    /// Which of the session's setups it is made with.
    setup: usize,
    attention: Origin,
    mlp: Origin,
    /// Of the part in work.
    statistics: Option<Statistics>,
    failed: Option<Error>,
}

impl<'s> Watch<'s> {
    pub fn new(
        session: Option<&'s mut Session>,
        (layer, attempt, setup): (usize, &Attempt, usize),
        (attention, mlp): (Origin, Origin),
    ) -> Self {
        let attempt = attempt.clone();
        Self { session, layer, attempt, setup, attention, mlp, statistics: None, failed: None }
    }

    pub fn handle(&mut self, notice: Notice<'_>, context: &mut Context) -> ControlFlow<()> {
        match &notice {
            Notice::Solving { progress: Progress::Statistics { stats, picture, scores, energy }, .. } => {
                self.statistics = Some(Statistics {
                    stats: **stats,
                    picture: picture.clone(),
                    scores: scores.iter().map(|&score| score as f32).collect(),
                    energy: *energy,
                });
            }
            Notice::PartDone { part, record, cut, .. } => {
                if let Err(error) = self.file(*part, record, cut) {
                    self.failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
            Notice::Solving { .. }
            | Notice::Passing { .. }
            | Notice::Calibrating { .. }
            | Notice::Following { .. }
            | Notice::PartFailed { .. }
            | Notice::Propagating { .. } => {}
        }
        context.handle(notice)
    }

    /// What the pass came to, or why the session could not be written.
    pub fn outcome<T>(self, outcome: Result<T, crate::pipeline::Error>) -> Result<T, Error> {
        match self.failed {
            Some(failed) => Err(failed),
            None => Ok(outcome?),
        }
    }

    fn file(&mut self, part: Part, record: &PartRecord, cut: &BlockCut) -> Result<(), Error> {
        let statistics = self.statistics.take();
        let Some(session) = &mut self.session else { return Ok(()) };
        let (layer, number) = (self.layer, self.attempt.number);
        let origin = match part {
            Part::Attention => self.attention,
            Part::Mlp => self.mlp,
        };
        let file = match origin {
            Origin::There => return Ok(()),
            Origin::Earlier(attempt) => attempt,
            Origin::Solved => {
                let place = PartPlace { layer, attempt: number, part };
                stored_parts::write_part(session, place, record, statistics, cut)?;
                number
            }
        };
        let entry = PartEntry { summary: record.into(), file };
        let mut begun = AttemptEntry {
            attempt: self.attempt.clone(),
            setup: self.setup,
            attention: None,
            mlp: None,
            output_error: None,
            complete: false,
        };
        Ok(session.change(|state| {
            let attempts = &mut state.layers[layer].attempts;
            match attempts.iter_mut().find(|entry| entry.attempt.number == number) {
                Some(attempt) => *attempt.part_mut(part) = Some(entry),
                None => {
                    *begun.part_mut(part) = Some(entry);
                    attempts.push(begun);
                }
            }
        })?)
    }
}
