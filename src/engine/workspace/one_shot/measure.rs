//! `slimgpt perplexity`, `slimgpt curve`, `slimgpt errors` and `slimgpt texts`: measurements on the attempts of a session.
//! Their results are events.

use std::path::PathBuf;

use crate::{
    config::EvaluationOptions,
    protocol::{Job, LayerPart, Prompt, job},
    prune::{LayerRatio, Part},
};

use super::{Context, Error, on_session};
use crate::engine::workspace::jobs;

/// A measurement on a session.
pub struct Measure {
    pub session: PathBuf,
    pub model: Option<String>,
    pub of: Measured,
}

/// What is measured.
pub enum Measured {
    /// The perplexity of the dense and of the pruned model. Options that are not given are those of the
    /// session's last run.
    Perplexity(EvaluationOptions),
    /// The error of a part at every ratio.
    Curve { layer: usize, part: Part },
    /// The output errors of all layers with the active attempts. With a dense part, from its layer on.
    Errors { dense_part: Option<LayerPart> },
    /// The output errors from a layer on, once with each of these attempts, on at most this number of windows.
    Attempts { layer: usize, attempts: Vec<usize>, windows: usize },
    /// A text of each model from one prompt.
    Texts(Prompt),
}

/// Measures, and emits the results.
pub fn measure(job: Measure, context: &mut Context) -> Result<(), Error> {
    let Measure { session, model, of } = job;
    on_session(&session, model, context, |workspace, _, context| {
        let job: Job = match of {
            Measured::Perplexity(options) => {
                let evaluation = workspace.settings.evaluation.changed(options).map_err(Error::from)?;
                job::MeasurePerplexity { evaluation }.into()
            }
            Measured::Curve { layer, part } => {
                workspace.attempts.check_layer(layer)?;
                let method = workspace.active_method(layer, LayerRatio::ZERO);
                job::ErrorCurve { layer, part, method }.into()
            }
            Measured::Errors { dense_part } => job::CompareStreams { dense_part }.into(),
            Measured::Attempts { layer, attempts, windows } => {
                job::CompareAttempts { layer, attempts, windows }.into()
            }
            Measured::Texts(prompt) => job::Generate { prompt }.into(),
        };
        let done = jobs::work(job, workspace, context)?;
        context.emit(done);
        Ok(())
    })
}
