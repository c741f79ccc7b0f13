//! A settings file (TOML): every key known, every value of its type, else an error with file and line.

use std::{collections::BTreeMap, fs, path::Path};

use clap::Args;
use serde::Deserialize;
use toml::{
    Spanned, Value,
    de::{DeString, DeTable, DeValue},
};

use super::{Error, Options};

/// Reads the options of a settings file.
pub fn read(path: &Path) -> Result<Options, Error> {
    let text = fs::read_to_string(path).map_err(|cause| Error::Unreadable { path: path.into(), cause })?;
    parse(&text, &path.display().to_string())
}

/// Parses the text of a settings file; `name` is what errors call it.
pub fn parse(text: &str, name: &str) -> Result<Options, Error> {
    let text = SettingsText::new(text, name)?;
    text.options(&text.entries())
}

/// The text of a file that holds settings, alone or among other things.
pub struct SettingsText<'t> {
    text: &'t str,
    name: &'t str,
    spans: DeTable<'t>,
    values: toml::Table,
    known: Vec<String>,
    /// What may stand there beside options.
    beside: Vec<String>,
}

/// A key, or an element of the list that stands there, with its value and its place.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub key: &'a str,
    /// Bytes before it.
    pub at: usize,
    pub value: &'a Value,
    spans: &'a DeValue<'a>,
}

impl<'t> SettingsText<'t> {
    /// `name` is what errors call the file.
    ///
    /// # Errors
    /// What is no TOML.
    pub fn new(text: &'t str, name: &'t str) -> Result<Self, Error> {
        let wrong = |at: usize, what: &str| Error::File {
            file: name.into(),
            line: line_of(text, at),
            what: what.into(),
        };
        let spans = DeTable::parse(text)
            .map_err(|e| wrong(e.span().map_or(0, |span| span.start), e.message()))?
            .into_inner();
        let values = toml::from_str(text).map_err(|e| wrong(0, e.message()))?;
        Ok(Self { text, name, spans, values, known: keys(), beside: Vec::new() })
    }

    /// Tells of these keys too where one is unknown; whoever reads the file knows what they mean.
    pub fn beside(self, keys: &[&str]) -> Self {
        Self { beside: keys.iter().map(|key| (*key).into()).collect(), ..self }
    }

    /// What stands at the top, in the order of the file.
    pub fn entries(&self) -> Vec<Entry<'_>> {
        entries(&self.spans, &self.values)
    }

    /// An error that knows its line.
    pub fn wrong(&self, at: usize, what: impl Into<String>) -> Error {
        Error::File { file: self.name.into(), line: line_of(self.text, at), what: what.into() }
    }

    /// Options of these keys.
    ///
    /// # Errors
    /// A key that is unknown, doubled or excludes another one, a value of another type.
    pub fn options(&self, entries: &[Entry<'_>]) -> Result<Options, Error> {
        let mut seen = BTreeMap::new();
        let mut renamed = toml::Table::new();
        for &Entry { key, at, value, .. } in entries {
            let field = field(key);
            if !self.known.contains(&field) {
                let mut known: Vec<&str> =
                    self.known.iter().chain(&self.beside).map(String::as_str).collect();
                known.sort_unstable();
                let known = known.join(", ");
                return Err(self.wrong(at, format!("unknown key \"{key}\"; expected one of {known}")));
            }
            if let Some(earlier) = seen.insert(field.clone(), at) {
                let line = line_of(self.text, earlier);
                let what = format!("key \"{key}\" was set on line {line} already; keep one of them");
                return Err(self.wrong(at, what));
            }
            // One key at a time, so that an error knows its line.
            Options::deserialize(toml::Table::from_iter([(field.clone(), value.clone())]))
                .map_err(|e| self.wrong(at, format!("key \"{key}\": {}", e.message().replace('\n', " "))))?;
            renamed.insert(field, value.clone());
        }
        let options = Options::deserialize(renamed).map_err(|e| self.wrong(0, e.message()))?;
        let place = |names: &[&str]| {
            let named = entries.iter().find(|entry| names.contains(&&*field(entry.key)));
            named.map_or(0, |entry| entry.at)
        };
        if options.first_ratio.is_some() != options.last_ratio.is_some() {
            let at = place(&["first_ratio", "last_ratio"]);
            return Err(self.wrong(at, "first_ratio and last_ratio belong together; give both or neither"));
        }
        if options.ratio.is_some() && options.first_ratio.is_some() {
            let what = "ratio and first_ratio/last_ratio exclude each other; keep one of them";
            return Err(self.wrong(place(&["ratio"]), what));
        }
        Ok(options)
    }
}

