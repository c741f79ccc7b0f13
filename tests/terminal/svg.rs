//! A terminal's screen as an SVG picture: text as text; lines, blocks and braille as shapes, which leaves no gaps
//! in any font.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// The size of a cell in pixels: about that of common monospace fonts, and an integer, so shapes meet.
const WIDTH: f64 = 9.0;
const HEIGHT: f64 = 20.0;
const FONT: f64 = 15.0;
const MARGIN: f64 = 12.0;

/// The terminal's own colours.
#[derive(Clone, Copy)]
pub struct Paper {
    pub paper: &'static str,
    pub ink: &'static str,
}

#[derive(Clone, PartialEq)]
struct Look {
    ink: String,
    paper: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underlined: bool,
}

pub fn svg(screen: &Screen, colours: Paper) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) =
        (f64::from(columns) * WIDTH + 2.0 * MARGIN, f64::from(rows) * HEIGHT + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.1} {height:.1}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"{FONT}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n",
        colours.paper
    );
    for row in 0..rows {
        line(&mut out, screen, row, columns, colours);
    }
    out + "</svg>\n"
}

fn line(out: &mut String, screen: &Screen, row: u16, columns: u16, colours: Paper) {
    let cells: Vec<(u16, &Cell)> =
        (0..columns).filter_map(|column| screen.cell(row, column).map(|cell| (column, cell))).collect();
    let mut at = 0;
    while at < cells.len() {
        let look = look(cells[at].1, colours);
        let run = cells[at..].iter().take_while(|(_, cell)| self::look(cell, colours) == look).count();
        let (first, y) = (f64::from(cells[at].0) * WIDTH + MARGIN, f64::from(row) * HEIGHT + MARGIN);
        if let Some(paper) = &look.paper {
            let width = run as f64 * WIDTH;
            let _ = writeln!(
                out,
                "<rect x=\"{first:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{HEIGHT}\" fill=\"{paper}\"/>"
            );
        }
        words(out, &cells[at..at + run], y, &look);
        at += run;
    }
}

/// Cells of equal style: shapes one by one, letters in words.
fn words(out: &mut String, cells: &[(u16, &Cell)], y: f64, look: &Look) {
    let mut word = String::new();
    let (mut first, mut length) = (0, 0);
    // Adjacent shapes of the same colour form one path.
    let (mut path, mut painted) = (String::new(), String::new());
    for &(column, cell) in cells {
        if cell.is_wide_continuation() {
            length += u16::from(!word.is_empty());
            continue;
        }
        let text = cell.contents();
        let x = f64::from(column) * WIDTH + MARGIN;
        let letter = text.chars().next().unwrap_or(' ');
        let drawn = shape(letter, x, y);
        if letter == ' ' || drawn.is_some() {
            write_word(out, &mut word, first, length, y, look);
            if let Some(drawn) = drawn {
                let paint = paint(letter, look);
                if paint != painted {
                    write_path(out, &mut path, &painted);
                    painted = paint;
                }
                path += &drawn;
            }
            continue;
        }
        if word.is_empty() {
            (first, length) = (column, 0);
        }
        word += text;
        length += 1;
    }
    write_word(out, &mut word, first, length, y, look);
    write_path(out, &mut path, &painted);
}

fn write_path(out: &mut String, path: &mut String, paint: &str) {
    if !path.is_empty() {
        let _ = writeln!(out, "<path d=\"{path}\" {paint}/>");
        path.clear();
    }
}

fn write_word(out: &mut String, word: &mut String, first: u16, length: u16, y: f64, look: &Look) {
    if word.is_empty() {
        return;
    }
    let (x, width) = (f64::from(first) * WIDTH + MARGIN, f64::from(length) * WIDTH);
    let escaped = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut style = format!("fill=\"{}\"", look.ink);
    for (on, text) in [
        (look.bold, " font-weight=\"bold\""),
        (look.dim, " opacity=\"0.65\""),
        (look.italic, " font-style=\"italic\""),
        (look.underlined, " text-decoration=\"underline\""),
    ] {
        style += if on { text } else { "" };
    }
    let baseline = y + HEIGHT * 0.74;
    let _ = writeln!(
        out,
        "<text x=\"{x:.2}\" y=\"{baseline:.1}\" textLength=\"{width:.2}\" {style}>{escaped}</text>"
    );
    word.clear();
}

fn look(cell: &Cell, colours: Paper) -> Look {
    let (mut ink, mut paper) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
    if cell.inverse() {
        let (front, back) = (ink.take(), paper.take());
        ink = Some(back.unwrap_or_else(|| colours.paper.into()));
        paper = Some(front.unwrap_or_else(|| colours.ink.into()));
    }
    Look {
        ink: ink.unwrap_or_else(|| colours.ink.into()),
        paper,
        bold: cell.bold(),
        dim: cell.dim(),
        italic: cell.italic(),
        underlined: cell.underline(),
    }
}

