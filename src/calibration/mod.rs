//! Texts to token windows.
