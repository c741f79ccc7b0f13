//! Warnings about files of a checkpoint: content without effect, and contradictions.

use std::fmt;

/// A warning about a checkpoint. Its text is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A key of `config.json` that has no effect.
    UnusedKey {
        /// The key.
        key: String,
        /// The reason.
        reason: String,
    },
    /// `tie_word_embeddings` is true, but the stored head differs from the embedding.
    UntiedHead,
    /// Stored tensors that the model does not use.
    UnusedTensors {
        /// Their names, sorted.
        names: Vec<String>,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Maximum number of listed names.
        const LISTED: usize = 3;
        match self {
            Self::UnusedKey { key, reason } => write!(f, "config.json: {key:?} has no effect, because {reason}"),
            Self::UntiedHead => f.write_str(
                "config.json says that the output head is the embedding (\"tie_word_embeddings\"), but the stored \
                 lm_head.weight differs from it; the stored head is used",
            ),
            Self::UnusedTensors { names } => {
                let listed = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
                let count = names.len();
                let (tensors, are) = if count == 1 { ("tensor", "is") } else { ("tensors", "are") };
                write!(f, "{count} stored {tensors} {are} not part of this architecture and {are} ignored: {listed}")?;
                if count > LISTED { write!(f, " and {} more", count - LISTED) } else { Ok(()) }
            }
        }
    }
}
