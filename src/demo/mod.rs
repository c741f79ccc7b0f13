//! The built-in model and the generator of its text.
