//! Tests of the program in a pseudo-terminal. They measure response times and idle processor time, so they are a
//! separate binary.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod panics;
mod pty;
mod svg;

mod explorer;
mod pictures;
mod program;
mod reopened;
