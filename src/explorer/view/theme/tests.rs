//! Tests that themes are complete and legible at every depth, and that invalid entries only cause warnings.

use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::{Depth, Environment, Glyphs, Role, Source, Theme, builtin::BUILT_IN, load, sheet};
use crate::explorer::{JobStatus, NoticeKind, Outcome, Status};

const DEPTHS: [Depth; 4] = [Depth::TrueColour, Depth::Ansi256, Depth::Ansi16, Depth::None];

fn source<'a>(name: &'a str, text: &'a str) -> Source<'a> {
    Source { name, text, file: "mine.toml" }
}

/// The theme with this name, loaded together with the built-in ones, and the warnings.
fn loaded(name: &str, own: &[Source<'_>]) -> (Theme, Vec<String>) {
    let (themes, warnings) = load(own);
    (themes.into_iter().find(|theme| theme.name == name).unwrap(), warnings)
}

#[test]
fn built_in_themes_are_read_without_a_warning() {
    let (themes, warnings) = load(&[]);
    assert_eq!(warnings, Vec::<String>::new());
    let names: Vec<&str> = themes.iter().map(|theme| theme.name.as_str()).collect();
    assert_eq!(names, ["dark", "light", "colour-blind", "high-contrast", "sixteen"]);
    assert_eq!(Theme::default().name, "dark");
}

#[test]
fn every_built_in_theme_defines_every_role() {
    for built_in in BUILT_IN {
        let sheet = sheet::read(built_in.text, built_in.file, &mut Vec::new()).unwrap();
        for role in Role::ALL {
            let own = sheet.roles.contains_key(&role);
            assert!(own || sheet.inherits.is_some(), "{}: {}", built_in.name, role.name());
        }
        let (theme, _) = loaded(built_in.name, &[]);
        for role in Role::ALL {
            assert!(theme.style(role).fg.is_some() || theme.style(role).bg.is_some(), "{}", role.name());
        }
        assert!(theme.heat.len() >= 4, "{}", built_in.name);
    }
}

#[test]
fn roles_are_in_the_order_of_their_list_with_distinct_names() {
    for (at, role) in Role::ALL.into_iter().enumerate() {
        assert_eq!(role as usize, at);
        assert_eq!(Role::named(role.name()), Some(role));
    }
}

#[test]
fn the_selection_is_visible_in_every_theme_at_every_depth() {
    for (theme, depth) in load(&[]).0.into_iter().flat_map(|theme| DEPTHS.map(|depth| (theme.clone(), depth)))
    {
        let resolved = theme.resolved(depth, Glyphs::Unicode);
        let (selected, text) = (resolved.style(Role::Selected), resolved.style(Role::Text));
        let reversed = selected.add_modifier.contains(Modifier::REVERSED);
        let apart = selected.bg.is_some_and(|bg| Some(bg) != text.bg && bg != Color::Reset);
        assert!(reversed != apart, "{} in {depth:?}: {selected:?}", theme.name);
    }
}

/// Contrast of two colours by their luminance, from 1 to 21.
fn contrast(one: Color, other: Color) -> f64 {
    let luminance = |colour: Color| {
        let Color::Rgb(r, g, b) = colour else { panic!("{colour} is not defined by the theme") };
        let linear = |channel: u8| (f64::from(channel) / 255.0).powf(2.2);
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05
    };
    let (one, other) = (luminance(one), luminance(other));
    one.max(other) / one.min(other)
}

#[test]
fn text_on_a_background_is_legible_in_any_terminal() {
    for theme in load(&[]).0 {
        for role in Role::ALL {
            let style = theme.style(role);
            let Some(bg) = style.bg.filter(|&bg| bg != Color::Reset) else { continue };
            let fg = style.fg.unwrap_or(Color::Reset);
            assert_ne!(fg, Color::Reset, "{}: {}", theme.name, role.name());
            assert!(contrast(fg, bg) > 7.0, "{}: {} {}", theme.name, role.name(), contrast(fg, bg));
        }
        let (selected, title) = (theme.style(Role::Selected), theme.style(Role::Title));
        assert!(selected.bg.is_some() || selected.add_modifier.contains(Modifier::REVERSED));
        let own = theme.style(Role::Text).bg.is_some();
        assert!(
            own || title.fg == Some(Color::Reset),
            "{}: titles use the terminal's background",
            theme.name
        );
    }
}

#[test]
fn without_colours_no_style_has_a_colour() {
    for theme in load(&[]).0 {
        let theme = theme.resolved(Depth::None, Glyphs::Unicode);
        for role in Role::ALL {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{}: {}", theme.name, role.name());
        }
        for (one, other) in [
            (Role::Kept, Role::Removed),
            (Role::Attention, Role::Mlp),
            (Role::Dense, Role::Pruned),
            (Role::Text, Role::Selected),
            (Role::Done, Role::Failed),
            (Role::Border, Role::BorderFocused),
        ] {
            assert_ne!(theme.style(one), theme.style(other), "{}", theme.name);
        }
        assert_eq!(theme.heat(0.5), Color::Reset);
    }
}

#[test]
fn sixteen_colours_are_those_of_the_terminal() {
    for theme in load(&[]).0 {
        let theme = theme.resolved(Depth::Ansi16, Glyphs::Unicode);
        for role in Role::ALL {
            for colour in [theme.style(role).fg, theme.style(role).bg].into_iter().flatten() {
                assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)), "{}: {colour}", theme.name);
            }
        }
        for place in 0..=20 {
            assert!(!matches!(theme.heat(f64::from(place) / 20.0), Color::Rgb(..) | Color::Indexed(_)));
        }
    }
}

