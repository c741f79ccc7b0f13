//! `slimgpt report`: reads a session without its lock and without its model, unless error curves are requested.

use std::path::{Path, PathBuf};

use crate::{
    export::{self, OutputDir},
    protocol::{Event, Method, RunRecord},
    prune::Part,
    report::{self, Curves, ReportInput, figures::Curve},
};

use super::{Context, Error, Workspace, on_session};

pub struct Report {
    pub session: PathBuf,
    /// Current location of the model, if it was moved. It is opened only for `curves`.
    pub model: Option<String>,
    pub out: PathBuf,
    pub force: bool,
    /// Layers whose error curves are computed.
    pub curves: Vec<usize>,
}

/// Writes the report and returns its `run.json`.
pub fn report(job: Report, context: &mut Context) -> Result<RunRecord, Error> {
    let Report { session, model, out, force, curves } = job;
    OutputDir::check(&out, force, Some(&session))?;
    let read = || ReportInput::read(&session)?.ok_or_else(|| Error::NothingRun(session.clone()));
    let mut subject = read()?;
    let mut traced = Curves::new();
    if !curves.is_empty() {
        traced = on_session(&session, model, context, |workspace, _, context| {
            workspace.error_curves(&curves, context)
        })?;
        // Computing the curves changed the session, so it is read again.
        subject = read()?;
    }
    let files = report::files(&subject, &traced).map_err(|cause| export::Error::Json(cause.to_string()))?;
    let output = OutputDir::create(&out, force, None, |_: &Path| Ok::<(), Error>(()))?;
    output.directory(report::PLOTS)?;
    for file in files {
        output.write(&file.name, &file.bytes)?;
        if context.checkpoint().is_break() {
            return Err(Error::Cancelled);
        }
    }
    let published = output.publish()?;
    if let Some(leftover) = published.leftover {
        let message =
            format!("the replaced directory could not be removed; it is now {}", leftover.display());
        context.emit(Event::Warning { message });
    }
    context.emit(Event::ExportWritten { path: published.path, bytes: published.bytes });
    Ok(subject.record)
}

impl Workspace<'_> {
    /// The error curves of both parts of these layers, with the active methods.
    fn error_curves(&mut self, layers: &[usize], context: &mut Context) -> Result<Curves, Error> {
        let mut curves = Curves::new();
        for &layer in layers {
            self.attempts.check_layer(layer)?;
            let method = match self.attempts.active(layer) {
                Some(solved) => solved.attempt.method.clone(),
                None => Method::of_run(&self.settings, self.settings.ratios.ratio.unwrap_or_default()),
            };
            for part in [Part::Attention, Part::Mlp] {
                let (units, points) = self.error_curve((layer, part), method.clone(), context)?;
                curves.insert((layer, part), Curve { layer, units, points, chosen: None });
            }
        }
        Ok(curves)
    }
}
