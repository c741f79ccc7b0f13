//! What lies over a screen: a stack, of which the topmost hears keys first.

use std::path::PathBuf;

use super::{Form, Input, Then};

#[derive(Clone, Debug, PartialEq)]
pub enum Overlay {
    /// All keys.
    Help {
        filter: Input,
        scroll: usize,
    },
    /// Actions, layers and themes by name; `at` counts among those that match.
    Palette {
        input: Input,
        at: usize,
    },
    /// The words that the screen's list is filtered by.
    Filter {
        input: Input,
    },
    /// The sessions on disk; `at` counts among them.
    Sessions {
        at: usize,
    },
    Form(Form),
    Ask(Ask),
    /// What the focused panel shows. Keys that it does not take go to the screen.
    Explain,
}

/// A question that is answered by yes or no before something is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub question: String,
    /// What is lost or changed.
    pub detail: String,
    pub then: Confirmed,
}

/// What is done after a yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    Quit,
    Cancel,
    OpenSession { path: PathBuf, then: Then },
    DeleteSession(PathBuf),
}
