//! The kind of a tokenizer, determined from its normalizer and its pre-tokenizer.

use serde_json::Value as Json;

use crate::gguf::pre_tokenizer::{self, Cut, Step, WholeWords};

/// The way in which a text is split into the symbols to merge.
#[derive(Debug, PartialEq, Eq)]
pub enum TokenizerKind {
    /// Spaces become ▁, and characters are merged; bytes represent unknown characters. `prefix`: a space is
    /// added before the text.
    SentencePiece { prefix: bool, notice: Option<&'static str> },
    /// The text is split by the patterns that llama.cpp names `pre`. Its bytes become characters, which are
    /// merged.
    ByteLevel { pre: &'static str, notice: Option<&'static str> },
}

const BLANK: &str = "▁";

impl TokenizerKind {
    /// # Errors
    /// If a feature does not exist in llama.cpp.
    pub fn of(json: &Json) -> Result<Self, String> {
        let model = &json["model"];
        match model["type"].as_str() {
            // The oldest files have no type, and only BPE has merges.
            Some("BPE") | None => {}
            Some(other) => return Err(format!("expected a model of type BPE, found {other}")),
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let Some(affix) = model[key].as_str().filter(|affix| !affix.is_empty()) {
                return Err(format!("{key} is {affix:?}, and llama.cpp supports none"));
            }
        }
        if model["dropout"].as_f64().is_some_and(|share| share > 0.0) {
            return Err("merges are dropped at random (dropout), which llama.cpp does not do".into());
        }
        let normalizers = flat(&json["normalizer"], "normalizers");
        let cuts = flat(&json["pre_tokenizer"], "pretokenizers");
        if model["byte_fallback"].as_bool() == Some(true) {
            of_sentence_piece(json, &normalizers, &cuts)
        } else {
            of_byte_level(json, &normalizers, &cuts)
        }
    }
}

/// The members of a sequence and of its nested sequences; none for null.
fn flat<'j>(json: &'j Json, members: &str) -> Vec<&'j Json> {
    if json.is_null() {
        return Vec::new();
    }
    match json[members].as_array() {
        Some(all) => all.iter().flat_map(|one| flat(one, members)).collect(),
        None => vec![json],
    }
}

fn of_sentence_piece(json: &Json, normalizers: &[&Json], cuts: &[&Json]) -> Result<TokenizerKind, String> {
    let (mut replaced, mut prefix, mut notice) = (false, false, None);
    for one in normalizers {
        match one["type"].as_str().unwrap_or_default() {
            "Prepend" if one["prepend"] == BLANK => prefix = true,
            "Replace" if one["pattern"]["String"] == " " && one["content"] == BLANK => replaced = true,
            other => return Err(format!("the text is normalised by {other}, which llama.cpp does not do")),
        }
    }
    for one in cuts {
        if one["type"] != "Metaspace" || one["replacement"] != BLANK {
            return Err(format!(
                "the text is split by {} before the merges, which llama.cpp does not do",
                one["type"]
            ));
        }
        let scheme = match (one["prepend_scheme"].as_str(), one["add_prefix_space"].as_bool()) {
            (Some(scheme), _) => scheme,
            (None, Some(false)) => "never",
            (None, Some(true) | None) => "always",
        };
        if !prefix && scheme != "never" {
            notice = Some(
                "llama.cpp adds a space before every text; this tokenizer adds one only if the text begins with neither a space nor a special token",
            );
        }
        prefix |= scheme != "never";
        if one["split"].as_bool() != Some(false) {
            refuse_blanks_within(json)?;
        }
        replaced = true;
    }
    if replaced {
        Ok(TokenizerKind::SentencePiece { prefix, notice })
    } else {
        Err(format!("spaces do not become {BLANK}, as they do in llama.cpp"))
    }
}

/// Refuses tokens that span several words, because this tokenizer never merges across words and llama.cpp
/// does.
fn refuse_blanks_within(json: &Json) -> Result<(), String> {
    let vocabulary = json["model"]["vocab"].as_object();
    let within = |text: &&String| text.char_indices().skip(1).any(|(at, _)| text[at..].starts_with(BLANK));
    match vocabulary.and_then(|vocabulary| vocabulary.keys().find(within)) {
        Some(token) => Err(format!(
            "words are merged separately, and llama.cpp would merge across them: token {token:?} contains {BLANK}"
        )),
        None => Ok(()),
    }
}

fn of_byte_level(json: &Json, normalizers: &[&Json], cuts: &[&Json]) -> Result<TokenizerKind, String> {
    let mut composed = None;
    for one in normalizers {
        match one["type"].as_str().unwrap_or_default() {
            "NFC" => {
                composed = Some(
                    "this tokenizer composes characters (NFC) and llama.cpp does not, so it may produce other tokens for texts with combining marks",
                );
            }
            other => return Err(format!("the text is normalised by {other}, which llama.cpp does not do")),
        }
    }
    let steps = cuts.iter().map(|cut| step(cut)).collect::<Result<Vec<Step>, String>>()?;
    if !matches!(steps.last(), Some(Step::Bytes(_))) {
        return Err(
            "the tokenizer neither is byte-level nor falls back to bytes (byte_fallback), and llama.cpp supports only these two kinds".into(),
        );
    }
    let whole_words = match json["model"]["ignore_merges"].as_bool() {
        Some(true) => WholeWords::First,
        Some(false) | None => WholeWords::Merged,
    };
    let (pre, notice) = pre_tokenizer::name(&steps, whole_words)?;
    Ok(TokenizerKind::ByteLevel { pre, notice: notice.or(composed) })
}

fn step(cut: &Json) -> Result<Step, String> {
    match cut["type"].as_str().unwrap_or_default() {
        "ByteLevel" if cut["add_prefix_space"].as_bool() == Some(true) => {
            Err("a space is added before every text (add_prefix_space), which llama.cpp does not do".into())
        }
        "ByteLevel" => {
            Ok(Step::Bytes(if cut["use_regex"].as_bool() == Some(false) { Cut::Nothing } else { Cut::Gpt2 }))
        }
        "Digits" if cut["individual_digits"].as_bool() == Some(true) => Ok(Step::Digits),
        "Split" if cut["behavior"] == "Isolated" && cut["invert"].as_bool() != Some(true) => {
            let pattern = cut["pattern"]["Regex"].as_str();
            let text = cut["pattern"]["String"].as_str();
            match pattern.or(text) {
                Some(pattern) => Ok(Step::Pattern(pattern.to_owned())),
                None => Err("a split has no pattern".into()),
            }
        }
        _ => Err(format!("the text is split by {cut} before the merges, which llama.cpp does not do")),
    }
}
