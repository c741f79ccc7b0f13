//! A theme: the style of every role with the colours and symbols that the terminal supports.

mod builtin;
mod colour;
mod depth;
mod glyphs;
mod load;
mod plain;
mod role;
mod sheet;
#[cfg(test)]
mod tests;

pub use depth::{Depth, Environment};
pub use glyphs::Glyphs;
pub use load::{Source, load};
pub use role::Role;

use ratatui::{
    style::{Color, Modifier, Style},
    symbols::border,
};

/// Number of stops of the heat map's scale with 256 colours.
const HEAT_STOPS: u32 = 48;

/// The styles of all roles for this terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    pub name: String,
    pub glyphs: Glyphs,
    depth: Depth,
    /// Indexed in the order of [`Role::ALL`].
    styles: [Style; Role::ALL.len()],
    /// Colours of the heat map at even distances from 0 to 1; never empty.
    heat: Vec<Color>,
}

impl Theme {
    /// A loaded theme has true colour and Unicode; [`Theme::resolved`] adapts it to a terminal.
    fn new(name: String, styles: [Style; Role::ALL.len()], heat: Vec<Color>) -> Self {
        let heat = if heat.is_empty() { vec![Color::Reset] } else { heat };
        Self { name, glyphs: Glyphs::default(), depth: Depth::TrueColour, styles, heat }
    }

    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// The colour of a value from 0 to 1 in heat maps. Without colours it is always the text colour, and the
    /// symbol of [`Glyphs::shade`] shows the value.
    pub fn heat(&self, value: f64) -> Color {
        let value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
        colour::blend(&self.heat, value)
    }

    /// True if the heat map's colours are mixed. A theme of named colours has one per stop.
    pub fn has_fine_heat(&self) -> bool {
        self.heat.len() > 1
            && self.heat.iter().all(|colour| matches!(colour, Color::Rgb(..) | Color::Indexed(16..)))
    }

    /// A colour that is legible on the colour of a value in heat maps.
    pub fn ink_on_heat(&self, value: f64) -> Color {
        match colour::value(self.heat(value)) {
            Some([r, g, b]) if 2 * u32::from(r) + 5 * u32::from(g) + u32::from(b) > 8 * 110 => Color::Black,
            Some(_) => Color::White,
            None => Color::Reset,
        }
    }

    pub fn borders(&self) -> border::Set<'static> {
        self.glyphs.borders()
    }

    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// The theme with the colours and symbols that a terminal supports. Call it on the loaded theme: reduced
    /// colours cannot be restored.
    ///
    /// With [`Depth::None`] no style has a colour, so only text attributes are written. At every depth,
    /// crossterm must not act on `NO_COLOR` itself: it would write bare resets in place of colours, which
    /// also end *reversed* and so hide the selection. Call `crossterm::style::force_color_output(true)` once
    /// before drawing; then the theme alone decides.
    pub fn resolved(&self, depth: Depth, glyphs: Glyphs) -> Self {
        let own_background = self.style(Role::Text).bg;
        let mut styles = self.styles;
        for (style, role) in styles.iter_mut().zip(Role::ALL) {
            let lower = match depth {
                Depth::TrueColour => *style,
                Depth::None => plain::style(role, style.add_modifier),
                Depth::Ansi256 | Depth::Ansi16 => lowered(*style, own_background, depth),
            };
            // Reversed dim text is hard to read, for example on the selected line.
            let reversed = lower.add_modifier.contains(Modifier::REVERSED);
            *style = if reversed { lower.remove_modifier(Modifier::DIM) } else { lower };
        }
        Self { styles, heat: self.heat_in(depth), glyphs, depth, ..self.clone() }
    }

    /// The colours of the heat map at a lower depth. Reduced colours cannot be mixed, so 256 colours have
    /// more stops.
    fn heat_in(&self, depth: Depth) -> Vec<Color> {
        match depth {
            Depth::TrueColour => self.heat.clone(),
            Depth::Ansi256 => {
                let place = |stop: u32| f64::from(stop) / f64::from(HEAT_STOPS - 1);
                (0..HEAT_STOPS).map(|stop| depth.nearest(colour::blend(&self.heat, place(stop)))).collect()
            }
            Depth::Ansi16 => self.heat.iter().map(|&stop| depth.nearest(stop)).collect(),
            Depth::None => vec![Color::Reset],
        }
    }
}

impl Default for Theme {
    /// The built-in dark theme.
    fn default() -> Self {
        let (themes, _) = load(&[]);
        themes.into_iter().next().expect("a test loads the built-in themes")
    }
}

/// A style with fewer colours. None of sixteen colours is near an unknown background and yet distinct from
/// it, so a background becomes *reversed*, unless the theme defines the background of all text.
fn lowered(style: Style, own_background: Option<Color>, depth: Depth) -> Style {
    let mut lower = style;
    lower.fg = style.fg.map(|colour| depth.nearest(colour));
    lower.bg = style.bg.map(|colour| depth.nearest(colour));
    let exact = match style.bg {
        Some(Color::Rgb(..) | Color::Indexed(_)) => depth != Depth::Ansi16,
        Some(_) | None => true,
    };
    let hidden = own_background.is_some_and(|own| lower.bg == Some(depth.nearest(own)));
    if exact || style.bg == own_background || (own_background.is_some() && !hidden) {
        return lower;
    }
    // A single text colour keeps the reversed background uniform.
    Style { bg: None, fg: Some(Color::Reset), ..lower.add_modifier(Modifier::REVERSED) }
}
