//! The canvas of a screen: cells, state, theme, and targets of the mouse.

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::{Block, Widget},
};

use crate::words::Notation;

use crate::explorer::{
    Action, Panel, Pointed, State, Zoom,
    view::{
        Division, Hits, Readings, Role, Theme,
        pieces::{fitting, whole_clauses},
        stage,
        widgets::{self, fit, width},
    },
};

pub struct Canvas<'a> {
    pub buffer: &'a mut Buffer,
    pub state: &'a State,
    pub theme: &'a Theme,
    pub hits: &'a mut Hits,
    /// The frame that was drawn last.
    frame: Rect,
}

/// Draws the current screen, or its focused panel, into an area of the window.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    (area, shown): (Rect, Zoom),
    state: &State,
    theme: &Theme,
    hits: &mut Hits,
) {
    let area = area.intersection(frame.area());
    if area.width < 8 || area.height < 3 {
        return;
    }
    let mut canvas = Canvas { buffer: frame.buffer_mut(), state, theme, hits, frame: area };
    match shown {
        Zoom::Screen => state.screen.slice().draw(&mut canvas, area),
        Zoom::Panel => (state.focused().draw)(&mut canvas, area),
    }
}

impl Canvas<'_> {
    /// Draws the border of a panel with its title, and a note on the right if there is room. Returns the area
    /// inside.
    pub fn panel(&mut self, panel: &'static Panel, area: Rect, title: &str, note: &str) -> Rect {
        let area = area.intersection(*self.buffer.area());
        self.hits.add(area, Pointed::Panel(panel));
        let role = if self.state.focused() == panel { Role::BorderFocused } else { Role::Border };
        self.frame(area, role, title, note)
    }

    /// Draws a border around something that cannot be focused.
    pub fn plain_frame(&mut self, area: Rect, title: &str, note: &str) -> Rect {
        self.frame(area.intersection(*self.buffer.area()), Role::Border, title, note)
    }

    fn frame(&mut self, area: Rect, border: Role, title: &str, note: &str) -> Rect {
        if area.width < 4 || area.height < 3 {
            return area;
        }
        self.frame = area;
        let room = area.width - 4;
        let title = fit(title, room.saturating_sub(2));
        let mut block = Block::bordered()
            .border_set(self.theme.borders())
            .border_style(self.theme.style(border))
            .title_top(Line::from(vec![self.space(), self.span(title.clone(), Role::Title), self.space()]));
        let left = room.saturating_sub(width(&title) + 4);
        let note = fit(whole_clauses(note, left.into()), left);
        if !note.is_empty() {
            let note = self.span(note, Role::Muted);
            block = block.title_top(Line::from(vec![self.space(), note, self.space()]).right_aligned());
        }
        let inner = block.inner(area);
        block.render(area, self.buffer);
        inner
    }

    fn space(&self) -> Span<'static> {
        Span::raw(" ")
    }

    /// Text in the style of a role.
    pub fn span<'t>(&self, text: impl Into<std::borrow::Cow<'t, str>>, role: Role) -> Span<'t> {
        Span::styled(text, self.theme.style(role))
    }

    /// Writes row `row` of an area, counted from its top; rows below the bottom are dropped. A line that is too long loses
    /// words first, then figures as a whole.
    pub fn line(&mut self, area: Rect, row: u16, spans: Vec<Span<'_>>) {
        let area = area.intersection(*self.buffer.area());
        if row < area.height {
            let mut x = area.x;
            for span in fitting(spans, area.width.into()) {
                x = widgets::write(self.buffer, area, x, area.y + row, &span.content, span.style);
            }
        }
    }

    /// Registers a chart with its readings, and writes the one under the mouse into the lower border of the frame that was
    /// drawn last. `reading` receives the place of the reading, counted from the left and from the top.
    pub fn read(
        &mut self,
        (area, across, down): (Rect, Division, Division),
        reading: impl FnOnce(&Self, usize, usize) -> Option<String>,
    ) {
        let area = area.intersection(*self.buffer.area());
        if area.is_empty() {
            return;
        }
        self.hits.add_readings(Readings { area, across, down });
        let hover = self.state.hover.filter(|spot| spot.chart == area && self.state.interface.mouse);
        let Some(text) = hover.and_then(|spot| reading(self, spot.across, spot.down)) else { return };
        let frame = self.frame;
        let border = Rect {
            x: frame.x + 2,
            y: frame.bottom().saturating_sub(1),
            width: frame.width.saturating_sub(4),
            height: 1,
        };
        let line = vec![self.space(), self.span(text, Role::Active), self.space()];
        self.line(border, 0, line);
    }

    /// Writes a message in the middle of an area that has no content yet.
    pub fn absent(&mut self, area: Rect, text: &str) {
        let lines = widgets::wrap(text, area.width.saturating_sub(2).clamp(1, 60));
        let above = area.height.saturating_sub(lines.len() as u16) / 2;
        for (row, line) in lines.into_iter().enumerate() {
            let line = &text[line];
            let x = area.x + area.width.saturating_sub(width(line)) / 2;
            let style = self.theme.style(Role::Muted);
            widgets::write(self.buffer, area, x, area.y + above + row as u16, line, style);
        }
    }

    /// Writes a message about missing content, and what it waits for.
    pub fn awaits(&mut self, area: Rect, sentence: &str) {
        let text = stage::waits(self.state, sentence);
        self.absent(area, &text);
    }

    /// Columns needed to draw the facts in a single column.
    pub fn facts_width(facts: &[Fact]) -> u16 {
        let (name, value) = widest(facts);
        name + 2 + value
    }

    /// Writes names and values, one pair per line, in as many columns as fit.
    pub fn facts(&mut self, area: Rect, facts: &[Fact]) {
        let (name, value) = widest(facts);
        let one = (name + value + 4).max(1);
        let fitting = usize::from(area.width / one).max(1);
        let rows = facts.len().div_ceil(fitting).max(usize::from(area.height).min(facts.len())).max(1);
        for (at, fact) in facts.iter().enumerate() {
            let x = area.x + (at / rows) as u16 * one;
            let y = area.y + (at % rows) as u16;
            widgets::write(self.buffer, area, x, y, fact.name, self.theme.style(Role::Muted));
            widgets::write(self.buffer, area, x + name + 2, y, &fact.value, self.theme.style(fact.role));
        }
    }

    /// The key of an action, or its name if it has no key.
    pub fn key(&self, action: Action) -> String {
        self.state.interface.keymap.label(action).unwrap_or_else(|| action.info().name.into())
    }

    /// A relative error in the chosen notation.
    pub fn relative(&self, error: f64) -> String {
        self.state.interface.notation.relative(error)
    }

    /// Columns of a relative error in the chosen notation.
    pub fn relative_width(&self) -> u16 {
        match self.state.interface.notation {
            Notation::Scientific => 8,
            Notation::PerCent => 9,
        }
    }

    pub fn is_focused(&self, panel: &'static Panel) -> bool {
        self.state.focused() == panel
    }
}

/// Columns of the longest name and of the longest value.
fn widest(facts: &[Fact]) -> (u16, u16) {
    let longest = |text: fn(&Fact) -> &str| facts.iter().map(|fact| width(text(fact))).max().unwrap_or(0);
    (longest(|fact| fact.name), longest(|fact| &fact.value))
}

/// A named value.
pub struct Fact {
    pub name: &'static str,
    pub value: String,
    pub role: Role,
}

impl Fact {
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), role: Role::Text }
    }

    pub fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }
}
