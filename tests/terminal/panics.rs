//! An explorer that panics. It is a test of this binary that another test starts in a terminal, so the program
//! contains no code for it.

use std::{env, process};

use slimgpt::application::{
    engine::{self, ModelChoice, SessionPlace, Worker},
    protocol::Event,
    tui::{self, Flags, Interface, Opened, Session, StartEngine},
    words::ExitCode,
};
use slimgpt::config::{Paths, Settings};

use crate::pty::Setup;

/// The message of the worker's panic.
pub const CAUSE: &str = "this worker panics once its model is open";
/// Set if a test started this process.
const STARTED: &str = "SLIMGPT_TEST_EXPLORER";

/// Runs one of the explorers below.
pub fn setup(explorer: &str) -> Setup {
    let tests = env::current_exe().unwrap();
    let name = format!("panics::{explorer}");
    Setup::of(tests.to_str().unwrap(), &["--exact", &name, "--ignored", "--nocapture"]).env(STARTED, "1")
}

#[test]
#[ignore = "started by another test, in a terminal"]
fn without_a_theme() {
    explore(engine::workspace, |interface| interface.themes.clear());
}

#[test]
#[ignore = "started by another test, in a terminal"]
fn whose_worker_panics() {
    explore(panicking, |_| {});
}

/// Ends this process with the exit code of the explorer.
fn explore(engine: StartEngine, change: impl FnOnce(&mut Interface)) {
    if env::var_os(STARTED).is_none() {
        return;
    }
    let paths = Paths::find();
    tui::report_panics(paths.as_ref().map(Paths::reports));
    let mut interface = Interface::load(paths.as_ref(), &Flags::default()).unwrap();
    change(&mut interface);
    let opened = Opened::Model { model: ModelChoice::Demo, place: SessionPlace::None };
    let settings = Settings::new(Default::default()).unwrap();
    let session = Session { opened, engine, settings, interface, recorder: None, sessions: None };
    let code = match tui::explore(session) {
        Ok(ending) => ExitCode::from(ending),
        Err(error) => ExitCode::from(error.kind()),
    };
    process::exit(code.number().into());
}

/// A worker that panics on its own thread as soon as the model is open.
fn panicking(model: ModelChoice, settings: Settings, place: SessionPlace) -> Worker<()> {
    let mut worker = engine::workspace(model, settings, place);
    engine::start(0, move |control| {
        while let Some(stamped) = worker.events.blocking_recv() {
            let open = matches!(stamped.event, Event::ModelOpened { .. });
            control.emit(stamped.event);
            assert!(!open, "{CAUSE}");
        }
        worker.join()
    })
}
