//! The explorer without a terminal: states, messages and drawn frames.
pub mod boxes;
pub mod listed;
pub mod odd;

use std::{path::Path, sync::LazyLock};

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
    layout::Position,
    style::{Color, Modifier},
};
use slimgpt::application::{
    explorer::view::{self, Hits, Theme},
    explorer::{Effect, Key, KeyMap, Msg, Origin, Start, State, update},
    protocol::{Event, Pace, Stamped},
    recording::Replay,
};
use slimgpt::{calibration::TextSource, config::Settings};
use unicode_width::UnicodeWidthStr;

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/recordings");

static THEME: LazyLock<Theme> = LazyLock::new(Theme::default);

/// A drawn frame.
pub struct Shown {
    pub buffer: Buffer,
    pub hits: Hits,
    /// Position of the text cursor, if there is one.
    pub cursor: Option<Position>,
}

/// A state without a model. Runs are calibrated on the built-in stories.
pub fn unopened(origin: Origin) -> State {
    let mut settings = Settings::default();
    settings.calibration.texts = vec![TextSource::DemoStories];
    State::new(Start {
        origin,
        settings,
        keymap: KeyMap::default(),
        themes: vec!["dark".into(), "light".into()],
        theme: 0,
        mouse: true,
        idle_curves: false,
        pace: Pace::Free,
        eval: Some(TextSource::DemoHeldOut),
        model_argument: None,
        sessions_root: Some("/state/sessions".into()),
        offers: false,
        size: (80, 24),
    })
}

pub fn live() -> State {
    unopened(Origin::Live { model: "demo".into() })
}

pub fn replay() -> State {
    unopened(Origin::Replay { file: "demo.jsonl".into(), speed: 1.0 })
}

/// The events of the recorded run.
pub fn recorded() -> Vec<Stamped> {
    recording("demo.jsonl")
}

/// The events of a recording.
pub fn recording(file: &str) -> Vec<Stamped> {
    let path = Path::new(RECORDINGS).join(file);
    let mut player = Replay::open(&path).unwrap().play(f64::INFINITY);
    std::iter::from_fn(|| player.events.blocking_recv()).collect()
}

/// Sends an event of a job, one second after its start.
pub fn emit(state: &mut State, run: u64, event: Event) {
    update(state, Msg::Engine(Stamped { run, at: 1.0, event }));
}

/// Presses keys by their names.
pub fn press(state: &mut State, keys: &[&str]) -> Vec<Effect> {
    keys.iter().flat_map(|key| update(state, Msg::Key(Key::named(key).unwrap()))).collect()
}

/// Draws the state at the size of its terminal.
pub fn drawn(state: &State) -> Shown {
    let (columns, rows) = state.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut hits = Hits::default();
    terminal.draw(|frame| hits = view::draw(frame, state, &THEME)).unwrap();
    let cursor = terminal.backend().cursor_visible().then(|| terminal.backend().cursor_position());
    Shown { buffer: terminal.backend().buffer().clone(), hits, cursor }
}

impl Shown {
    /// The symbols of a row, one per cell; empty if a wide symbol covers the cell.
    pub fn cells(&self, y: u16) -> Vec<&str> {
        let mut hidden = 0;
        let cell = |x: u16| {
            let symbol = self.buffer[(x, y)].symbol();
            if hidden > 0 {
                hidden -= 1;
                return "";
            }
            hidden = symbol.width().saturating_sub(1);
            symbol
        };
        (0..self.buffer.area.width).map(cell).collect()
    }

    /// A row as text without trailing blanks.
    pub fn row(&self, y: u16) -> String {
        self.cells(y).concat().trim_end().into()
    }

    pub fn text(&self) -> String {
        (0..self.buffer.area.height).map(|y| self.row(y) + "\n").collect()
    }

    /// Styles other than plain text, one line per row: `4 │ 1-7 #86cb9e bold, 9-12 #d3dde8 on #28323f`.
    pub fn looks(&self) -> String {
        let rows = (0..self.buffer.area.height).map(|y| (y, self.looks_of(y)));
        rows.filter(|(_, runs)| !runs.is_empty()).map(|(y, runs)| format!("{y:>2} │ {runs}\n")).collect()
    }

    fn looks_of(&self, y: u16) -> String {
        let mut runs: Vec<(u16, u16, Look)> = Vec::new();
        for (symbol, x) in self.cells(y).into_iter().zip(0..).filter(|(symbol, _)| !symbol.is_empty()) {
            let look = Look::of(symbol, &self.buffer[(x, y)]);
            match runs.last_mut().and_then(|(_, _, of)| of.with(look)) {
                // An invisible blank belongs to a run of cells only if the run continues after it.
                Some(_) if look.is_plain() && look.fg.is_none() => {}
                Some(both) => {
                    let (from, _, _) = runs.pop().unwrap();
                    runs.push((from, x, both));
                }
                None => runs.push((x, x, look)),
            }
        }
        let told = runs.into_iter().filter(|(_, _, look)| !look.is_plain());
        let place = |from, end| if from == end { format!("{from}") } else { format!("{from}-{end}") };
        let words: Vec<String> =
            told.map(|(from, end, look)| format!("{} {}", place(from, end), look.words())).collect();
        words.join(", ")
    }
}

/// The visible colours and attributes of a cell.
#[derive(Clone, Copy, PartialEq)]
struct Look {
    /// None for a blank, whose foreground colour is invisible.
    fg: Option<Color>,
    bg: Color,
    attributes: Modifier,
}

impl Look {
    fn of(symbol: &str, cell: &Cell) -> Self {
        let seen_on_blanks = Modifier::REVERSED | Modifier::UNDERLINED;
        match symbol {
            " " => Self { fg: None, bg: cell.bg, attributes: cell.modifier & seen_on_blanks },
            _ => Self { fg: Some(cell.fg), bg: cell.bg, attributes: cell.modifier },
        }
    }

    /// A single look for both cells, if possible: a blank takes the colour of its neighbour.
    fn with(self, next: Self) -> Option<Self> {
        match (self.fg, next.fg) {
            (_, None) if self.bg == next.bg && (self.attributes & next.attributes) == next.attributes => {
                Some(self)
            }
            (None, Some(_)) if self.bg == next.bg && next.attributes == self.attributes => Some(next),
            (Some(_), Some(_)) if self == next => Some(self),
            (_, _) => None,
        }
    }

    fn is_plain(self) -> bool {
        self.fg.is_none_or(|fg| fg == Color::Reset) && self.bg == Color::Reset && self.attributes.is_empty()
    }

    fn words(self) -> String {
        let colour = |colour: Color| colour.to_string().to_lowercase();
        let fg = self.fg.filter(|fg| *fg != Color::Reset).map(colour);
        let bg = Some(self.bg).filter(|bg| *bg != Color::Reset).map(|bg| format!("on {}", colour(bg)));
        let attributes = self.attributes.iter_names().map(|(name, _)| name.to_lowercase());
        fg.into_iter().chain(bg).chain(attributes).collect::<Vec<_>>().join(" ")
    }
}
