//! Tests of the window at every size with every dialog.

use std::path::PathBuf;

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::Buffer,
    layout::Position,
    style::{Color, Modifier},
};

use super::{Depth, Glyphs, Hits, LEAST, Role, Theme, draw, sample, text};
use crate::{
    config::Settings,
    explorer::{
        Action, Confirm, Confirmed, Cursor, Dialog, Explain, Field, FieldId, Filter, Form, FormKind, Help,
        Input, Job, JobKind, JobStatus, KeyMap, Msg, Notice, NoticeKind, Origin, Palette, Phase, Pointed,
        Screen, Start, State, Zoom,
        dialogs::help::{self, AROUND_HELP, HelpLine},
        update,
    },
    protocol::{Event, LayerShape, ModelRecord, ModelShape, Pace, PerplexityRecord, Stage, Stamped},
    prune::Part,
};

/// Sizes from one cell to a very large terminal.
const SIZES: [(u16, u16); 12] = [
    (1, 1),
    (2, 1),
    (1, 3),
    (10, 4),
    (33, 2),
    (79, 24),
    (80, 23),
    (80, 24),
    (81, 25),
    (120, 40),
    (200, 60),
    (500, 100),
];

fn state(origin: Origin) -> State {
    State::new(Start {
        origin,
        settings: Settings::default(),
        keymap: KeyMap::default(),
        themes: vec!["dark".into(), "light".into()],
        theme: 0,
        mouse: true,
        idle_curves: false,
        pace: Pace::Free,
        eval: None,
        model_argument: None,
        sessions_root: Some("/state/sessions".into()),
        offers: false,
        size: (80, 24),
    })
}

fn empty() -> State {
    state(Origin::Live { model: "somebody/a-model-of-seven-billion".into() })
}

/// A model of 12 layers, open, with a long name of wide characters.
fn opened() -> State {
    let mut state = empty();
    let layer = LayerShape {
        heads: 8,
        kv_heads: 4,
        channels: 688,
        per_kv_group: 49_152,
        per_query_head: 16_384,
        per_channel: 768,
    };
    let model = ModelRecord {
        name: "深い言語モデル-128".into(),
        family: "llama".into(),
        layers: 12,
        parameters_before: 15_191_712,
        parameters_after: 15_191_712,
        config_sha256: String::new(),
        quantised: Vec::new(),
    };
    let shape = ModelShape {
        hidden: 256,
        head_dim: 32,
        vocab: 32_000,
        max_positions: 512,
        parameters: 15_191_712,
        bytes: 60_766_848,
        layers: vec![layer; 12],
    };
    update(&mut state, Msg::Engine(Stamped { run: 0, at: 0.5, event: Event::ModelOpened { model, shape } }));
    state
}

fn working(kind: JobKind) -> State {
    let mut state = opened();
    let stage = Some((Stage::Calibrate { layer: 3, part: crate::prune::Part::Mlp }, 40, 128));
    state.jobs.queue.push_back(Job { status: JobStatus::Working, at: 12.0, stage, ..Job::new(1, kind) });
    sample::follow(&mut state, 1, 3);
    state.jobs.queue.push_back(Job::new(2, JobKind::MeasurePerplexity));
    state
}

fn dialogs() -> Vec<Dialog> {
    let long = "a value that is far longer than the field, with 深い characters. ".repeat(4);
    let fields = vec![
        Field::text(FieldId::Ratio, "ratio", "from 0 to below 1", "0.25"),
        Field::text(FieldId::File, "path", "output directory; it must be empty", long.clone()),
        Field::choice(FieldId::Schedule, "schedule", "how the ratio changes", &["log", "linear"], "linear"),
        Field::switch(FieldId::Replace, "compensation", "whether the kept weights are refitted", true),
    ];
    let form = |kind, fields: Vec<Field>, at| {
        let mut form = Form::new(kind, "A form with a title", fields);
        (form.at, form.error) = (at, Some("the directory contains other files; choose another one".into()));
        Dialog::Form(form)
    };
    let many = fields.iter().cycle().take(60).cloned().collect();
    vec![
        Dialog::Help(Help { filter: Input::new(""), scroll: 7 }),
        Dialog::Help(Help { filter: Input::new("layer ratio"), scroll: 0 }),
        Dialog::Help(Help { filter: Input::new("nothing has this"), scroll: 900 }),
        Dialog::Palette(Palette { input: Input::new(""), at: 30 }),
        Dialog::Palette(Palette { input: Input::new("zzz"), at: 3 }),
        Dialog::Filter(Filter::new(long.clone())),
        form(FormKind::Export, fields.clone(), 1),
        form(FormKind::Settings, many, 57),
        form(FormKind::Ratio { layer: 2 }, Vec::new(), 0),
        Dialog::Confirm(Confirm {
            question: "Cancel the run?".into(),
            detail: long,
            then: Confirmed::Cancel,
        }),
        Dialog::Explain(Explain),
    ]
}

