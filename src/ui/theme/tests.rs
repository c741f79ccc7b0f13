//! Themes are complete, forgiving, and readable at every depth.