#[test]
fn soft_colours_keep_their_hue_among_sixteen() {
    let near = |r, g, b| Depth::Ansi16.nearest(Color::Rgb(r, g, b));
    assert_eq!(near(0xe2, 0x80, 0x7d), Color::Red);
    assert_eq!(near(0xec, 0xc5, 0x81), Color::Yellow);
    assert_eq!(near(0x86, 0xcb, 0x9e), Color::Green);
    assert_eq!(near(0x85, 0xb7, 0xea), Color::Blue);
    assert_eq!(near(0xd9, 0xa3, 0xd3), Color::Magenta);
    assert_eq!(near(0x8b, 0x95, 0xa5), Color::DarkGray);
    assert_eq!(near(255, 255, 255), Color::White);
    assert_eq!(near(0, 0, 0), Color::Black);
    assert_eq!(near(0x51, 0x5b, 0x6b), Color::DarkGray);
    assert_eq!(Depth::Ansi16.nearest(Color::Reset), Color::Reset);
}

#[test]
fn the_nearest_of_256_is_in_the_cube_or_the_grey_ramp() {
    let near = |r, g, b| Depth::Ansi256.nearest(Color::Rgb(r, g, b));
    assert_eq!(near(255, 0, 0), Color::Indexed(196));
    assert_eq!(near(0, 95, 135), Color::Indexed(24));
    assert_eq!(near(0x80, 0x80, 0x80), Color::Indexed(244));
    assert_eq!(near(0, 0, 0), Color::Indexed(16));
    assert_eq!(Depth::Ansi256.nearest(Color::Cyan), Color::Cyan);
}

#[test]
fn the_heat_scale_goes_from_its_first_colour_to_its_last() {
    let (theme, _) = loaded("mine", &[source("mine", "heat = [\"#000000\", \"#102030\", \"#ffffff\"]")]);
    assert_eq!(theme.heat(0.0), Color::Rgb(0, 0, 0));
    assert_eq!(theme.heat(0.25), Color::Rgb(8, 16, 24));
    assert_eq!(theme.heat(0.5), Color::Rgb(16, 32, 48));
    assert_eq!(theme.heat(7.0), Color::Rgb(255, 255, 255));
    assert_eq!(theme.heat(f64::NAN), Color::Rgb(0, 0, 0));
}

#[test]
fn a_theme_inherits_roles_and_its_palette_reaches_them() {
    let text = "inherits = \"dark\"\n[palette]\nsky = \"#010203\"\n[roles]\ncut = { bg = 17, modifiers = [\"dim\"] }\n";
    let (theme, warnings) = loaded("mine", &[source("mine", text)]);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(theme.style(Role::Key).fg, Some(Color::Rgb(1, 2, 3)));
    let cut = Style::new().bg(Color::Indexed(17)).add_modifier(Modifier::DIM);
    assert_eq!(theme.style(Role::Cut), cut);
    assert_eq!(theme.style(Role::Mlp), Theme::default().style(Role::Mlp));
    assert_eq!(theme.heat, Theme::default().heat);
}