fn drawn(state: &State, theme: &Theme, (columns, rows): (u16, u16)) -> (Buffer, Hits, Option<Position>) {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut hits = Hits::default();
    terminal.draw(|frame| hits = draw(frame, state, theme)).unwrap();
    let cursor = terminal.backend().cursor_visible().then(|| terminal.backend().cursor_position());
    (terminal.backend().buffer().clone(), hits, cursor)
}

fn row(buffer: &Buffer, y: u16) -> String {
    let mut line = String::new();
    let mut hidden = 0;
    for x in 0..buffer.area.width {
        let symbol = buffer[(x, y)].symbol();
        if hidden == 0 {
            line.push_str(symbol);
        }
        hidden = text::width(symbol).max(hidden).saturating_sub(1);
    }
    line
}

fn screen(buffer: &Buffer) -> String {
    (0..buffer.area.height).map(|y| row(buffer, y) + "\n").collect()
}

#[test]
fn every_size_is_drawn_with_and_without_a_model() {
    let theme = Theme::default();
    for size in SIZES {
        for state in [empty(), opened(), working(JobKind::Run)] {
            drawn(&state, &theme, size);
        }
    }
}

#[test]
fn every_dialog_is_drawn_at_every_size() {
    for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
        let theme = Theme::default().resolved(Depth::Ansi256, glyphs);
        for size in SIZES {
            for base in [empty(), opened()] {
                for dialog in dialogs() {
                    for screen in Screen::ALL {
                        let dialogs = vec![dialog.clone()];
                        drawn(&State { dialogs, screen, size, ..base.clone() }, &theme, size);
                    }
                }
            }
        }
    }
    drawn(&State { dialogs: dialogs(), ..opened() }, &Theme::default(), LEAST);
}

#[test]
fn a_terminal_that_is_too_small_shows_the_required_size() {
    let (buffer, _, _) = drawn(&opened(), &Theme::default(), (59, 18));
    assert_eq!(row(&buffer, 8).trim(), "slimgpt needs 60×15, has 59×18");
    let (buffer, _, _) = drawn(&opened(), &Theme::default(), (12, 9));
    assert!(screen(&buffer).contains("needs 60×15,"));
}

#[test]
fn sixty_columns_show_the_progress_and_the_table() {
    let (buffer, hits, _) = drawn(&working(JobKind::Run), &Theme::default(), (60, 15));
    let text = screen(&buffer);
    assert!(hits.area_of(Pointed::Layer(0)).is_some() && text.contains("ratio"), "{text}");
    assert!(row(&buffer, 13).contains('%'), "{text}");
}

#[test]
fn the_header_names_the_model_and_its_sizes() {
    let (buffer, _, _) = drawn(&opened(), &Theme::default(), (160, 40));
    let header = row(&buffer, 0);
    for words in ["slimgpt", "深い言語モデル-128", "llama", "12 layers", "15.2 M → ", "%)", "MiB"] {
        assert!(header.contains(words), "{words} in {header}");
    }
    let (buffer, _, _) = drawn(&working(JobKind::Run), &Theme::default(), LEAST);
    let header = row(&buffer, 0);
    for words in ["slimgpt", "深い言語モデル-128", "15.2 M", "pruning", "%", "+1"] {
        assert!(header.contains(words), "{words} in {header}");
    }
}

#[test]
fn the_header_shows_the_progress_of_opening() {
    let mut state = empty();
    state.opening = Some((Stage::Download { file: "model.safetensors".into() }, 34, 100));
    let (buffer, _, _) = drawn(&state, &Theme::default(), (140, 30));
    let header = row(&buffer, 0);
    for words in ["opening somebody/a-model-of-seven-billion…", "downloading model.safetensors", "34 %"] {
        assert!(header.contains(words), "{words} in {header}");
    }
}

#[test]
fn the_footer_shows_keys_that_can_be_clicked_and_always_the_help() {
    for columns in [80, 100, 200] {
        let (buffer, hits, _) = drawn(&opened(), &Theme::default(), (columns, 24));
        let footer = row(&buffer, 23);
        assert!(footer.contains("? keys"), "{footer}");
        let help = (0..columns).any(|x| hits.at(x, 23) == Pointed::Action(Action::Help));
        assert!(help, "the hint of all keys can be clicked");
        assert_eq!(hits.at(1, 23), Pointed::Action(Action::Start));
    }
}

