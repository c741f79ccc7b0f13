//! The commands on sessions: finding the named session, and the directory of a new one.

use std::path::{Path, PathBuf};

use slimgpt::application::{
    engine::{self, Choose, Export, Measure, Measured, ModelChoice, Report, Resume, Retry, SessionPlace},
    headless::{self, Confirmation, Output, Removal},
    protocol::{LayerPart, MethodChange, Prompt},
    recording::Recorder,
    session::{self, ModelPlace, State},
};
use slimgpt::{
    config::{EvaluationOptions, Options, Paths, Ratios, RatiosOptions},
    failure::{Advice, Kind},
    prune::{LayerRatio, Part},
};

use crate::cli::{
    Choice, ChooseArgs, CurveArgs, ErrorsArgs, ExportArgs, On, PerplexityArgs, ReportArgs, ResumeArgs,
    RetryArgs, SessionsCommand, TextsArgs,
};
use crate::{ranks, threads};

/// Errors about the session named in a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Engine(#[from] engine::Error),
    #[error("session: no home directory is known; use --session DIR or --no-session")]
    NoPlace,
    #[error("sessions: no home directory is known; use --root DIR, or set HOME or XDG_STATE_HOME")]
    NoRoot,
    #[error("{0}; for a new session, use a path such as ./{1}")]
    NoneOfThatName(session::Error, String),
    #[error("sessions: nothing was removed; stdin is not a terminal, so use --yes to confirm")]
    NoTerminal,
}

/// The location at which a command-line run is recorded.
pub fn place_of_run(options: &Options, paths: Option<&Paths>) -> Result<SessionPlace, Error> {
    match &options.launch.session {
        _ if options.launch.no_session == Some(true) => Ok(SessionPlace::None),
        Some(dir) if session::find(None, &dir.to_string_lossy()).is_ok() => {
            Err(engine::Error::from(session::Error::Exists(dir.clone())).into())
        }
        Some(dir) => Ok(SessionPlace::New(dir.clone())),
        None => paths.map(|paths| SessionPlace::Under(paths.sessions())).ok_or(Error::NoPlace),
    }
}

/// The existing session that `--session` names, in which a run prunes again.
pub fn existing(options: &Options, paths: Option<&Paths>) -> Result<PathBuf, Error> {
    let root = paths.map(Paths::sessions);
    let name = options.launch.session.as_ref().map_or("last".into(), |dir| dir.to_string_lossy());
    Ok(session::find(root.as_deref(), &name).map_err(engine::Error::from)?)
}

/// The model and the session that the explorer opens: the named model, or that of an existing session.
pub fn opened(
    named: Option<String>,
    model: ModelChoice,
    options: &Options,
    paths: Option<&Paths>,
) -> Result<(ModelChoice, SessionPlace), Error> {
    let Some(session) = options.launch.session.as_ref().filter(|_| options.launch.no_session != Some(true))
    else {
        return Ok((model, place_of_run(options, paths)?));
    };
    let root = paths.map(Paths::sessions);
    match session::find(root.as_deref(), &session.to_string_lossy()) {
        Ok(dir) => {
            let model = match named {
                Some(name) => ModelChoice::Named(name),
                None => model_of(&session::look(&dir).map_err(engine::Error::from)?),
            };
            Ok((model, SessionPlace::Open(dir)))
        }
        // A mistyped session name is more likely than a new directory with that name.
        Err(error @ session::Error::Unknown { .. }) if named.is_none() && is_bare(session) => {
            Err(Error::NoneOfThatName(error, session.display().to_string()))
        }
        Err(session::Error::Unknown { .. } | session::Error::NotFound(_)) => {
            Ok((model, SessionPlace::New(session.clone())))
        }
        Err(error) => Err(engine::Error::from(error).into()),
    }
}

/// Whether the path is only a name, without a directory.
fn is_bare(path: &Path) -> bool {
    path.parent() == Some(Path::new("")) && !path.starts_with(".")
}

