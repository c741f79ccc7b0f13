//! Results of comparing the dense and the pruned model: two texts from one prompt, and perplexities.

use crate::{
    config::Evaluation,
    protocol::{PerplexityRecord, Prompt, Side},
};

/// Texts and perplexities of both models.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub prompt: Prompt,
    pub dense: Writing,
    pub pruned: Writing,
    /// Settings of the next perplexity measurement.
    pub evaluation: Evaluation,
    /// Newest first, one per evaluation and pruned model.
    measured: Vec<Measured>,
    /// Active attempts when the pruned text began.
    pub written_on: ActiveAttempts,
    /// The currently active attempts.
    pub active: ActiveAttempts,
}

/// Numbers of the active attempts, indexed by layer.
pub type ActiveAttempts = Vec<Option<usize>>;

/// A perplexity, and the attempts of the pruned model.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub record: PerplexityRecord,
    pub on: ActiveAttempts,
}

/// The text of one model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Writing {
    pub text: String,
    pub tokens: usize,
    /// Seconds of this model alone; None until the text is complete.
    pub seconds: Option<f64>,
}

impl Comparison {
    /// Nothing written or measured yet.
    pub fn new(evaluation: Evaluation) -> Self {
        let prompt = Prompt { text: "One day".into(), max_tokens: 96, temperature: 0.0, seed: 0 };
        Self {
            prompt,
            dense: Writing::default(),
            pruned: Writing::default(),
            evaluation,
            measured: Vec::new(),
            written_on: ActiveAttempts::new(),
            active: ActiveAttempts::new(),
        }
    }

    pub fn side(&self, side: Side) -> &Writing {
        match side {
            Side::Dense => &self.dense,
            Side::Pruned => &self.pruned,
        }
    }

    pub fn side_mut(&mut self, side: Side) -> &mut Writing {
        match side {
            Side::Dense => &mut self.dense,
            Side::Pruned => &mut self.pruned,
        }
    }

    /// Clears both texts.
    pub fn begin(&mut self) {
        (self.dense, self.pruned) = (Writing::default(), Writing::default());
    }

    /// Appends generated text. The first piece starts the text, which may be long after the request.
    pub fn write_on(&mut self, side: Side, piece: &str) {
        if side == Side::Pruned && self.pruned.text.is_empty() {
            self.written_on.clone_from(&self.active);
        }
        self.side_mut(side).text += piece;
    }

    /// Adds a perplexity with the active attempts.
    pub fn add(&mut self, record: PerplexityRecord) {
        self.add_on(record, self.active.clone());
    }

    /// Adds a perplexity with the attempts `on`. It replaces an earlier one with the same evaluation and attempts, and
    /// one of the dense model alone.
    pub fn add_on(&mut self, record: PerplexityRecord, on: ActiveAttempts) {
        let new = Measured { record, on };
        let is_known = |old: &Measured| old.has_evaluation_of(&new);
        if new.record.after.is_none() && self.measured.iter().any(is_known) {
            // The earlier record contains the perplexity of the dense model.
            return;
        }
        self.measured.retain(|old| !(is_known(old) && (old.on == new.on || old.record.after.is_none())));
        self.measured.insert(0, new);
    }

    /// One perplexity per evaluation, newest first: the one with the active attempts, otherwise the newest.
    pub fn shown(&self) -> impl Iterator<Item = &Measured> {
        let of = |first: &Measured| {
            let mut same = self.measured.iter().filter(|other| other.has_evaluation_of(first));
            same.find(|other| other.on == self.active)
        };
        let firsts = self.measured.iter().enumerate().filter(|(at, measured)| {
            !self.measured[..*at].iter().any(|newer| newer.has_evaluation_of(measured))
        });
        firsts.map(move |(_, first)| of(first).unwrap_or(first))
    }

    /// Both texts after their prompt; empty if nothing was generated.
    pub fn texts(&self) -> String {
        if self.dense.text.is_empty() && self.pruned.text.is_empty() {
            return String::new();
        }
        let prompt = &self.prompt.text;
        format!("dense:\n{prompt}{}\n\npruned:\n{prompt}{}\n", self.dense.text, self.pruned.text)
    }

    /// True if the active attempts have changed since the measurement.
    pub fn stale(&self, measured: &Measured) -> bool {
        measured.record.after.is_some() && measured.on != self.active
    }

    /// True if the active attempts have changed since the pruned text began.
    pub fn text_stale(&self) -> bool {
        !self.pruned.text.is_empty() && self.written_on != self.active
    }
}

impl Measured {
    /// True if both were measured on the same text, with the same windows.
    fn has_evaluation_of(&self, other: &Self) -> bool {
        let of = |record: &PerplexityRecord| (record.text.clone(), record.seq_len, record.tokens, record.bos);
        of(&self.record) == of(&other.record)
    }
}

impl Writing {
    /// Tokens per second, once the text is complete.
    pub fn speed(&self) -> Option<f64> {
        self.seconds.filter(|&s| s > 0.0).map(|seconds| self.tokens as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_belongs_to_the_attempts_that_are_active_when_it_begins() {
        let mut compare = Comparison::new(Evaluation::default());
        compare.begin();
        compare.active = vec![Some(0)];
        compare.write_on(Side::Pruned, "One day");
        assert!(!compare.text_stale());
        compare.active = vec![Some(1)];
        compare.write_on(Side::Pruned, " more");
        assert!(compare.text_stale());
        compare.begin();
        assert!(!compare.text_stale());
    }
}
