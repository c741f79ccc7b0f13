//! The kind of a token in `tokenizer.ggml.token_type`.

/// The kind of a token, with llama.cpp's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Normal = 1,
    Unknown = 2,
    /// Recognised in a text only when special tokens are parsed.
    Control = 3,
    /// Recognised in every text.
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

impl TokenKind {
    /// The kind with this number; None for an undefined number.
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Normal, Self::Unknown, Self::Control, Self::UserDefined, Self::Unused, Self::Byte]
            .into_iter()
            .find(|kind| *kind as i64 == number)
    }
}
