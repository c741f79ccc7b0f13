//! The report of a session: read without its lock and without its model, unless whole error curves are asked for.

use std::path::{Path, PathBuf};

use crate::{
    export::{self, OutputDir},
    protocol::{Event, Method, RunRecord},
    prune::Part,
    report::{self, Curves, ReportInput, figures::Curve},
};

use super::{Context, Error, Workspace, jobs::on_session};

pub struct Report {
    pub session: PathBuf,
    /// Where the model lies now, if it was moved. Opened for `curves` alone.
    pub model: Option<String>,
    pub out: PathBuf,
    pub force: bool,
    /// Layers whose whole error curves are computed.
    pub curves: Vec<usize>,
}

/// Writes the report; returns its `run.json`.
pub fn report(job: Report, context: &mut Context) -> Result<RunRecord, Error> {
    let Report { session, model, out, force, curves } = job;
    OutputDir::check(&out, force, Some(&session))?;
    let read = || ReportInput::read(&session)?.ok_or_else(|| Error::NothingRun(session.clone()));
    let mut subject = read()?;
    let mut traced = Curves::new();
    if !curves.is_empty() {
        traced = on_session(&session, model, context, |workspace, _, context| {
            workspace.trace_all(&curves, context)
        })?;
        // It was held open while it was traced.
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
        let message = format!("what was replaced could not be removed; it is now {}", leftover.display());
        context.emit(Event::Warning { message });
    }
    context.emit(Event::ExportWritten { path: published.path, bytes: published.bytes });
    Ok(subject.record)
}

impl Workspace<'_> {
    /// The curves of both parts of these layers, each by the method active.
    fn trace_all(&mut self, layers: &[usize], context: &mut Context) -> Result<Curves, Error> {
        let mut curves = Curves::new();
        for &layer in layers {
            self.attempts.check_layer(layer)?;
            let method = match self.attempts.active(layer) {
                Some(solved) => solved.attempt.method.clone(),
                None => Method::of_run(&self.settings, self.settings.ratios.ratio.unwrap_or_default()),
            };
            for part in [Part::Attention, Part::Mlp] {
                let (units, points) = self.trace((layer, part), method.clone(), context)?;
                curves.insert((layer, part), Curve { layer, units, points, chosen: None });
            }
        }
        Ok(curves)
    }
}
