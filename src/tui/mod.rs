//! Runs the explorer on a terminal: input, engine events and frames. The terminal is always restored.

mod clipboard;
mod ending;
mod error;
mod explorer;
mod guard;
#[cfg(unix)]
mod hang_up;
mod input;
mod interface;
mod on_disk;
mod output;
mod pacing;
mod picture;
mod report;
mod session;
mod signals;
mod source;
mod suspend;

pub use ending::Ending;
pub use error::Error;
pub use interface::{Flags, Interface, keymap, themes};
pub use report::install as report_panics;
pub use session::{Opened, Session, StartEngine, explore, needs_terminal};
