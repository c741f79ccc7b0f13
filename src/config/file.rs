//! Reads settings files (TOML). Errors include the file and the line.

use std::{collections::BTreeMap, fs, path::Path};

use toml::{
    Spanned, Value,
    de::{DeString, DeTable, DeValue},
};

use super::{Error, Options, Setting, table};

/// Reads the options of a settings file.
///
/// # Errors
/// If the file cannot be read; otherwise as for [`parse`].
pub fn read(path: &Path) -> Result<Options, Error> {
    let text = fs::read_to_string(path).map_err(|cause| Error::Unreadable { path: path.into(), cause })?;
    parse(&text, &path.display().to_string())
}

/// Parses the text of a settings file; errors name the file `name`.
///
/// # Errors
/// If the text is not TOML; if a key is unknown, given twice or excluded by another one; if a value has the
/// wrong type.
pub fn parse(text: &str, name: &str) -> Result<Options, Error> {
    let text = SettingsText::new(text, name)?;
    text.options(&text.entries())
}

/// The text of a file with settings and possibly other keys.
pub struct SettingsText<'t> {
    text: &'t str,
    name: &'t str,
    spans: DeTable<'t>,
    values: toml::Table,
    /// Keys that the file may contain in addition to settings.
    beside: Vec<String>,
}

/// A key, or an element of its list, with its value and position in the text.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// The key, or the key of the list.
    pub key: &'a str,
    /// Byte offset of the entry.
    pub at: usize,
    /// The value.
    pub value: &'a Value,
    spans: &'a DeValue<'a>,
}

impl<'t> SettingsText<'t> {
    /// Parses the text; errors name the file `name`.
    ///
    /// # Errors
    /// If the text is not TOML.
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
        Ok(Self { text, name, spans, values, beside: Vec::new() })
    }

    /// Adds keys that are not settings to the list of known keys in the error for an unknown one.
    pub fn beside(self, keys: &[&str]) -> Self {
        Self { beside: keys.iter().map(|key| (*key).into()).collect(), ..self }
    }

    /// The top-level entries in the order of the file.
    pub fn entries(&self) -> Vec<Entry<'_>> {
        entries(&self.spans, &self.values)
    }

    /// An error at this position in the text.
    pub fn wrong(&self, at: usize, what: impl Into<String>) -> Error {
        Error::File { file: self.name.into(), line: line_of(self.text, at), what: what.into() }
    }

    /// The options set by these entries.
    ///
    /// # Errors
    /// If a key is unknown, given twice or excluded by another one, or a value has the wrong type.
    pub fn options(&self, entries: &[Entry<'_>]) -> Result<Options, Error> {
        let mut options = Options::default();
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for &Entry { key, at, value, .. } in entries {
            let setting = setting(key).ok_or_else(|| self.wrong(at, self.unknown(key)))?;
            if let Some(earlier) = seen.insert(setting.key, at) {
                let line = line_of(self.text, earlier);
                let what = format!("key \"{key}\" was already set on line {line}; keep one of them");
                return Err(self.wrong(at, what));
            }
            if let Some(other) = setting.excludes.iter().find(|other| seen.contains_key(*other)) {
                let what = format!("{} and {other} exclude each other; keep one of them", setting.key);
                return Err(self.wrong(at, what));
            }
            setting
                .set(&mut options, value)
                .map_err(|what| self.wrong(at, format!("key \"{key}\": {what}")))?;
        }
        for (&key, &at) in &seen {
            let other = setting(key).and_then(|setting| setting.requires);
            if let Some(other) = other.filter(|other| !seen.contains_key(other)) {
                let what = format!("{key} and {other} belong together; give both or neither");
                return Err(self.wrong(at, what));
            }
        }
        Ok(options)
    }

    fn unknown(&self, key: &str) -> String {
        let mut known: Vec<&str> =
            table().map(|setting| setting.key).chain(self.beside.iter().map(String::as_str)).collect();
        known.sort_unstable();
        format!("unknown key \"{key}\"; expected one of {}", known.join(", "))
    }
}

impl<'a> Entry<'a> {
    /// The keys of a table in the order of the file; `None` if the value is not a table.
    pub fn table(&self) -> Option<Vec<Entry<'a>>> {
        Some(entries(self.spans.as_table()?, self.value.as_table()?))
    }

    /// The elements of a list; `None` if the value is not a list.
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

/// The key in its stored form; `seq-len` and `seq_len` both become `seq_len`.
pub fn field(key: &str) -> String {
    key.replace('-', "_")
}

/// The setting with this key.
fn setting(key: &str) -> Option<&'static Setting> {
    let key = field(key);
    table().find(|setting| setting.key == key)
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].matches('\n').count() + 1
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
    fn keys_are_the_flags_with_dashes_or_underscores() {
        let options =
            parse("seq-len = 64\nhead_score = \"diagonal\"\ngroup-size = 32\nthreads = 2", "run.toml")
                .unwrap();
        assert_eq!(options.calibration.seq_len, Some(64));
        assert_eq!(options.solver.head_score, Some(HeadScore::Diagonal));
        assert_eq!(options.solver.group_size, Some(GroupSize::Fixed(32)));
        assert_eq!(options.machine.threads, Some(2));
    }

    #[test]
    fn a_schedule_is_a_name_or_a_list() {
        assert_eq!(
            parse("schedule = \"linear\"", "").unwrap().ratios.schedule,
            Some(ScheduleChoice::Schedule(Schedule::Linear))
        );
        let custom = ScheduleChoice::Schedule(Schedule::Custom(vec![0.1.into(), 0.2.into()]));
        assert_eq!(parse("schedule = [0.1, 0.2]", "").unwrap().ratios.schedule, Some(custom));
    }

    #[test]
    fn unknown_doubled_and_mistyped_keys_are_named_with_their_line() {
        assert!(error("ratio = 0.2\nratios = 3").starts_with("run.toml, line 2: unknown key \"ratios\""));
        assert!(
            error("seq-len = 2\n\nseq_len = 3").contains("line 3: key \"seq_len\" was already set on line 1")
        );
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