fn model_of(state: &State) -> ModelChoice {
    match &state.model.place {
        ModelPlace::BuiltIn => ModelChoice::Demo,
        ModelPlace::Directory(path) | ModelPlace::File(path) => {
            ModelChoice::Named(path.display().to_string())
        }
        ModelPlace::Hub(id) => ModelChoice::Named(id.clone()),
    }
}

pub fn resume(args: ResumeArgs, paths: Option<&Paths>) -> Result<(), Error> {
    let ResumeArgs { on, out, force, events } = args;
    let root = paths.map(Paths::sessions);
    // It may execute the program again, which must happen before MPI begins. The machines of other ranks may lack the session.
    let found = found(&on, root.as_deref());
    let Some(leader) = ranks::join()? else { return Ok(()) };
    let (session, state) = found?;
    let planned = state.target().map(|target| target.path.clone());
    let recorder = match (&events, out.as_ref().or(planned.as_ref())) {
        (Some(events), Some(out)) => Some(Recorder::open_beside(events, out)),
        (Some(events), None) => Some(Recorder::open(events)),
        (None, _) => None,
    };
    let recorder = recorder.transpose().map_err(engine::Error::from)?;
    let job = Resume { session, model: on.model, out, force };
    Ok(headless::resume(job, leader.ranks(), output(on.json), recorder, root.as_deref())?)
}

pub fn retry(args: RetryArgs, paths: Option<&Paths>) -> Result<(), Error> {
    let RetryArgs { on, layer, part, ratio, method, choose } = args;
    let Options { solver, .. } = method.options;
    let ratios: Vec<Option<LayerRatio>> =
        if ratio.is_empty() { vec![None] } else { ratio.into_iter().map(Some).collect() };
    let mut changes = Vec::new();
    for ratio in ratios {
        let all = part.as_deref().unwrap_or(&[Part::Attention, Part::Mlp]);
        let mut parts = all.to_vec();
        for &part in all {
            let ratio = ratio.map(|ratio| ratio.of(part));
            let options = RatiosOptions { ratio, parts: Some(all.to_vec()), ..RatiosOptions::default() };
            parts = Ratios::new(options).map_err(engine::Error::from)?.parts;
        }
        changes.push(MethodChange { ratio, parts: part.as_ref().map(|_| parts), solver });
    }
    let root = paths.map(Paths::sessions);
    let (session, _) = found(&on, root.as_deref())?;
    let job = Retry { session, model: on.model, layer, changes, choose };
    Ok(headless::retry(job, output(on.json), root.as_deref())?)
}

pub fn choose(args: ChooseArgs, paths: Option<&Paths>) -> Result<(), Error> {
    let ChooseArgs { on, layer, attempt } = args;
    let root = paths.map(Paths::sessions);
    let (session, _) = found(&on, root.as_deref())?;
    let attempt = match attempt {
        Choice::Attempt(number) => Some(number),
        Choice::None => None,
    };
    let job = Choose { session, model: on.model, layer, attempt };
    Ok(headless::choose(job, output(on.json), root.as_deref())?)
}

pub fn perplexity(args: PerplexityArgs, paths: Option<&Paths>) -> Result<(), Error> {
    let PerplexityArgs { on, text, seq_len, windows, evaluation } = args;
    let options = EvaluationOptions { text, seq_len, windows, ..evaluation.options.evaluation };
    measure(on, Measured::Perplexity(options), paths)
}

pub fn curve(args: CurveArgs, paths: Option<&Paths>) -> Result<(), Error> {
    let CurveArgs { on, layer, part } = args;
    measure(on, Measured::Curve { layer, part }, paths)
}

pub fn errors(args: ErrorsArgs, paths: Option<&Paths>) -> Result<(), Error> {
    let ErrorsArgs { on, layer, dense, attempts, windows } = args;
    let of = match (layer, dense) {
        (Some(layer), Some(part)) => Measured::Errors { dense_part: Some(LayerPart { layer, part }) },
        (Some(layer), None) => Measured::Attempts { layer, attempts, windows: windows.get() },
        (None, _) => Measured::Errors { dense_part: None },
    };
    measure(on, of, paths)
}

