//! Colours as numbers: what a theme writes, mixtures of two, and the nearest of the 256 and of the 16.

use ratatui::style::Color;

/// Usual values of the terminal's sixteen colours; terminals differ, so they serve for mixtures alone.
const SIXTEEN: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 49, 49],
    [13, 160, 90],
    [200, 170, 20],
    [36, 114, 200],
    [188, 63, 188],
    [17, 168, 205],
    [204, 204, 204],
    [102, 102, 102],
    [241, 76, 76],
    [35, 209, 139],
    [245, 245, 67],
    [59, 142, 234],
    [214, 112, 214],
    [41, 184, 219],
    [255, 255, 255],
];
/// The six levels of each channel in the colour cube of the 256.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
/// Below this share of the brightest channel, a colour counts as a grey.
const LEAST_CHROMA: f64 = 0.16;

/// `#rrggbb`, a name of the terminal's own sixteen, `default`, or a number from 0 to 255.
pub(super) fn parse(text: &str) -> Option<Color> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("default") { Some(Color::Reset) } else { text.parse().ok() }
}

/// A place between the first colour (0) and the last (1). Colours that the terminal itself defines don't mix: there the
/// nearest stop is taken.
pub(super) fn blend(stops: &[Color], at: f64) -> Color {
    let last = stops.len().saturating_sub(1);
    let place = at * last as f64;
    let below = (place.floor() as usize).min(last);
    let (Some(&from), Some(&to)) = (stops.get(below), stops.get((below + 1).min(last))) else {
        return Color::Reset;
    };
    let share = place - below as f64;
    match (from, to) {
        (Color::Rgb(r, g, b), Color::Rgb(s, h, c)) => {
            let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
            Color::Rgb(mix(r, s), mix(g, h), mix(b, c))
        }
        (from, to) => {
            if share < 0.5 {
                from
            } else {
                to
            }
        }
    }
}

/// The nearest of the colour cube and of the grey ramp. The first 16 are left alone: every terminal has its own.
pub(super) fn nearest_of_256(colour: Color) -> Color {
    let Color::Rgb(r, g, b) = colour else { return colour };
    let level = |v: u8| (0..6).min_by_key(|&i| LEVELS[i].abs_diff(v)).unwrap_or(0);
    let (i, j, k) = (level(r), level(g), level(b));
    let cube = [LEVELS[i], LEVELS[j], LEVELS[k]];
    let mean = (u32::from(r) + u32::from(g) + u32::from(b)) / 3;
    let step = (mean.saturating_sub(3) / 10).min(23) as u8;
    let grey = 8 + 10 * step;
    if distance([r, g, b], [grey; 3]) < distance([r, g, b], cube) {
        Color::Indexed(232 + step)
    } else {
        Color::Indexed((16 + 36 * i + 6 * j + k) as u8)
    }
}

/// One of the terminal's sixteen, by hue and lightness: the nearest in the cube would make greys of all soft colours.
pub(super) fn nearest_of_16(colour: Color) -> Color {
    let Some(rgb) = value(colour) else { return colour };
    let [r, g, b] = rgb.map(|v| f64::from(v) / 255.0);
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = most - least;
    if chroma <= LEAST_CHROMA * most.max(0.35) {
        return match (most + least) / 2.0 {
            light if light < 0.12 => Color::Black,
            light if light < 0.7 => Color::DarkGray,
            light if light < 0.93 => Color::Gray,
            _ => Color::White,
        };
    }
    let turn = if most == r {
        ((g - b) / chroma).rem_euclid(6.0)
    } else if most == g {
        (b - r) / chroma + 2.0
    } else {
        (r - g) / chroma + 4.0
    };
    // Orange and amber lie between red and yellow; they read as yellow.
    match turn {
        t if !(0.4..5.5).contains(&t) => Color::Red,
        t if t < 1.4 => Color::Yellow,
        t if t < 2.55 => Color::Green,
        t if t < 3.45 => Color::Cyan,
        t if t < 4.25 => Color::Blue,
        _ => Color::Magenta,
    }
}

/// Red, green, blue; None for the terminal's own text or background, and for its own sixteen.
fn value(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(n) => Some(indexed(n)),
        Color::Reset
        | Color::Black
        | Color::Red
        | Color::Green
        | Color::Yellow
        | Color::Blue
        | Color::Magenta
        | Color::Cyan
        | Color::Gray
        | Color::DarkGray
        | Color::LightRed
        | Color::LightGreen
        | Color::LightYellow
        | Color::LightBlue
        | Color::LightMagenta
        | Color::LightCyan
        | Color::White => None,
    }
}

fn indexed(n: u8) -> [u8; 3] {
    match n {
        0..16 => SIXTEEN[usize::from(n)],
        16..232 => {
            let n = usize::from(n - 16);
            [LEVELS[n / 36], LEVELS[n / 6 % 6], LEVELS[n % 6]]
        }
        232.. => [8 + 10 * (n - 232); 3],
    }
}

/// Squared, with the eye's weights: it sees green best and blue least.
fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    let square = |i: usize| u32::from(a[i].abs_diff(b[i])).pow(2);
    3 * square(0) + 6 * square(1) + 2 * square(2)
}
