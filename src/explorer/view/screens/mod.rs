//! The six screens, a file or a folder each.

mod compare;
mod errors;
mod layer;
mod layers;
mod log;
mod ratio_curve;
#[cfg(test)]
mod sample;
mod schedule;
mod sensitivity;
pub(super) mod stage;
mod status;
#[cfg(test)]
mod tests;
mod view;

use ratatui::{Frame, layout::Rect};

use super::{Hits, Theme};
use crate::explorer::{Screen, State};
use view::View;

/// Draws the screen that is shown into the body of the window.
pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let area = area.intersection(frame.area());
    let mut view = View { buffer: frame.buffer_mut(), state, theme, hits };
    if area.width < 8 || area.height < 3 {
        return;
    }
    match state.screen {
        Screen::Layers => layers::draw(&mut view, area),
        Screen::Layer => layer::draw(&mut view, area),
        Screen::Schedule => schedule::draw(&mut view, area),
        Screen::Errors => errors::draw(&mut view, area),
        Screen::Compare => compare::draw(&mut view, area),
        Screen::Log => log::draw(&mut view, area),
    }
}
