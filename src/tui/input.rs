//! Converts terminal input to messages.

use std::{io, thread};

use ratatui::crossterm::event::{self, Event, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use tokio::sync::mpsc;

use crate::{
    explorer::view::Hits,
    explorer::{Key, Msg, Pointer, Press, Spot},
};

/// Capacity of the channel for events that arrive while a frame is drawn.
const EVENTS: usize = 256;

/// Reads the terminal on its own thread. On a closed terminal crossterm reads in an endless loop, which must
/// not block the event loop.
pub fn listen() -> mpsc::Receiver<io::Result<Event>> {
    let (events, receiver) = mpsc::channel(EVENTS);
    thread::spawn(move || {
        loop {
            let event = event::read();
            let failed = event.is_err();
            if events.blocking_send(event).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

/// The message of an input event; None for events without meaning, such as key releases, and for a motion of the mouse that
/// leaves the reading `hover` as it is.
pub fn message(event: Event, hits: &Hits, hover: Option<Spot>) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Release => None,
        Event::Key(key) => Some(Msg::Key(Key::from(key))),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(columns, rows) => Some(Msg::Resize(columns, rows)),
        Event::Mouse(mouse) if mouse.kind == MouseEventKind::Moved => {
            let reading = hits.reading_at(mouse.column, mouse.row);
            (reading != hover).then_some(Msg::Hover(reading))
        }
        Event::Mouse(mouse) => pointer(mouse, hits).map(Msg::Pointer),
        Event::FocusGained | Event::FocusLost => None,
    }
}

fn pointer(mouse: MouseEvent, hits: &Hits) -> Option<Pointer> {
    let press = match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => Press::Click,
        MouseEventKind::Drag(MouseButton::Left) => Press::Drag,
        MouseEventKind::Up(MouseButton::Left) => Press::Release,
        MouseEventKind::ScrollUp => Press::WheelUp,
        MouseEventKind::ScrollDown => Press::WheelDown,
        MouseEventKind::Down(MouseButton::Right | MouseButton::Middle)
        | MouseEventKind::Drag(MouseButton::Right | MouseButton::Middle)
        | MouseEventKind::Up(MouseButton::Right | MouseButton::Middle)
        | MouseEventKind::Moved
        | MouseEventKind::ScrollLeft
        | MouseEventKind::ScrollRight => return None,
    };
    Some(Pointer { press, at: hits.at(mouse.column, mouse.row) })
}

#[cfg(test)]
mod tests {
    use ratatui::{
        crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
        layout::Rect,
    };

    use super::*;
    use crate::explorer::{
        Pointed, Screen,
        view::{Division, Readings},
    };

    fn key(kind: KeyEventKind) -> Event {
        Event::Key(KeyEvent::new_with_kind(KeyCode::Char('s'), KeyModifiers::NONE, kind))
    }

    #[test]
    fn a_key_release_is_ignored() {
        let hits = Hits::default();
        assert!(message(key(KeyEventKind::Release), &hits, None).is_none());
        for kind in [KeyEventKind::Press, KeyEventKind::Repeat] {
            assert!(matches!(message(key(kind), &hits, None), Some(Msg::Key(_))));
        }
    }

    #[test]
    fn a_click_reports_its_target() {
        let mut hits = Hits::default();
        hits.add(ratatui::layout::Rect::new(2, 1, 5, 1), Pointed::Screen(Screen::Log));
        let click = |column| {
            let kind = MouseEventKind::Down(MouseButton::Left);
            let event = MouseEvent { kind, column, row: 1, modifiers: KeyModifiers::NONE };
            match message(Event::Mouse(event), &hits, None) {
                Some(Msg::Pointer(pointer)) => pointer.at,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(click(3), Pointed::Screen(Screen::Log));
        assert_eq!(click(9), Pointed::Nothing);
    }

    #[test]
    fn a_motion_of_the_mouse_counts_only_if_it_changes_the_reading() {
        let mut hits = Hits::default();
        let area = Rect::new(2, 1, 8, 3);
        hits.add_readings(Readings { area, across: Division::Bars(4), down: Division::Whole });
        let moved = |column, row, hover| {
            let kind = MouseEventKind::Moved;
            let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
            message(Event::Mouse(event), &hits, hover)
        };
        let Some(Msg::Hover(Some(spot))) = moved(4, 1, None) else { panic!("no reading") };
        assert_eq!(spot, Spot { chart: area, across: 1, down: 0 });
        assert!(moved(5, 3, Some(spot)).is_none(), "the same bar");
        assert!(matches!(moved(6, 3, Some(spot)), Some(Msg::Hover(Some(_)))), "the next bar");
        assert!(matches!(moved(0, 0, Some(spot)), Some(Msg::Hover(None))), "beside the chart");
        assert!(moved(0, 0, None).is_none());
    }
}
