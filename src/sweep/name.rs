//! Names of cells: the values that distinguish them, as safe file names.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// Maximum length of a name; longer names are truncated.
const LONGEST: usize = 80;
/// Hex digits of the hash that makes equal or truncated names unique.
const DIGITS: usize = 6;

/// The values that distinguish a cell from others.
#[derive(Clone, Debug, PartialEq)]
pub struct Label<'c> {
    pub case: Option<&'c str>,
    /// (key, value); empty values are skipped.
    pub values: Vec<(&'c str, &'c str)>,
    /// None if the seed does not vary.
    pub seed: Option<u64>,
}

impl Label<'_> {
    /// `no-gcd-log-0.25-samples64-seed1`: strings and ratios appear alone, other numbers follow their key.
    fn text(&self) -> String {
        let value = |(key, value): &(&str, &str)| {
            let for_itself =
                key.ends_with("ratio") || !value.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            match (for_itself, *value) {
                (true, "true" | "false") | (false, _) => format!("{}{value}", key.replace('_', "-")),
                (true, _) => (*value).into(),
            }
        };
        let case = self.case.map(str::to_owned);
        let values = self.values.iter().filter(|(_, value)| !value.is_empty()).map(value);
        let seed = self.seed.map(|seed| format!("seed{seed}"));
        let words: Vec<String> = case.into_iter().chain(values).chain(seed).collect();
        if words.is_empty() { "run".into() } else { words.join("-") }
    }
}

/// One name per label. Names stay unique on case-insensitive file systems.
pub fn names(labels: &[Label<'_>]) -> Vec<String> {
    let texts: Vec<String> = labels.iter().map(Label::text).collect();
    let plain: Vec<String> = texts.iter().map(|text| fit(text)).collect();
    let mut times = BTreeMap::new();
    for name in &plain {
        *times.entry(name.to_lowercase()).or_insert(0) += 1;
    }
    let name = |(name, text): (String, &String)| match times.get(&name.to_lowercase()) {
        Some(1) if name.len() <= LONGEST => name,
        Some(_) | None => {
            let hash = Sha256::digest(text.as_bytes());
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            let cut: String = name.chars().take(LONGEST - DIGITS - 1).collect();
            format!("{cut}-{}", &hash[..DIGITS])
        }
    };
    plain.into_iter().zip(&texts).map(name).collect()
}

/// The text reduced to ASCII letters, digits, `.`, `_`, `+` and `-`, so it is neither a flag nor a hidden
/// file. A minus sign becomes a word, because the case `−GCD` means "without GCD".
fn fit(text: &str) -> String {
    let text = text.replace('−', " minus ");
    let mut name = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+') => name.push(c),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "cell".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_case(case: &str) -> Label<'_> {
        Label { case: Some(case), values: Vec::new(), seed: None }
    }

    #[test]
    fn a_name_lists_the_values_that_vary() {
        let values = vec![("schedule", "log"), ("ratio", "0.25"), ("samples", "64"), ("uniform", "true")];
        let label = Label { case: Some("−GCD"), values, seed: Some(1) };
        assert_eq!(names(&[label]), ["minus-GCD-log-0.25-samples64-uniformtrue-seed1"]);
        assert_eq!(names(&[Label { case: None, values: vec![("parts", "")], seed: None }]), ["run"]);
    }

    #[test]
    fn equal_names_become_unique_in_any_order() {
        let both = names(&[of_case("a b"), of_case("A/b"), of_case("c")]);
        assert_eq!(both[2], "c");
        assert!(both[0].starts_with("a-b-") && both[1].starts_with("A-b-") && both[0] != both[1], "{both:?}");
        let other_way = names(&[of_case("A/b"), of_case("a b")]);
        assert_eq!([&other_way[1], &other_way[0]], [&both[0], &both[1]]);
    }

    #[test]
    fn no_name_escapes_its_directory() {
        for case in ["../../x", "-rf", ".hidden", "/", "", "a\u{1b}[31m\n", &"x".repeat(300)] {
            let name = &names(&[of_case(case)])[0];
            assert!(!name.is_empty() && name.len() <= LONGEST, "{name}");
            assert!(!name.contains('/') && !name.starts_with(['-', '.']), "{name}");
        }
    }
}
