//! The event loop: input, engine events and signals update the state, and the state is drawn.

use std::{io, time::Instant};

use ratatui::{
    crossterm::{event::Event as TerminalEvent, style::force_color_output, terminal},
    layout::Rect,
};
use tokio::{sync::mpsc, time::sleep_until};

/// The error number of a closed terminal, on every Unix.
const EIO: i32 = 5;

use super::{
    Ending, Error, Opened, Session, StartEngine, clipboard,
    guard::Guard,
    input,
    on_disk::OnDisk,
    output::{Output, Screen},
    pacing::{Due, Pacing},
    picture, report, session,
    signals::{Caught, Signals},
    source::Source,
    suspend::suspend,
};
use crate::{
    config::Settings,
    engine,
    explorer::view::{self, Hits, Theme},
    explorer::{self, Effect, Entry, Level, Msg, Start, State},
    recording::{self, Recorder},
    words,
};

/// Maximum number of engine events handled before reading keys and drawing the screen.
const AT_ONCE: usize = 512;
pub struct Explorer {
    state: State,
    /// Themes, never empty, because they include the built-in ones.
    themes: Vec<Theme>,
    hits: Hits,
    pacing: Pacing,
    screen: Screen,
    source: Source,
    on_disk: OnDisk,
    recorder: Option<Recorder>,
    signals: Signals,
    input: mpsc::Receiver<io::Result<TerminalEvent>>,
    hung_up: mpsc::Receiver<()>,
    guard: Guard,
    /// Whether the worker has panicked.
    crashed: bool,
}

/// The next step of the loop.
enum Next {
    Continue,
    Suspend,
    End(Ending),
}

impl Explorer {
    pub async fn run(session: Session) -> Result<Ending, Error> {
        let mut explorer = Self::enter(session)?;
        let ended = explorer.explore().await;
        let Self { state, source, recorder, guard, crashed, .. } = explorer;
        // The shell gets the terminal back at once, while the worker is still saving.
        drop(guard);
        source.close();
        if let Some(path) = state.sessions.open.as_ref().filter(|_| !state.is_replay()) {
            session::print_hint(&words::session_name(path), &explorer::session_argument(&state, path));
        }
        let recorded = recorder.map_or(Ok(()), Recorder::finish);
        let ending = match ended {
            // The terminal was closed.
            Err(Error::Terminal(cause)) if cause.raw_os_error() == Some(EIO) => Ending::HungUp,
            Ok(Ending::Quit) if crashed => Ending::Crashed,
            ended => ended?,
        };
        recorded?;
        Ok(ending)
    }

    fn enter(session: Session) -> Result<Self, Error> {
        let Session { opened, engine, settings, interface, recorder, sessions } = session;
        // Only the theme determines colours; see `Theme::resolved`.
        force_color_output(true);
        // Signal handlers are installed before the terminal is changed, so no signal leaves it changed.
        let signals = Signals::listen().map_err(Error::Runtime)?;
        let (origin, eval, model_argument) = (opened.origin(), opened.eval(), opened.model_argument());
        let offers = opened.is_new_session() && sessions.is_some();
        let source = open(opened, engine, &settings);
        let guard = Guard::enter(interface.mouse).map_err(Error::Terminal)?;
        let screen = Output::screen().map_err(Error::Terminal)?;
        let mut state = State::new(Start {
            origin,
            settings,
            keymap: interface.keymap,
            themes: interface.themes.iter().map(|theme| theme.name.clone()).collect(),
            theme: interface.theme,
            mouse: interface.mouse,
            idle_curves: interface.idle_curves,
            pace: interface.pace,
            eval,
            model_argument,
            sessions_root: sessions.clone(),
            offers,
            size: terminal::size().map_err(Error::Terminal)?,
        });
        for text in interface.warnings {
            state.log.push(Entry { at: 0.0, level: Level::Warning, layer: None, text });
        }
        let mut pacing = Pacing::default();
        pacing.change();
        Ok(Self {
            state,
            themes: interface.themes,
            hits: Hits::default(),
            pacing,
            screen,
            source,
            on_disk: OnDisk::under(sessions),
            recorder,
            signals,
            input: input::listen(),
            hung_up: hang_up(),
            guard,
            crashed: false,
        })
    }

    async fn explore(&mut self) -> Result<Ending, Error> {
        loop {
            let wake = match self.pacing.due(Instant::now()) {
                Due::Never => None,
                Due::At(instant) => Some(instant),
                Due::Now => {
                    self.draw()?;
                    None
                }
            };
            let next = tokio::select! {
                caught = self.signals.next() => match caught {
                    Caught::End(ending) => Next::End(ending),
                    Caught::Continued => {
                        self.guard.enter_again().map_err(Error::Terminal)?;
                        self.redraw()?;
                        Next::Continue
                    }
                },
                Some(()) = self.hung_up.recv() => Next::End(Ending::HungUp),
                event = self.input.recv() => match event {
                    Some(Ok(event)) => self.handle(event)?,
                    Some(Err(cause)) => return Err(Error::Terminal(cause)),
                    None => Next::End(Ending::HungUp),
                },
                event = self.source.next() => self.receive(event)?,
                answer = self.on_disk.next() => self.update(answer)?,
                () = sleep_until(wake.unwrap_or_else(Instant::now).into()), if wake.is_some() => Next::Continue,
            };
            match next {
                Next::Continue => {}
                Next::End(ending) => return Ok(ending),
                Next::Suspend => {
                    suspend(&self.guard, &mut self.signals).await.map_err(Error::Terminal)?;
                    self.redraw()?;
                }
            }
        }
    }

