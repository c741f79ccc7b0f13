//! Charts in the page. Their panels adapt to the width of the page, their colours to its look.

use crate::plot::{Chart, Ink, Look, Panel, Size, Ticks};

/// The control that selects the look; the default follows the system.
pub const LOOKS: &str = "<fieldset class=\"looks\"><legend>Look</legend>\
    <label><input type=\"radio\" name=\"look\" id=\"look-auto\" checked>auto</label>\
    <label><input type=\"radio\" name=\"look\" id=\"look-light\">light</label>\
    <label><input type=\"radio\" name=\"look\" id=\"look-dark\">dark</label></fieldset>\n";

/// The size of a single panel on a wide and on a narrow page.
const WIDE: Size = Size { width: 760, height: 320 };
const NARROW: Size = Size { width: 360, height: 280 };
/// The size of one of two panels.
const HALF: Size = Size { width: 440, height: 280 };
/// Maximum number of names along x for a panel of half width.
const FEW: usize = 3;
/// The size of one of many panels.
const SMALL: Size = Size { width: 250, height: 190 };

/// A chart with its caption and the name of its files.
pub fn figure(id: &str, (shown, read): (&str, &str), chart: &Chart, kinds: &str) -> String {
    let label = escape(shown);
    let pair = |panels: &[Panel]| {
        let panels = panels.iter().map(|panel| svg(panel, HALF, &label));
        format!("<div class=\"pair\">{}</div>", panels.collect::<String>())
    };
    let panels = match &chart.panels[..] {
        [panel] if matches!(&panel.x.ticks, Ticks::Names(names) if names.len() <= FEW) => pair(&chart.panels),
        [panel] => format!(
            "<div class=\"single\"><div class=\"wide\">{}</div><div class=\"narrow\">{}</div></div>",
            svg(panel, WIDE, &label),
            svg(panel, NARROW, &label)
        ),
        panels if chart.columns == 2 || panels.len() == 4 => pair(&chart.panels),
        many => {
            let many = many.iter().map(|panel| svg(panel, SMALL, &label));
            format!("<div class=\"many\">{}</div>", many.collect::<String>())
        }
    };
    format!(
        "<figure id=\"{id}-figure\">{panels}\n<figcaption><strong>{label}</strong> {} <span class=\"files\">plots/{id}{kinds}\
         </span></figcaption></figure>\n",
        escape(read)
    )
}

/// A panel as an inline element, in the font of the page.
fn svg(panel: &Panel, size: Size, label: &str) -> String {
    let title = if panel.title.is_empty() { String::new() } else { format!("{}: ", escape(&panel.title)) };
    let svg = Chart::single(panel.clone()).svg(Look::Light, size);
    let svg = svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1).replace(" opacity=\"1\"", "");
    let mut pieces = svg.split(" font-family=\"");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text += piece.split_once('"').map_or(piece, |(_, rest)| rest);
    }
    text.replacen("<svg", &format!("<svg role=\"img\" aria-label=\"{title}{label}\""), 1)
}

/// CSS variables for the colours of both looks, and rules that apply them to charts.
pub fn inks() -> String {
    let set = |look: Look| Ink::ALL.map(|ink| format!("--{}:{};", name(ink), ink.hex(look))).concat();
    let (light, dark) = (set(Look::Light), set(Look::Dark));
    let rules = Ink::ALL.map(|ink| {
        let (name, hex) = (name(ink), ink.hex(Look::Light));
        format!("svg [fill=\"{hex}\"]{{fill:var(--{name})}}svg [stroke=\"{hex}\"]{{stroke:var(--{name})}}\n")
    });
    format!(
        ":root{{color-scheme:light;{light}}}\n\
         @media screen{{:root:has(#look-dark:checked){{color-scheme:dark;{dark}}}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root:not(:has(#look-light:checked)){{color-scheme:dark;{dark}}}}}\n{}",
        rules.concat()
    )
}

fn name(ink: Ink) -> &'static str {
    match ink {
        Ink::Paper => "paper",
        Ink::Text => "text",
        Ink::Quiet => "quiet",
        Ink::Grid => "grid",
        Ink::First => "first",
        Ink::Second => "second",
        Ink::Third => "third",
        Ink::Fourth => "fourth",
    }
}

/// Escapes text for HTML elements and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            c if c.is_control() && c != '\n' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
