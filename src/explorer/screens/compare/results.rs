//! Results of comparing the dense and the pruned model: two texts from one prompt, and perplexities.

use super::TextPair;
use crate::{
    config::Evaluation,
    protocol::{PerplexityRecord, Prompt, Side},
};

/// Texts and perplexities of both models.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The prompt of the next texts.
    pub prompt: Prompt,
    /// The newest texts.
    pub newest: TextPair,
    /// Earlier texts, oldest first.
    earlier: Vec<TextPair>,
    /// How many pairs of texts before the newest one is shown.
    back: usize,
    /// Settings of the next perplexity measurement.
    pub evaluation: Evaluation,
    /// Newest first, one per evaluation and pruned model.
    measured: Vec<Measured>,
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

/// Number of earlier texts that are kept.
const EARLIER: usize = 20;

impl Comparison {
    /// Nothing written or measured yet.
    pub fn new(evaluation: Evaluation) -> Self {
        let prompt = Prompt { text: "One day".into(), max_tokens: 96, temperature: 0.0, seed: 0 };
        Self {
            newest: TextPair::new(prompt.clone()),
            prompt,
            earlier: Vec::new(),
            back: 0,
            evaluation,
            measured: Vec::new(),
            active: ActiveAttempts::new(),
        }
    }

    /// The texts that are shown.
    pub fn pair(&self) -> &TextPair {
        match self.back {
            0 => &self.newest,
            back => self.earlier.get(self.earlier.len().wrapping_sub(back)).unwrap_or(&self.newest),
        }
    }

    /// The place of the shown texts, from 1, and the number of pairs.
    pub fn place(&self) -> (usize, usize) {
        (self.earlier.len() + 1 - self.back, self.earlier.len() + 1)
    }

    /// Shows earlier texts for a negative number, later ones for a positive one.
    pub fn turn(&mut self, by: isize) {
        self.back = self.back.saturating_add_signed(-by).min(self.earlier.len());
    }

    /// Begins two texts from the prompt; the newest ones become earlier ones.
    pub fn begin(&mut self) {
        let old = std::mem::replace(&mut self.newest, TextPair::new(self.prompt.clone()));
        if !old.is_empty() {
            self.earlier.push(old);
        }
        let surplus = self.earlier.len().saturating_sub(EARLIER);
        self.earlier.drain(..surplus);
        self.back = 0;
    }

    /// Appends generated text. The first piece starts the text, which may be long after the request.
    pub fn write_on(&mut self, side: Side, piece: &str) {
        if side == Side::Pruned && self.newest.pruned.text.is_empty() {
            self.newest.written_on.clone_from(&self.active);
        }
        self.newest.side_mut(side).text += piece;
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

    /// Both shown texts after their prompt; empty if nothing was generated.
    pub fn texts(&self) -> String {
        let pair = self.pair();
        if pair.is_empty() {
            return String::new();
        }
        let prompt = &pair.prompt.text;
        format!("dense:\n{prompt}{}\n\npruned:\n{prompt}{}\n", pair.dense.text, pair.pruned.text)
    }

    /// True if the active attempts have changed since the measurement.
    pub fn stale(&self, measured: &Measured) -> bool {
        measured.record.after.is_some() && measured.on != self.active
    }

    /// True if the active attempts have changed since the pruned text began.
    pub fn text_stale(&self) -> bool {
        let pair = self.pair();
        !pair.pruned.text.is_empty() && pair.written_on != self.active
    }
}

impl Measured {
    /// True if both were measured on the same text, with the same windows.
    fn has_evaluation_of(&self, other: &Self) -> bool {
        let of = |record: &PerplexityRecord| (record.text.clone(), record.seq_len, record.tokens, record.bos);
        of(&self.record) == of(&other.record)
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

    #[test]
    fn earlier_texts_are_kept_and_can_be_shown_again() {
        let mut compare = Comparison::new(Evaluation::default());
        for number in 0..30 {
            compare.begin();
            compare.write_on(Side::Dense, &number.to_string());
        }
        assert_eq!((compare.place(), compare.pair().dense.text.as_str()), ((21, 21), "29"));
        compare.turn(-1);
        assert_eq!((compare.place(), compare.pair().dense.text.as_str()), ((20, 21), "28"));
        compare.turn(-100);
        assert_eq!(compare.pair().dense.text, "9", "the oldest one that is kept");
        compare.turn(100);
        assert_eq!(compare.pair().dense.text, "29");
    }
}
