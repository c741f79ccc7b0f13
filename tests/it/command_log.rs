//! The script of the explorer's command log, carried out by the program.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    frontend::settings,
    program::{Workspace, sessions},
};
use slimgpt::application::{
    engine::{self, ModelChoice, SessionPlace, Worker},
    explorer::{Effect, Key, KeyMap, Msg, Origin, Start, State, update},
    protocol::{Event, Method, Pace},
    session::{PartPlace, look, look_at_part},
};
use slimgpt::prune::Part;

/// The explorer with its engine, without a screen.
struct Explorer {
    state: State,
    worker: Worker<()>,
    copied: Option<String>,
}

impl Explorer {
    /// Opens a model in a new session.
    fn open(model: &str, session: &Path) -> Self {
        let settings = settings();
        let choice = ModelChoice::Named(model.into());
        let worker = engine::workspace(choice, settings.clone(), SessionPlace::New(session.into()));
        let state = State::new(Start {
            origin: Origin::Live { model: model.into() },
            settings,
            keymap: KeyMap::default(),
            themes: vec!["dark".into()],
            theme: 0,
            mouse: false,
            idle_curves: false,
            pace: Pace::Free,
            eval: None,
            model_argument: Some(model.into()),
            sessions_root: None,
            offers: false,
            size: (120, 40),
        });
        let mut explorer = Self { state, worker, copied: None };
        explorer.until(|event| matches!(event, Event::ModelOpened { .. }));
        explorer
    }

    fn send(&mut self, msg: Msg) {
        for effect in update(&mut self.state, msg) {
            match effect {
                Effect::Command(command) => self.worker.commands.blocking_send(command).unwrap(),
                Effect::Copy(text) => self.copied = Some(text),
                _ => {}
            }
        }
    }

    fn keys(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            self.send(Msg::Key(Key::named(key).unwrap()));
        }
    }

    fn text(&mut self, text: &str) {
        self.send(Msg::Paste(text.into()));
    }

    /// Handles events up to the first one that `last` accepts.
    fn until(&mut self, last: impl Fn(&Event) -> bool) {
        loop {
            let stamped = self.worker.events.blocking_recv().expect("the engine has not ended");
            let ended = last(&stamped.event);
            self.send(Msg::Engine(stamped));
            if ended {
                return;
            }
        }
    }

    /// Handles events until no job is left.
    fn finish(&mut self) {
        while self.state.job().is_some() {
            self.until(|_| true);
        }
    }
}

/// Kept and removed units of a part.
type Units = (Vec<usize>, Vec<usize>);

/// Method, kept and removed units of the active attempts of a session, indexed by layer.
fn active(session: &Path) -> Vec<Option<(Method, [Units; 2])>> {
    let units = |layer, attempt, part| {
        let record = look_at_part(session, PartPlace { layer, attempt, part }).unwrap().record;
        (record.kept, record.removed)
    };
    let mut found = Vec::new();
    for (layer, entry) in look(session).unwrap().layers.iter().enumerate() {
        found.push(entry.active.map(|number| {
            let attempt = entry.attempts.iter().find(|attempt| attempt.attempt.number == number).unwrap();
            let file = |part| attempt.part(part).unwrap().file;
            let units = [Part::Attention, Part::Mlp].map(|part| units(layer, file(part), part));
            (attempt.attempt.method.clone(), units)
        }));
    }
    found
}

/// Carries out a script with the program, and returns its session.
fn carried_out(script: &str, bench: &Workspace) -> PathBuf {
    fs::write(bench.path("again.sh"), script).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_slimgpt")).parent().unwrap().to_path_buf();
    let mut path = vec![program];
    path.extend(env::split_paths(&env::var_os("PATH").unwrap()));
    let session = bench.path("scripted");
    let ran = Command::new("sh")
        .arg(bench.path("again.sh"))
        .arg(&session)
        .env("PATH", env::join_paths(path).unwrap())
        .env("HF_HUB_OFFLINE", "1")
        .env("XDG_CONFIG_HOME", "/no such directory")
        .env("XDG_STATE_HOME", sessions().ancestors().nth(2).unwrap())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}\n{script}", String::from_utf8_lossy(&ran.stderr));
    session
}

#[test]
fn the_script_of_a_session_makes_the_same_active_attempts() {
    let bench = Workspace::new();
    let session = bench.path("explored");
    let mut explorer = Explorer::open(&bench.text("model"), &session);
    explorer.keys("s");
    explorer.finish();
    // A retry, and a second run with another plan.
    explorer.keys("1 g j 2 r");
    explorer.text("0.6");
    explorer.keys("enter");
    explorer.finish();
    explorer.keys("1 g j e");
    explorer.text("0.35");
    explorer.keys("enter s y");
    explorer.finish();
    // A cancelled run leaves attempts that the script lacks.
    explorer.keys("1 g j e");
    explorer.text("0.45");
    explorer.keys("enter s y");
    explorer.until(|event| matches!(event, Event::LayerDone { record, .. } if record.index == 1));
    explorer.keys("x y");
    explorer.finish();
    explorer.keys("u");
    // Undo and redo of the second run, another retry, its activation, and a run of the stale layers.
    explorer.keys("u");
    let first = explorer.state.layers[1].chosen;
    explorer.keys("U 1 g j 2 r");
    let second = explorer.state.layers[1].chosen;
    assert_ne!(first, second, "undo and redo change the active attempt");
    explorer.text("0.5");
    explorer.keys("enter");
    explorer.finish();
    explorer.keys("enter");
    let third = explorer.state.layers[1].chosen;
    assert!(third != second && third > second, "{third:?} is active after {second:?}");
    explorer.keys("R");
    explorer.finish();
    explorer.keys("@ y");
    let script = explorer.copied.take().expect("the script is copied");
    explorer.worker.join().unwrap();

    assert!(script.contains(" --again all ") && script.contains(" --again rest "), "{script}");
    assert!(script.contains("\n# Cancelled: "), "{script}");
    let (expected, found) = (active(&session), active(&carried_out(&script, &bench)));
    assert_eq!(found.len(), 12);
    assert!(expected.iter().all(Option::is_some));
    for (layer, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!(found == expected, "layer {layer}: {found:?}, expected {expected:?}\n{script}");
    }
}
