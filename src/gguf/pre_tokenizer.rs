//! The byte-level BPE pre-tokenizers supported by llama.cpp, with their names in llama.cpp.

/// A step of a pre-tokenizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Splits around every match of the pattern.
    Pattern(String),
    /// Splits around every digit.
    Digits,
    /// Converts bytes to characters, after a split by the pattern of GPT-2 or no split.
    Bytes(Cut),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Gpt2,
    Nothing,
}

/// The treatment of a word that is a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WholeWords {
    /// The word becomes that token without merges.
    First,
    /// The word is merged like other words.
    Merged,
}

/// A pre-tokenizer of llama.cpp.
pub struct Known {
    /// Its name in llama.cpp.
    pub pre: &'static str,
    /// Other names for which llama.cpp splits texts in the same way.
    aliases: &'static [&'static str],
    patterns: &'static [&'static str],
    end: &'static [Step],
    pub whole_words: WholeWords,
    /// Whether the published tokenizers compose characters (NFC) before splitting.
    pub composes: bool,
    /// Whether a token is added before every text, unless the file says otherwise.
    pub begins: bool,
    notice: Option<&'static str>,
}

const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const PLAIN: &[Step] = &[Step::Bytes(Cut::Nothing)];

/// Pre-tokenizers that are equal in llama.cpp, or differ in details described by a notice.
const KNOWN: [Known; 7] = [
    Known {
        pre: "gpt-2",
        aliases: &[
            "gigachat",
            "phi-2",
            "olmo",
            "mpt",
            "jais",
            "exaone4",
            "trillion",
            "granite-docling",
            "a.x-4.0",
            "mellum",
        ],
        composes: false,
        begins: false,
        patterns: &[],
        end: &[Step::Bytes(Cut::Gpt2)],
        whole_words: WholeWords::Merged,
        notice: None,
    },
    Known {
        pre: "smollm",
        aliases: &["starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"],
        composes: false,
        begins: false,
        patterns: &[],
        end: &[Step::Digits, Step::Bytes(Cut::Gpt2)],
        whole_words: WholeWords::Merged,
        notice: None,
    },
    Known {
        pre: "llama-bpe",
        aliases: &["llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"],
        composes: false,
        begins: true,
        patterns: &[LLAMA3],
        end: PLAIN,
        whole_words: WholeWords::First,
        notice: None,
    },
    Known {
        pre: "smaug-bpe",
        aliases: &["dbrx"],
        composes: false,
        begins: false,
        patterns: &[LLAMA3],
        end: PLAIN,
        whole_words: WholeWords::Merged,
        notice: None,
    },
    Known {
        pre: "qwen2",
        aliases: &["deepseek-r1-qwen", "megrez", "kormo", "hunyuan", "solar-open"],
        composes: true,
        begins: false,
        patterns: &[QWEN2],
        end: PLAIN,
        whole_words: WholeWords::Merged,
        notice: None,
    },
    Known {
        pre: "tekken",
        aliases: &[],
        composes: false,
        begins: true,
        patterns: &[TEKKEN],
        end: PLAIN,
        whole_words: WholeWords::First,
        notice: Some(
            "llama.cpp splits words of this tokenizer only at capitals from A to Z, so it may produce other tokens for words with other capitals or combining marks",
        ),
    },
    Known {
        pre: "deepseek-coder",
        aliases: &[],
        composes: false,
        begins: false,
        patterns: &["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+"],
        end: &[Step::Digits, Step::Bytes(Cut::Nothing)],
        whole_words: WholeWords::Merged,
        notice: None,
    },
];

/// The pre-tokenizer with this name or alias.
pub fn by_name(pre: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.pre == pre || known.aliases.contains(&pre))
}

/// The names of all pre-tokenizers, for messages.
pub fn names() -> String {
    KNOWN.iter().map(|known| known.pre).collect::<Vec<_>>().join(", ")
}

impl Known {
    /// The steps that split a text, in order.
    pub fn steps(&self) -> impl Iterator<Item = Step> {
        let patterns = self.patterns.iter().map(|pattern| Step::Pattern((*pattern).to_owned()));
        patterns.chain(self.end.iter().cloned())
    }
}

/// llama.cpp's name for these steps, with a warning about differences.
///
/// # Errors
/// If llama.cpp does not have these steps.
pub fn name(steps: &[Step], whole_words: WholeWords) -> Result<(&'static str, Option<&'static str>), String> {
    let is_same = |known: &&Known| known.steps().eq(steps.iter().cloned());
    let alike: Vec<&Known> = KNOWN.iter().filter(is_same).collect();
    if let Some(known) = alike.iter().find(|known| known.whole_words == whole_words) {
        return Ok((known.pre, known.notice));
    }
    if let [known, ..] = alike.as_slice() {
        return Err(format!(
            "\"ignore_merges\" is {}, and llama.cpp has this pre-tokenizer ({}) only with the opposite value",
            whole_words == WholeWords::First,
            known.pre
        ));
    }
    Err(format!(
        "it splits texts by {} before the merges, unlike every known pre-tokenizer of llama.cpp ({})",
        described(steps),
        names()
    ))
}

fn described(steps: &[Step]) -> String {
    let one = |step: &Step| match step {
        Step::Pattern(pattern) => format!("the pattern {pattern:?}"),
        Step::Digits => "single digits".to_owned(),
        Step::Bytes(Cut::Gpt2) => "the pattern of GPT-2".to_owned(),
        Step::Bytes(Cut::Nothing) => "bytes".to_owned(),
    };
    steps.iter().map(one).collect::<Vec<_>>().join(", then ")
}
