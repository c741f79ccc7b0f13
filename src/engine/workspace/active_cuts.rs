//! The cut weights of the active attempts.

use crate::{
    pipeline::{BlockCut, Cuts},
    session::Session,
};

use super::{
    Error,
    attempts::{Attempts, Cut, Solved},
    stored_parts,
};

/// Reads cuts from memory or from the session.
pub struct ActiveCuts<'a> {
    pub attempts: &'a Attempts,
    pub session: Option<&'a Session>,
}

impl ActiveCuts<'_> {
    /// The cut of the active attempt of a layer; None if the layer is dense.
    pub fn cut(&self, layer: usize) -> Result<Option<BlockCut>, Error> {
        self.attempts.active(layer).map(|solved| self.cut_of(solved)).transpose()
    }

    /// The cut of an attempt.
    pub fn cut_of(&self, solved: &Solved) -> Result<BlockCut, Error> {
        let layer = solved.record.index;
        match (&solved.cut, self.session) {
            (Cut::InMemory(cut), _) => Ok(cut.clone()),
            (Cut::InSession, Some(session)) => stored_parts::read_cut(session, layer, solved.files),
            (Cut::InSession, None) => {
                unreachable!("cuts are in the session only if one is open, and it is not closed")
            }
        }
    }
}

impl Cuts for ActiveCuts<'_> {
    fn cut(&self, layer: usize) -> Result<Option<BlockCut>, Box<dyn std::error::Error + Send + Sync>> {
        ActiveCuts::cut(self, layer).map_err(Into::into)
    }
}