    /// Handles an input event and all others that have already arrived.
    fn handle(&mut self, first: TerminalEvent) -> Result<Next, Error> {
        let mut event = Some(first);
        let mut answer = false;
        while let Some(input) = event {
            if let Some(msg) = input::message(input, &self.hits, self.state.hover) {
                answer = true;
                match self.update(msg)? {
                    Next::Continue => {}
                    end @ (Next::Suspend | Next::End(_)) => return Ok(end),
                }
            }
            event = self.input.try_recv().ok().and_then(Result::ok);
        }
        if answer {
            self.pacing.answer();
        }
        Ok(Next::Continue)
    }

    /// Handles an event of the worker and all others that have already arrived.
    fn receive(&mut self, msg: Option<Msg>) -> Result<Next, Error> {
        let Some(mut msg) = msg else { return self.worker_ended() };
        for _ in 1..AT_ONCE {
            let next = self.record_and_update(msg)?;
            match (next, self.source.next_now()) {
                (Next::Continue, Some(newer)) => msg = newer,
                (next, _) => return Ok(next),
            }
        }
        self.record_and_update(msg)
    }

    fn record_and_update(&mut self, msg: Msg) -> Result<Next, Error> {
        if let (Some(recorder), Msg::Engine(stamped)) = (&mut self.recorder, &msg) {
            recorder.record(stamped);
        }
        self.update(msg)
    }

    fn worker_ended(&mut self) -> Result<Next, Error> {
        let why = match self.source.ended() {
            Ok(()) => None,
            Err(Error::Engine(engine::Error::Panicked) | Error::Recording(recording::Error::Panicked)) => {
                self.crashed = true;
                let file = report::newest_file().map(|file| format!("; report in {}", file.display()));
                Some(format!("the worker stopped unexpectedly{}", file.unwrap_or_default()))
            }
            // Without a model there is nothing to show.
            Err(error) if self.state.model.is_none() => return Err(error),
            Err(error) => Some(error.to_string()),
        };
        self.update(Msg::EngineGone(why))
    }

    fn update(&mut self, msg: Msg) -> Result<Next, Error> {
        self.pacing.change();
        for effect in explorer::update(&mut self.state, msg) {
            match effect {
                Effect::Command(command) => self.source.command(command),
                Effect::ListSessions => self.on_disk.list(self.state.sessions.open.clone()),
                Effect::ReadSession(path) => self.on_disk.read(path),
                Effect::ReadRemoved(path) => self.on_disk.read_removed(path),
                Effect::DeleteSession(path) => self.on_disk.delete(path),
                Effect::LabelSession { path, label } => self.on_disk.label(path, label),
                Effect::SettleSession(path) => self.on_disk.settle(path),
                Effect::Copy(text) => clipboard::copy(&text).map_err(Error::Terminal)?,
                Effect::SavePicture(picture) => {
                    let drawn = picture::drawn(&self.state, &picture);
                    self.on_disk.save(picture, drawn);
                }
                Effect::Suspend => return Ok(Next::Suspend),
                Effect::Quit => return Ok(Next::End(Ending::Quit)),
            }
        }
        self.guard.set_mouse(self.state.interface.mouse).map_err(Error::Terminal)?;
        Ok(Next::Continue)
    }

    /// Redraws the whole screen, because other programs may have written to it or its size may have changed.
    fn redraw(&mut self) -> Result<(), Error> {
        let (columns, rows) = terminal::size().map_err(Error::Terminal)?;
        // Resizing also clears the screen. `clear` would query the cursor position, and the input thread
        // would read the answer.
        self.screen.resize(Rect::new(0, 0, columns, rows)).map_err(Error::Terminal)?;
        self.update(Msg::Resize(columns, rows))?;
        self.draw()
    }

    fn draw(&mut self) -> Result<(), Error> {
        let (state, hits) = (&self.state, &mut self.hits);
        let theme = &self.themes[state.interface.theme.min(self.themes.len() - 1)];
        self.screen.draw(|frame| *hits = view::draw(frame, state, theme)).map_err(Error::Terminal)?;
        self.pacing.drawn(Instant::now());
        Ok(())
    }
}

fn open(opened: Opened, engine: StartEngine, settings: &Settings) -> Source {
    match opened {
        Opened::Recording { replay, speed } => Source::replay(replay.lecture(speed)),
        Opened::Model { model, place } => Source::engine(engine(model, settings.clone(), place)),
    }
}

/// Reports once when the terminal was closed. On other systems, only signals report it.
#[cfg(unix)]
fn hang_up() -> mpsc::Receiver<()> {
    super::hang_up::listen()
}

#[cfg(not(unix))]
fn hang_up() -> mpsc::Receiver<()> {
    mpsc::channel(1).1
}
