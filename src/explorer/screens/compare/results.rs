//! Results of comparing the dense and the pruned model: two texts from one prompt, and perplexities.

use crate::{
    calibration::TextSource,
    config::Settings,
    protocol::{PerplexityRecord, Prompt, Side},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Compare {
    pub prompt: Prompt,
    pub dense: Writing,
    pub pruned: Writing,
    /// What perplexity was last asked on.
    pub text: Option<TextSource>,
    pub seq_len: usize,
    pub bos: bool,
    /// The newest first; one for each text.
    pub measured: Vec<Measured>,
    /// The attempts active when the first piece of the pruned text came.
    pub written_on: ActiveAttempts,
    /// The attempts active now.
    pub active: ActiveAttempts,
}

/// Numbers of the attempts active, one a layer.
pub type ActiveAttempts = Vec<Option<usize>>;

/// A perplexity, and the attempts that the pruned model was made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub record: PerplexityRecord,
    pub on: ActiveAttempts,
}

/// One model's text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Writing {
    pub text: String,
    pub tokens: usize,
    /// Of this model alone; None until the text is at its end.
    pub seconds: Option<f64>,
}

impl Compare {
    /// Nothing written or measured yet.
    pub fn new(text: Option<TextSource>, settings: &Settings) -> Self {
        let prompt = Prompt { text: "One day".into(), max_tokens: 96, temperature: 0.0, seed: 0 };
        Self {
            prompt,
            dense: Writing::default(),
            pruned: Writing::default(),
            text,
            seq_len: settings.eval_seq_len,
            bos: settings.bos,
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

    /// Empty pages for both.
    pub fn begin(&mut self) {
        (self.dense, self.pruned) = (Writing::default(), Writing::default());
    }

    /// A piece more. A recording, or a job that had to wait, begins its text when the first piece comes.
    pub fn write_on(&mut self, side: Side, piece: &str) {
        if side == Side::Pruned && self.pruned.text.is_empty() {
            self.written_on.clone_from(&self.active);
        }
        self.side_mut(side).text += piece;
    }

    /// A perplexity takes the place of an earlier one on the same text and windows.
    pub fn add(&mut self, record: PerplexityRecord) {
        let same = |old: &Measured| {
            (&old.record.text, old.record.seq_len, old.record.bos)
                == (&record.text, record.seq_len, record.bos)
        };
        self.measured.retain(|old| !same(old));
        self.measured.insert(0, Measured { record, on: self.active.clone() });
    }

    /// Both texts behind their prompt; empty where nothing was written.
    pub fn texts(&self) -> String {
        if self.dense.text.is_empty() && self.pruned.text.is_empty() {
            return String::new();
        }
        let prompt = &self.prompt.text;
        format!("dense:\n{prompt}{}\n\npruned:\n{prompt}{}\n", self.dense.text, self.pruned.text)
    }

    /// Whether other attempts are active now than when it was measured.
    pub fn stale(&self, measured: &Measured) -> bool {
        measured.record.after.is_some() && measured.on != self.active
    }

    /// Whether the pruned text is of other attempts than those active now.
    pub fn text_stale(&self) -> bool {
        !self.pruned.text.is_empty() && self.written_on != self.active
    }
}

impl Writing {
    /// Tokens a second, once the text is at its end.
    pub fn speed(&self) -> Option<f64> {
        self.seconds.filter(|&s| s > 0.0).map(|seconds| self.tokens as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    #[test]
    fn a_text_is_of_the_attempts_in_force_when_it_is_begun_not_when_it_is_asked_for() {
        let mut compare = Compare::new(None, &Settings::new(Options::default()).unwrap());
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
