//! Saves an attempt in the session part by part while it is being solved.

use std::ops::ControlFlow;

use crate::{
    pipeline::{BlockCut, Notice},
    protocol::{Attempt, PartRecord, Statistics},
    prune::{Part, Progress},
    session::{AttemptEntry, PartEntry, PartPlace, Session},
};

use super::{Context, Error, stored_parts};

/// The origin of a part's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartOrigin {
    /// The part is being solved.
    Solved,
    /// The part is copied from this attempt, and the attempt's file is used.
    Copied(usize),
    /// An earlier process saved it for this attempt.
    Saved,
}

/// Receives the notices of one attempt.
pub struct AttemptWriter<'s> {
    session: Option<&'s mut Session>,
    layer: usize,
    attempt: Attempt,
    /// Index of the session's setup.
    setup: usize,
    attention: PartOrigin,
    mlp: PartOrigin,
    /// Statistics of the part in progress.
    statistics: Option<Statistics>,
    failed: Option<Error>,
}

impl<'s> AttemptWriter<'s> {
    pub fn new(
        session: Option<&'s mut Session>,
        (layer, attempt, setup): (usize, &Attempt, usize),
        (attention, mlp): (PartOrigin, PartOrigin),
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
                if let Err(error) = self.save(*part, record, cut) {
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

    /// The result of the pass, or the error from writing the session.
    pub fn outcome<T>(self, outcome: Result<T, crate::pipeline::Error>) -> Result<T, Error> {
        match self.failed {
            Some(failed) => Err(failed),
            None => Ok(outcome?),
        }
    }

    fn save(&mut self, part: Part, record: &PartRecord, cut: &BlockCut) -> Result<(), Error> {
        let statistics = self.statistics.take();
        let Some(session) = &mut self.session else { return Ok(()) };
        let (layer, number) = (self.layer, self.attempt.number);
        let origin = match part {
            Part::Attention => self.attention,
            Part::Mlp => self.mlp,
        };
        let file = match origin {
            PartOrigin::Saved => return Ok(()),
            PartOrigin::Copied(attempt) => attempt,
            PartOrigin::Solved => {
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
            stream_errors: None,
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
