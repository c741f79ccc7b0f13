//! How byte-level BPE cuts a text before the merges, and what llama.cpp calls that.

/// A step of a tokenizer before its merges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Cut around what the pattern finds.
    Pattern(String),
    /// Cut around every digit.
    Digits,
    /// Bytes become characters; the pattern of GPT-2 is used before where `Pattern` does not say otherwise.
    Bytes(Cut),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Gpt2,
    Nothing,
}

/// What a word that is a token does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WholeWords {
    /// It is that token, whatever the merges say.
    First,
    /// It is merged as other words are.
    Merged,
}

struct Known {
    /// Its name in llama.cpp.
    pre: &'static str,
    patterns: &'static [&'static str],
    end: &'static [Step],
    whole_words: WholeWords,
    notice: Option<&'static str>,
}

const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const PLAIN: &[Step] = &[Step::Bytes(Cut::Nothing)];

/// What is the same in llama.cpp, or so nearly that a notice says where not.
const KNOWN: [Known; 7] = [
    Known {
        pre: "gpt-2",
        patterns: &[],
        end: &[Step::Bytes(Cut::Gpt2)],
        whole_words: WholeWords::Merged,
        notice: None,
    },
    Known {
        pre: "smollm",
        patterns: &[],
        end: &[Step::Digits, Step::Bytes(Cut::Gpt2)],
        whole_words: WholeWords::Merged,
        notice: None,
    },
    Known { pre: "llama-bpe", patterns: &[LLAMA3], end: PLAIN, whole_words: WholeWords::First, notice: None },
    Known {
        pre: "smaug-bpe",
        patterns: &[LLAMA3],
        end: PLAIN,
        whole_words: WholeWords::Merged,
        notice: None,
    },
    Known { pre: "qwen2", patterns: &[QWEN2], end: PLAIN, whole_words: WholeWords::Merged, notice: None },
    Known {
        pre: "tekken",
        patterns: &[TEKKEN],
        end: PLAIN,
        whole_words: WholeWords::First,
        notice: Some(
            "llama.cpp cuts words of this tokenizer by capitals of A to Z alone, so words with other capitals or with combining marks may have other tokens there",
        ),
    },
    Known {
        pre: "deepseek-coder",
        patterns: &["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+"],
        end: &[Step::Digits, Step::Bytes(Cut::Nothing)],
        whole_words: WholeWords::Merged,
        notice: None,
    },
];

/// llama.cpp's name for these steps, and what a person should know of it.
pub fn name(steps: &[Step], whole_words: WholeWords) -> Result<(&'static str, Option<&'static str>), String> {
    let is_same = |known: &&Known| {
        let patterns = known.patterns.iter().map(|pattern| Step::Pattern((*pattern).to_owned()));
        patterns.chain(known.end.iter().cloned()).eq(steps.iter().cloned())
    };
    let alike: Vec<&Known> = KNOWN.iter().filter(is_same).collect();
    if let Some(known) = alike.iter().find(|known| known.whole_words == whole_words) {
        return Ok((known.pre, known.notice));
    }
    if let [known, ..] = alike.as_slice() {
        return Err(format!(
            "\"ignore_merges\" is {}, and llama.cpp knows these cuts ({}) only with the opposite",
            whole_words == WholeWords::First,
            known.pre
        ));
    }
    let names: Vec<&str> = KNOWN.iter().map(|known| known.pre).collect();
    Err(format!(
        "the text is cut by {} before the merges, which is none of what is known to be the same in llama.cpp ({})",
        described(steps),
        names.join(", ")
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