pub fn texts(args: TextsArgs, paths: Option<&Paths>) -> Result<(), Error> {
    let TextsArgs { on, prompt, max_tokens, temperature, seed } = args;
    measure(on, Measured::Texts(Prompt { text: prompt, max_tokens, temperature, seed }), paths)
}

fn measure(on: On, of: Measured, paths: Option<&Paths>) -> Result<(), Error> {
    let (session, _) = found(&on, paths.map(Paths::sessions).as_deref())?;
    Ok(headless::measure(Measure { session, model: on.model, of }, output(on.json))?)
}

pub fn export(args: ExportArgs, paths: Option<&Paths>) -> Result<(), Error> {
    let ExportArgs { on, out, output: form, force } = args;
    let (session, _) = found(&on, paths.map(Paths::sessions).as_deref())?;
    Ok(headless::export(
        Export { session, model: on.model, form: form.options.output, out, force },
        output(on.json),
    )?)
}

pub fn report(args: ReportArgs, paths: Option<&Paths>) -> Result<(), Error> {
    let ReportArgs { on, out, force, curves } = args;
    let (session, _) = found(&on, paths.map(Paths::sessions).as_deref())?;
    let job = Report { session, model: on.model, out, force, curves };
    Ok(headless::report(job, output(on.json))?)
}

pub fn on_disk(command: SessionsCommand, paths: Option<&Paths>) -> Result<(), Error> {
    let own = paths.map(Paths::sessions);
    let find = |name: &str| session::find(own.as_deref(), name).map_err(engine::Error::from);
    let removal = match command {
        SessionsCommand::List { root, json } => {
            let root = root.root.or(own).ok_or(Error::NoRoot)?;
            return Ok(headless::list_sessions(&root, output(json))?);
        }
        SessionsCommand::Show { session, json } => {
            return Ok(headless::show_session(own.as_deref(), &find(&session)?, output(json))?);
        }
        SessionsCommand::Compare { a, b, json } => {
            return Ok(headless::compare_sessions(&find(&a)?, &find(&b)?, output(json))?);
        }
        SessionsCommand::PruneOld { root, older_than, keep, dry_run, yes } => {
            let root = root.root.or(own).ok_or(Error::NoRoot)?;
            let confirmation = if dry_run { Confirmation::DryRun } else { confirmation(yes) };
            headless::prune_old_sessions(&root, older_than, keep, confirmation)
        }
        SessionsCommand::Remove { sessions, yes } => {
            let mut dirs = sessions.iter().map(|name| find(name)).collect::<Result<Vec<PathBuf>, _>>()?;
            dirs.sort();
            dirs.dedup();
            headless::remove_sessions(dirs, confirmation(yes))
        }
    };
    match removal? {
        Removal::Done => Ok(()),
        Removal::NoTerminal => Err(Error::NoTerminal),
    }
}

/// Finds the session, and limits this process to the number of threads of its run.
fn found(on: &On, root: Option<&Path>) -> Result<(PathBuf, State), Error> {
    let found = session::find(root, &on.session).and_then(|dir| Ok((session::look(&dir)?, dir)));
    let (state, dir) = found.map_err(engine::Error::from)?;
    let threads = state.setups.last().and_then(|setup| setup.settings.machine.threads);
    threads::use_threads(on.threads.or(threads))?;
    Ok((dir, state))
}

fn confirmation(yes: bool) -> Confirmation {
    if yes { Confirmation::Given } else { Confirmation::Ask }
}

fn output(json: bool) -> Output {
    if json { Output::Json } else { Output::Text }
}

impl Error {
    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Engine(error) => error.kind(),
            Self::NoPlace | Self::NoRoot | Self::NoneOfThatName(..) | Self::NoTerminal => Kind::Input,
        }
    }

    /// Advice whose wording depends on the frontend.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Engine(error) => error.advice(),
            Self::NoPlace | Self::NoRoot | Self::NoneOfThatName(..) | Self::NoTerminal => None,
        }
    }
}
