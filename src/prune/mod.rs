//! The method, pure.
