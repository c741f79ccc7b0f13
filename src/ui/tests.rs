//! The window at every size, with everything that may lie over it.