#[test]
fn a_notice_takes_the_footers_row() {
    let notice = Some(Notice { kind: NoticeKind::Refused, text: "no model is open yet".into() });
    let (buffer, _, _) = drawn(&State { notice, ..opened() }, &Theme::default(), LEAST);
    assert_eq!(row(&buffer, 23).trim_end(), " ! no model is open yet");
}

#[test]
fn a_long_notice_is_readable_in_full_and_the_body_shrinks() {
    let words = "The directory /home/somebody/models/slim-stories already exists; choose another one, or turn on \
             replace in the form to replace the earlier export of this name.";
    let notice = Some(Notice { kind: NoticeKind::Failed, text: words.into() });
    let (buffer, hits, _) = drawn(&State { notice, ..opened() }, &Theme::default(), LEAST);
    let told: Vec<String> = (21..24).map(|y| row(&buffer, y)).collect();
    assert!(told[0].starts_with(" ✗ The directory") && told[1].starts_with("   "), "{told:#?}");
    assert_eq!(told.join(" ").split_whitespace().skip(1).collect::<Vec<_>>().join(" "), words);
    assert_eq!(hits.at(5, 21), Pointed::Nothing);
    let notice = Some(Notice { kind: NoticeKind::Done, text: words.repeat(9) });
    let (buffer, _, _) = drawn(&State { notice, ..opened() }, &Theme::default(), LEAST);
    assert!(row(&buffer, 20).starts_with(" ✓ ") && row(&buffer, 23).trim_end().ends_with('…'));
}

#[test]
fn the_help_is_readable_in_full_in_the_smallest_window() {
    for size in [LEAST, (100, 30), (120, 36), (200, 60)] {
        let mut state = State { size, ..opened() };
        let mut seen = String::new();
        for scroll in 0..help::help(&state, "").len() {
            state.dialogs = vec![Dialog::Help(Help { filter: Input::new(""), scroll })];
            let (buffer, _, _) = drawn(&state, &Theme::default(), size);
            seen.push_str(&screen(&buffer));
        }
        assert!(!seen.contains('…'), "{size:?}\n{seen}");
        for line in help::help(&state, "") {
            match line {
                HelpLine::Entry { help, .. } | HelpLine::Rest(help) => assert!(seen.contains(help), "{help}"),
                HelpLine::Heading(_) | HelpLine::Blank => {}
            }
        }
    }
}

#[test]
fn tabs_show_the_screen_and_can_be_clicked() {
    let state = State { screen: Screen::Schedule, ..opened() };
    let (buffer, hits, _) = drawn(&state, &Theme::default(), LEAST);
    let tabs = row(&buffer, 1);
    for words in ["1 Layers", "2 Layer 0", "3 Schedule", "4 Errors", "5 Compare", "6 Log"] {
        let at = tabs.find(words).unwrap() as u16;
        let screen = Screen::ALL[usize::from(words.as_bytes()[0] - b'1')];
        assert_eq!(hits.at(at, 1), Pointed::Screen(screen));
        let lit = buffer[(at, 1)].modifier.contains(Modifier::REVERSED);
        assert_eq!(lit, screen == Screen::Schedule, "{words}");
    }
}

#[test]
fn only_the_topmost_dialog_has_mouse_targets() {
    let mut state = opened();
    state.dialogs = vec![Dialog::Palette(Palette { input: Input::new(""), at: 0 })];
    let (_, hits, cursor) = drawn(&state, &Theme::default(), (120, 40));
    assert_eq!(hits.at(1, 1), Pointed::OutsideDialog);
    assert!(cursor.is_some(), "the text input has a cursor");
    let under: Vec<Pointed> = (0..40).map(|y| hits.at(60, y)).collect();
    assert!(under.contains(&Pointed::DialogLine(0)));
    state.dialogs.push(dialogs().pop().unwrap());
    let (_, hits, cursor) = drawn(&state, &Theme::default(), (120, 40));
    assert_eq!(hits.at(1, 1), Pointed::Screen(Screen::Layers), "clicks pass through explain");
    assert_eq!(cursor, None);
}

#[test]
fn the_help_shows_its_last_line_when_scrolled_to_the_end() {
    let mut state = opened();
    state.dialogs = vec![Dialog::Help(Help { filter: Input::new(""), scroll: 0 })];
    for _ in 0..40 {
        let key = crate::explorer::Key::named("pagedown").unwrap();
        update(&mut state, Msg::Key(key));
    }
    let lines = help::help(&state, "").len();
    let Some(Dialog::Help(Help { scroll, .. })) = state.dialogs.last() else { panic!("help is open") };
    assert_eq!(*scroll, lines - usize::from(state.size.1 - AROUND_HELP));
    let (buffer, _, _) = drawn(&state, &Theme::default(), state.size);
    assert!(screen(&buffer).contains(&format!("of {lines}")));
    assert!(screen(&buffer).contains(&format!("–{lines} ")), "{}", screen(&buffer));
}