#[test]
fn a_users_theme_takes_precedence_and_may_inherit_from_the_one_it_replaces() {
    let text = "inherits = \"light\"\n[roles]\nkey = \"bright blue\"\n";
    let (themes, warnings) = load(&[source("light", text)]);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(themes.iter().filter(|theme| theme.name == "light").count(), 1);
    assert_eq!(themes[1].style(Role::Key).fg, Some(Color::LightBlue));
    assert_eq!(themes[1].style(Role::Mlp), loaded("light", &[]).0.style(Role::Mlp));
}

#[test]
fn invalid_entries_are_reported_with_their_line_and_the_rest_applies() {
    let text = "colour = 1\n[palette]\nbad = \"#12\"\n[roles]\ntext = \"nothing\"\nhead = \"red\"\n\
                key = \"red\"\ncut = { fg = \"blue\", shine = 1, modifiers = [\"bold\", \"loud\"] }\nmlp = true\n";
    let (theme, warnings) = loaded("mine", &[source("mine", text)]);
    for (line, words) in [
        (1, "unknown key \"colour\""),
        (3, "unknown colour \"#12\""),
        (5, "unknown colour \"nothing\""),
        (6, "unknown role \"head\"; the roles are text, muted"),
        (8, "unknown key \"shine\""),
        (8, "unknown modifier \"loud\""),
        (9, "expected a colour"),
    ] {
        let start = format!("mine.toml, line {line}: {words}");
        assert!(warnings.iter().any(|warning| warning.starts_with(&start)), "{start} in {warnings:#?}");
    }
    assert_eq!(warnings.len(), 7);
    assert_eq!(theme.style(Role::Key).fg, Some(Color::Red));
    assert_eq!(theme.style(Role::Cut), Style::new().fg(Color::Blue).add_modifier(Modifier::BOLD));
    assert_eq!(theme.style(Role::Selected), Style::new().add_modifier(Modifier::REVERSED));
}

#[test]
fn a_file_that_is_not_toml_is_ignored_with_a_warning() {
    let (themes, warnings) = load(&[source("mine", "[roles]\ntext = \n")]);
    assert_eq!(themes.len(), BUILT_IN.len());
    assert!(warnings[0].starts_with("mine.toml, line 2: "), "{warnings:?}");
}

#[test]
fn a_cycle_of_themes_is_cut() {
    let (one, other) =
        ("inherits = \"b\"\n[roles]\nkey = \"red\"", "inherits = \"a\"\n[roles]\ncut = \"blue\"");
    let (theme, warnings) = loaded("a", &[source("a", one), source("b", other)]);
    assert_eq!(theme.style(Role::Cut).fg, Some(Color::Blue));
    assert!(warnings.iter().any(|warning| warning.contains("in a cycle, a → b → a")), "{warnings:?}");
    let (theme, warnings) = loaded("a", &[source("a", "inherits = \"a\"\n[roles]\nkey = \"red\"")]);
    assert_eq!(theme.style(Role::Key).fg, Some(Color::Red));
    assert_eq!(warnings, ["mine.toml, line 1: there is no theme \"a\" to inherit from; the line is ignored"]);
}

#[test]
fn the_environment_determines_the_number_of_colours() {
    let detect = |no_color, colorterm, term| {
        Depth::detect(&Environment { no_color, colorterm, term, colorfgbg: None }, None)
    };
    assert_eq!(detect(None, Some("truecolor"), Some("xterm-256color")), Depth::TrueColour);
    assert_eq!(detect(None, None, Some("xterm-kitty")), Depth::TrueColour);
    assert_eq!(detect(None, None, Some("tmux-256color")), Depth::Ansi256);
    assert_eq!(detect(None, Some("truecolor"), Some("screen-256color")), Depth::Ansi256);
    assert_eq!(detect(None, None, Some("xterm")), Depth::Ansi16);
    assert_eq!(detect(None, Some("truecolor"), Some("linux")), Depth::Ansi16);
    assert_eq!(detect(None, None, None), Depth::Ansi16);
    assert_eq!(detect(None, None, Some("dumb")), Depth::None);
    assert_eq!(detect(Some("1"), Some("truecolor"), Some("xterm")), Depth::None);
    assert_eq!(detect(Some(""), Some("truecolor"), Some("xterm")), Depth::TrueColour);
    let none = Environment { no_color: Some("1"), ..Environment::default() };
    assert_eq!(Depth::detect(&none, Some(Depth::Ansi256)), Depth::Ansi256, "a choice wins");
    for depth in DEPTHS {
        assert_eq!(Depth::named(depth.name()), Some(depth));
    }
}

