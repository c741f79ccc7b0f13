//! Msg → update → Effects: the only place where the state changes.

use super::{Effect, Msg, State};

pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let _ = (state, msg);
    Vec::new()
}