#[test]
fn without_colours_only_attributes_are_written_and_the_selection_is_reversed() {
    let (themes, _) = super::load(&[]);
    let mut state = opened();
    state.dialogs = vec![Dialog::Palette(Palette { input: Input::new(""), at: 2 })];
    for theme in themes {
        let theme = theme.resolved(Depth::None, Glyphs::Unicode);
        let (buffer, hits, _) = drawn(&state, &theme, (120, 40));
        for cell in &buffer.content {
            assert_eq!((cell.fg, cell.bg), Default::default(), "{}", theme.name);
        }
        let chosen = (0..40).find(|&y| hits.at(60, y) == Pointed::DialogLine(2)).unwrap();
        assert!(buffer[(60, chosen)].modifier.contains(Modifier::REVERSED), "{}", theme.name);
    }
}

#[test]
fn ascii_mode_writes_only_ascii() {
    let theme = Theme::default().resolved(Depth::TrueColour, Glyphs::Ascii);
    for dialog in dialogs() {
        let mut state = working(JobKind::Retry);
        if let Some(model) = &mut state.model {
            model.record.name = "demo".into();
        }
        state.dialogs = vec![dialog];
        let (buffer, _, _) = drawn(&state, &theme, (140, 50));
        let ours = |c: char| !c.is_ascii() && !"深い".contains(c);
        let left: String = screen(&buffer).chars().filter(|&c| ours(c)).collect();
        assert_eq!(left, "");
    }
}

/// Draws the current screen with the focused panel, the panel alone, and its explanation, at two sizes in ASCII.
fn check_ascii(state: &State, theme: &Theme) {
    for (zoom, dialogs) in [
        (Zoom::Screen, Vec::new()),
        (Zoom::Panel, Vec::new()),
        (Zoom::Screen, vec![Dialog::Explain(Explain)]),
    ] {
        for size in [LEAST, (200, 60)] {
            let state = State { zoom, size, dialogs: dialogs.clone(), ..state.clone() };
            let text = screen(&drawn(&state, theme, size).0);
            // Letters of other scripts stay: the sample has Chinese texts.
            let left: String = text.chars().filter(|&c| !c.is_ascii() && c < '\u{3000}').collect();
            assert_eq!(left, "", "{:?}, {:?} at {size:?}\n{text}", state.screen, state.focused());
        }
    }
}

#[test]
fn ascii_mode_writes_only_ascii_on_every_panel_and_in_its_explanation() {
    let theme = Theme::default().resolved(Depth::TrueColour, Glyphs::Ascii);
    let mut state = sample::half_done();
    let demo = state.compare.shown().find(|measured| measured.record.text == "demo:held-out").unwrap();
    let record = PerplexityRecord { after_error: Some(0.042), ..demo.record.clone() };
    state.compare.add(record);
    // The Layer screen has other panels with two marked attempts.
    let screens = Screen::ALL.map(|screen| (screen, vec![]));
    for (screen, marked) in screens.into_iter().chain([(Screen::Layer, vec![0, 1])]) {
        state.screen = screen;
        state.layers[3].side_by_side.marked = marked;
        for part in [Part::Attention, Part::Mlp] {
            state.screens.layer.part = part;
            for phase in Phase::ALL {
                state.screens.steps.cursor = Some(Cursor { layer: 3, part, step: 0, phase });
                for &panel in state.panels() {
                    state.focus[screen as usize] = panel;
                    check_ascii(&state, &theme);
                }
                if screen != Screen::Steps {
                    break;
                }
            }
        }
    }
}

#[test]
fn the_header_names_a_replay_and_its_speed() {
    let mut state = state(Origin::Replay { file: PathBuf::from("run.jsonl"), speed: 4.0 });
    state.model = opened().model;
    let (buffer, _, _) = drawn(&state, &Theme::default(), LEAST);
    assert!(row(&buffer, 0).contains("replay ×4"));
}

#[test]
fn a_theme_with_its_own_background_fills_the_window_with_it() {
    let (themes, _) = super::load(&[]);
    let own = themes.into_iter().find(|theme| theme.name == "high-contrast").unwrap();
    let state = State { dialogs: vec![dialogs().remove(3)], ..empty() };
    let (buffer, _, _) = drawn(&state, &own, LEAST);
    let background = own.style(Role::Text).bg.unwrap();
    for cell in &buffer.content {
        assert_ne!(cell.bg, Color::Reset);
    }
    assert_eq!(buffer[(0, 12)].bg, background);
}