impl<'a> Entry<'a> {
    /// The keys of a table, in the order of the file; None where it is none.
    pub fn table(&self) -> Option<Vec<Entry<'a>>> {
        Some(entries(self.spans.as_table()?, self.value.as_table()?))
    }

    /// The elements of a list; None where it is none.
    pub fn list(&self) -> Option<Vec<Entry<'a>>> {
        let (spans, values) = (self.spans.as_array()?, self.value.as_array()?);
        let element = |(spans, value): (&'a Spanned<DeValue<'a>>, &'a Value)| Entry {
            key: self.key,
            at: spans.span().start,
            value,
            spans: spans.get_ref(),
        };
        Some(spans.iter().zip(values).map(element).collect())
    }
}

fn entries<'a>(spans: &'a DeTable<'_>, values: &'a toml::Table) -> Vec<Entry<'a>> {
    let entry = |(key, spans): (&'a Spanned<DeString<'_>>, &'a Spanned<DeValue<'_>>)| {
        let (at, key) = (key.span().start, key.get_ref().as_ref());
        Some(Entry { key, at, value: values.get(key)?, spans: spans.get_ref() })
    };
    let mut entries: Vec<Entry<'a>> = spans.iter().filter_map(entry).collect();
    entries.sort_by_key(|entry| entry.at);
    entries
}

/// The option that a key means: `seq-len` and `seq_len` are the same.
pub fn field(key: &str) -> String {
    key.replace('-', "_")
}

/// The flags' names, which are the file's keys, and `model`.
fn keys() -> Vec<String> {
    let flags = Options::augment_args(clap::Command::new("keys"));
    let mut keys: Vec<_> = flags.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    keys.push("model".into());
    keys.sort();
    keys
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].matches('\n').count() + 1
}

/// `calibration = "a.txt"` as well as `calibration = ["a.txt", "b.txt"]`.
pub(super) fn one_or_many<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a known value, or a list of them")]
    enum OneOrMany<T> {
        Many(Vec<T>),
        One(T),
    }
    Ok(Some(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::Many(many) => many,
        OneOrMany::One(one) => vec![one],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::ScheduleChoice,
        prune::{GroupSize, HeadScore, Schedule},
    };

    fn error(text: &str) -> String {
        parse(text, "run.toml").unwrap_err().to_string()
    }

    #[test]
    fn keys_are_the_flags_with_either_dash() {
        let options =
            parse("seq-len = 64\nhead_score = \"diagonal\"\ngroup-size = 32\nthreads = 2", "run.toml")
                .unwrap();
        assert_eq!(options.seq_len, Some(64));
        assert_eq!(options.head_score, Some(HeadScore::Diagonal));
        assert_eq!(options.group_size, Some(GroupSize::Fixed(32)));
        assert_eq!(options.machine.threads, Some(2));
    }

    #[test]
    fn a_schedule_is_a_name_or_a_list() {
        assert_eq!(
            parse("schedule = \"linear\"", "").unwrap().schedule,
            Some(ScheduleChoice::Schedule(Schedule::Linear))
        );
        let custom = ScheduleChoice::Schedule(Schedule::Custom(vec![0.1.into(), 0.2.into()]));
        assert_eq!(parse("schedule = [0.1, 0.2]", "").unwrap().schedule, Some(custom));
    }

    #[test]
    fn unknown_doubled_and_mistyped_keys_are_named_with_their_line() {
        assert!(error("ratio = 0.2\nratios = 3").starts_with("run.toml, line 2: unknown key \"ratios\""));
        assert!(error("seq-len = 2\n\nseq_len = 3").contains("line 3: key \"seq_len\" was set on line 1"));
        assert!(error("samples = \"many\"").contains("line 1: key \"samples\""));
        assert!(error("ratio = 0.2\nratio = 0.3").contains("line 2"));
        assert!(error("ratio = ").contains("line 1"));
    }

    #[test]
    fn a_mean_and_a_pair_of_ends_exclude_each_other() {
        assert!(error("ratio = 0.2\nfirst-ratio = 0.1\nlast-ratio = 0.3").contains("exclude"));
        assert!(error("first-ratio = 0.1").contains("belong together"));
    }
}
