//! Colours: parsing, mixing, and the nearest of 256 and of 16 colours.

use ratatui::style::Color;

/// Usual values of the sixteen terminal colours. Terminals differ, so these values are used only for mixing.
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
/// Weight of a difference in hue relative to one in lightness; hue distinguishes roles.
const HUE: f64 = 4.0;
/// The six levels of each channel in the 256-colour cube.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
/// Maximum difference of two channels for a colour that counts as grey.
const LEAST_CHROMA: f64 = 0.12;

/// Parses `#rrggbb`, a name of one of the terminal's sixteen colours, `default`, or a number from 0 to 255.
pub(super) fn parse(text: &str) -> Option<Color> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("default") { Some(Color::Reset) } else { text.parse().ok() }
}

/// The colour at a position between the first (0) and the last (1). Colours defined by the terminal cannot be
/// mixed; the nearest stop is returned instead.
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

/// The nearest colour of the cube and the grey ramp. The first 16 are not used, because terminals redefine them.
pub(super) fn nearest_of_256(colour: Color) -> Color {
    let Color::Rgb(r, g, b) = colour else { return colour };
    let wanted = oklab([r, g, b]);
    let distance = |n: u8| {
        let other = oklab(indexed(n));
        let [light, one, two] = [0, 1, 2].map(|i| (wanted[i] - other[i]).powi(2));
        light + HUE * (one + two)
    };
    let nearest = (16..=255).min_by(|&a, &b| distance(a).total_cmp(&distance(b)));
    nearest.map_or(colour, Color::Indexed)
}

/// The terminal colour, of the sixteen, with the nearest hue and lightness. The nearest by distance would be
/// grey for all soft colours.
pub(super) fn nearest_of_16(colour: Color) -> Color {
    let Some(rgb) = value(colour) else { return colour };
    let [r, g, b] = rgb.map(|v| f64::from(v) / 255.0);
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = most - least;
    if chroma <= LEAST_CHROMA {
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
    // Orange and amber are between red and yellow, and look yellow.
    match turn {
        t if !(0.4..5.5).contains(&t) => Color::Red,
        t if t < 1.4 => Color::Yellow,
        t if t < 2.55 => Color::Green,
        t if t < 3.45 => Color::Cyan,
        t if t < 4.25 => Color::Blue,
        _ => Color::Magenta,
    }
}

/// Red, green and blue; None for colours that the terminal defines.
pub(super) fn value(colour: Color) -> Option<[u8; 3]> {
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

/// Oklab coordinates (Björn Ottosson), in which equal distances look about equal.
fn oklab(rgb: [u8; 3]) -> [f64; 3] {
    let [r, g, b] = rgb.map(|v| {
        let v = f64::from(v) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    });
    let l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b).cbrt();
    let m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b).cbrt();
    let s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b).cbrt();
    [
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    ]
}
