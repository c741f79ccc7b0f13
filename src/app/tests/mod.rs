//! The explorer as scripts of messages.

mod dialogs;
mod editing;
mod keys;
mod mouse;
mod replaying;
mod running;
mod script;

use script::Script;
