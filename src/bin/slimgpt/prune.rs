//! Prunes a model without the explorer, or estimates the time and memory of a run.

use std::path::PathBuf;

use slimgpt::application::{
    engine::{self, Again, ModelChoice, PruneAgain, PruneRun, SessionPlace},
    headless,
    recording::Recorder,
};
use slimgpt::config::{Paths, Settings};

use crate::{
    cli::{InspectArgs, PruneArgs},
    commands::output,
    failure::Failure,
    ranks,
    resolve::resolve,
    sessions,
    threads::use_threads,
};

pub fn prune(args: PruneArgs, paths: Option<&Paths>) -> Result<(), Failure> {
    let (model, options) = resolve(args.model, args.config, args.settings.options, paths)?;
    let output = output(options.launch.json.unwrap_or(false));
    let events = options.launch.events.clone();
    let place = match args.again {
        Some(layers) => Place::Existing(sessions::existing(&options, paths)?, layers),
        None => Place::New(sessions::place_of_run(&options, paths)?),
    };
    let settings = Settings::new(options).map_err(engine::Error::from)?;
    use_threads(settings.machine.threads)?;
    let Some(leader) = ranks::join()? else { return Ok(()) };
    let recorder = events.as_deref().map(|events| match &args.out {
        Some(out) => Recorder::open_beside(events, out),
        None => Recorder::open(events),
    });
    let recorder = recorder.transpose().map_err(engine::Error::from)?;
    let root = paths.map(Paths::sessions);
    let PruneArgs { out, force, dense_from, .. } = args;
    match place {
        Place::New(session) => {
            let job = PruneRun { model, settings, out, force, session, dense_from };
            Ok(headless::prune(job, leader.ranks(), output, recorder, root.as_deref())?)
        }
        Place::Existing(session, layers) => {
            let model = match model {
                ModelChoice::Demo => None,
                ModelChoice::Named(name) => Some(name),
            };
            let job = PruneAgain { session, model, settings, layers, out, force };
            Ok(headless::prune_again(job, leader.ranks(), output, recorder, root.as_deref())?)
        }
    }
}

/// The session of a run.
enum Place {
    New(SessionPlace),
    Existing(PathBuf, Again),
}

/// Reports the sizes of a model, and the memory and time of a run with these settings.
pub fn inspect(args: InspectArgs, paths: Option<&Paths>) -> Result<(), engine::Error> {
    let (model, options) = resolve(args.model, args.config, args.settings.options, paths)?;
    let output = output(options.launch.json.unwrap_or(false));
    let settings = Settings::new(options)?;
    use_threads(settings.machine.threads)?;
    headless::inspect(model, settings, output)
}