#[test]
fn the_terminals_background_determines_the_theme() {
    let theme = |colorfgbg| Environment { colorfgbg, ..Environment::default() }.theme();
    assert_eq!(theme(None), "dark");
    assert_eq!(theme(Some("15;0")), "dark");
    assert_eq!(theme(Some("0;default;15")), "light");
}

#[test]
fn the_locale_determines_the_symbols() {
    assert_eq!(Glyphs::detect(Some("en_GB.UTF-8"), None), Glyphs::Unicode);
    assert_eq!(Glyphs::detect(Some("C"), None), Glyphs::Ascii);
    assert_eq!(Glyphs::detect(None, None), Glyphs::Unicode);
}

#[test]
fn every_symbol_is_one_column_wide_and_ascii_symbols_are_ascii() {
    let statuses =
        [Status::Waiting, Status::Calibrating, Status::Pruning, Status::Done, Status::Stale, Status::Failed];
    let jobs = [
        JobStatus::Waiting,
        JobStatus::Working,
        JobStatus::Paused,
        JobStatus::Cancelling,
        JobStatus::Ended(Outcome::Done),
        JobStatus::Ended(Outcome::Cancelled),
        JobStatus::Ended(Outcome::Failed(String::new())),
    ];
    let notices = [NoticeKind::Done, NoticeKind::Refused, NoticeKind::Failed];
    for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
        let mut symbols: Vec<&str> = statuses.iter().map(|&status| glyphs.status(status)).collect();
        symbols.extend(jobs.iter().map(|status| glyphs.job(status)));
        symbols.extend(notices.iter().map(|&kind| glyphs.notice(kind)));
        symbols.extend((0..=8).flat_map(|eighths| [glyphs.bar(eighths), glyphs.column(eighths)]));
        symbols.extend((0..=10).map(|value| glyphs.shade(f64::from(value) / 10.0)));
        let (open, close) = glyphs.choice();
        let (full, half, empty) = glyphs.progress();
        let (track, thumb) = glyphs.scrollbar();
        let (up, down) = glyphs.more();
        let set = glyphs.borders();
        symbols.extend([open, close, full, half, empty, track, thumb, up, down, glyphs.removed()]);
        symbols.extend([glyphs.cursor(), glyphs.locked(), glyphs.cut(), glyphs.rule(), glyphs.separator()]);
        symbols.extend([glyphs.arrow(), glyphs.ellipsis(), glyphs.active(), glyphs.bar_empty()]);
        symbols.extend([set.top_left, set.top_right, set.bottom_left, set.bottom_right]);
        symbols.extend([set.vertical_left, set.vertical_right, set.horizontal_top, set.horizontal_bottom]);
        for symbol in symbols {
            assert_eq!(symbol.width(), 1, "{symbol}");
            assert!(glyphs == Glyphs::Unicode || symbol.is_ascii(), "{symbol}");
        }
    }
}

#[test]
fn terminals_without_the_symbols_get_ascii() {
    let utf8 = Some("C.UTF-8");
    for term in ["linux", "linux-16color", "vt100", "vt220", "ansi", "cons25", "sun-color"] {
        assert_eq!(Glyphs::detect(utf8, Some(term)), Glyphs::Ascii, "{term}");
    }
    for term in ["xterm-256color", "tmux-256color", "screen", "foot", "xterm-kitty"] {
        assert_eq!(Glyphs::detect(utf8, Some(term)), Glyphs::Unicode, "{term}");
    }
}

#[test]
fn the_sixteen_colour_theme_has_no_grey_that_can_equal_the_background() {
    let (theme, _) = loaded("sixteen", &[]);
    for role in Role::ALL {
        assert_ne!(theme.style(role).fg, Some(Color::DarkGray), "{role:?}");
    }
    assert!(!theme.has_fine_heat() && theme.heat.iter().all(|colour| *colour != Color::DarkGray));
}
