//! The explorer, on a model, a session or a recording.

use slimgpt::application::{
    engine,
    recording::{Recorder, Replay},
    tui::{self, Ending, Interface, Opened, Session},
};
use slimgpt::config::{GlyphChoice, Paths, Settings};

use crate::{
    cli::{ExploreArgs, InterfaceArgs, ReplayArgs},
    failure::Failure,
    resolve::resolve,
    sessions,
    threads::use_threads,
};

pub fn explore(args: ExploreArgs, paths: Option<&Paths>) -> Result<Ending, Failure> {
    tui::needs_terminal()?;
    if args.settings.options.launch.json == Some(true) {
        return Err(tui::Error::Json.into());
    }
    let interface = Interface::load(paths, &flags(args.interface))?;
    let named = args.model.clone();
    let (model, options) = resolve(args.model, args.config, args.settings.options, paths)?;
    let events = options.launch.events.clone();
    let (model, place) = sessions::opened(named, model, &options, paths)?;
    let settings = Settings::new(options).map_err(engine::Error::from)?;
    use_threads(settings.machine.threads)?;
    let recorder = events.as_deref().map(Recorder::open).transpose().map_err(engine::Error::from)?;
    Ok(tui::explore(Session {
        opened: Opened::Model { model, place },
        engine: engine::workspace,
        settings,
        interface,
        recorder,
        sessions: paths.map(Paths::sessions),
    })?)
}

pub fn replay(args: ReplayArgs, paths: Option<&Paths>) -> Result<Ending, Failure> {
    tui::needs_terminal()?;
    let interface = Interface::load(paths, &flags(args.interface))?;
    let replay = Replay::open(&args.file).map_err(engine::Error::from)?;
    let opened = Opened::Recording { replay, speed: args.speed };
    Ok(tui::explore(Session {
        opened,
        engine: engine::workspace,
        settings: Settings::default(),
        interface,
        recorder: None,
        sessions: paths.map(Paths::sessions),
    })?)
}

fn flags(args: InterfaceArgs) -> tui::Flags {
    tui::Flags {
        theme: args.theme,
        glyphs: args.ascii.then_some(GlyphChoice::Ascii),
        mouse: args.no_mouse.then_some(false),
        colours: args.colours,
    }
}