/// Lines are stroked; everything else is filled.
fn paint(letter: char, look: &Look) -> String {
    let opacity = match (look.dim, letter) {
        (true, _) => " opacity=\"0.65\"",
        (false, '░') => " opacity=\"0.25\"",
        (false, '▒') => " opacity=\"0.5\"",
        (false, '▓') => " opacity=\"0.75\"",
        (false, _) => "",
    };
    match letter {
        '\u{2500}'..='\u{257F}' => {
            let heavy = matches!(letter, '━' | '┃' | '╸' | '╺' | '╹' | '╻');
            format!(
                "fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{opacity}",
                look.ink,
                if heavy { 2.4 } else { 1.2 }
            )
        }
        _ => format!("fill=\"{}\" shape-rendering=\"crispEdges\"{opacity}", look.ink),
    }
}

/// The path of a character that is a shape; None for letters.
fn shape(letter: char, x: f64, y: f64) -> Option<String> {
    match letter {
        '\u{2800}'..='\u{28FF}' => Some(braille(letter, x, y)),
        '▀' => Some(rect(x, y, WIDTH, HEIGHT / 2.0)),
        '▁'..='█' => {
            let height = HEIGHT * f64::from(letter as u32 - 0x2580) / 8.0;
            Some(rect(x, y + HEIGHT - height, WIDTH, height))
        }
        '▉'..='▏' => Some(rect(x, y, WIDTH * f64::from(0x2590 - letter as u32) / 8.0, HEIGHT)),
        '▐' => Some(rect(x + WIDTH / 2.0, y, WIDTH / 2.0, HEIGHT)),
        '░' | '▒' | '▓' => Some(rect(x, y, WIDTH, HEIGHT)),
        _ => strokes(letter, x, y),
    }
}

fn rect(x: f64, y: f64, width: f64, height: f64) -> String {
    format!("M{x:.2} {y:.2}h{width:.2}v{height:.2}h{:.2}z", -width)
}

/// Dots 1 to 8 of a braille cell, as small squares.
fn braille(letter: char, x: f64, y: f64) -> String {
    const PLACES: [(f64, f64); 8] =
        [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (0.0, 3.0), (1.0, 3.0)];
    let bits = letter as u32 - 0x2800;
    let dot = |(bit, (across, down)): (usize, (f64, f64))| {
        let (x, y) = (x + WIDTH * (0.25 + 0.5 * across) - 1.1, y + HEIGHT * (0.125 + 0.25 * down) - 1.1);
        (bits >> bit & 1 == 1).then(|| rect(x, y, 2.2, 2.2))
    };
    PLACES.into_iter().enumerate().filter_map(dot).collect()
}

/// The strokes of box drawing: arms to the left, right, up and down from the centre; round corners are
/// curves.
fn strokes(letter: char, x: f64, y: f64) -> Option<String> {
    let (left, right, top, bottom) = (x, x + WIDTH, y, y + HEIGHT);
    let (middle, centre) = (x + WIDTH / 2.0, y + HEIGHT / 2.0);
    let corner =
        |side: f64, end: f64| format!("M{side:.2} {centre:.2}Q{middle:.2} {centre:.2} {middle:.2} {end:.2}");
    let arms = match letter {
        '╭' => return Some(corner(right, bottom)),
        '╮' => return Some(corner(left, bottom)),
        '╰' => return Some(corner(right, top)),
        '╯' => return Some(corner(left, top)),
        '─' | '━' | '┄' | '┈' | '╌' => "lr",
        '│' | '┃' | '┆' | '┊' | '╎' => "tb",
        '┌' => "rb",
        '┐' => "lb",
        '└' => "rt",
        '┘' => "lt",
        '├' => "tbr",
        '┤' => "tbl",
        '┬' => "lrb",
        '┴' => "lrt",
        '┼' => "lrtb",
        '╴' | '╸' => "l",
        '╶' | '╺' => "r",
        '╵' | '╹' => "t",
        '╷' | '╻' => "b",
        _ => return None,
    };
    let arm = |arm: char| {
        let (to_x, to_y) = match arm {
            'l' => (left, centre),
            'r' => (right, centre),
            't' => (middle, top),
            _ => (middle, bottom),
        };
        format!("M{middle:.2} {centre:.2}L{to_x:.2} {to_y:.2}")
    };
    Some(arms.chars().map(arm).collect())
}

/// The colour; None for the terminal's default.
fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Default => None,
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Idx(index) => Some(indexed(index)),
    }
}

fn indexed(index: u8) -> String {
    const FIRST: [&str; 16] = [
        "#1d1f21", "#cc6666", "#8fae4b", "#d7a84b", "#5f8fc9", "#a97fbf", "#57a9a3", "#c5c8c6", "#6b6f73",
        "#e88a86", "#b5d16e", "#f0c674", "#81a2be", "#c9a3dd", "#8abeb7", "#ffffff",
    ];
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    let (r, g, b) = match index {
        0..16 => return FIRST[usize::from(index)].into(),
        16..232 => (level((index - 16) / 36), level((index - 16) / 6 % 6), level((index - 16) % 6)),
        232.. => (8 + 10 * (index - 232), 8 + 10 * (index - 232), 8 + 10 * (index - 232)),
    };
    format!("#{r:02x}{g:02x}{b:02x}")
}
