//! A settings file (TOML): every key known, every value of its type, else an error with file and line.

use std::{collections::BTreeMap, fs, path::Path};

use clap::Args;
use serde::Deserialize;

use super::{Error, Options};

/// Reads the options of a settings file.
pub fn read(path: &Path) -> Result<Options, Error> {
    let text = fs::read_to_string(path).map_err(|cause| Error::Unreadable { path: path.into(), cause })?;
    parse(&text, &path.display().to_string())
}

/// Parses the text of a settings file; `name` is what errors call it.
pub fn parse(text: &str, name: &str) -> Result<Options, Error> {
    let wrong = |at: usize, what: String| Error::File { file: name.into(), line: line_of(text, at), what };
    let table = toml::de::DeTable::parse(text)
        .map_err(|e| wrong(e.span().map_or(0, |span| span.start), e.message().to_string()))?
        .into_inner();
    let values: toml::Table = toml::from_str(text).map_err(|e| wrong(0, e.message().to_string()))?;

    let known = keys();
    let mut seen = BTreeMap::new();
    let mut renamed = toml::Table::new();
    for key in table.keys() {
        let (spelled, at) = (key.get_ref().as_ref(), key.span().start);
        let field = spelled.replace('-', "_");
        if !known.contains(&field) {
            let known = known.join(", ");
            return Err(wrong(at, format!("unknown key \"{spelled}\"; expected one of {known}")));
        }
        if let Some(earlier) = seen.insert(field.clone(), at) {
            let line = line_of(text, earlier);
            return Err(wrong(
                at,
                format!("key \"{spelled}\" was set on line {line} already; keep one of them"),
            ));
        }
        let value = values[spelled].clone();
        // One key at a time, so that an error knows its line.
        Options::deserialize(toml::Table::from_iter([(field.clone(), value.clone())]))
            .map_err(|e| wrong(at, format!("key \"{spelled}\": {}", e.message().replace('\n', " "))))?;
        renamed.insert(field, value);
    }
    let options = Options::deserialize(renamed).map_err(|e| wrong(0, e.message().to_string()))?;
    if options.first_ratio.is_some() != options.last_ratio.is_some() {
        return Err(wrong(0, "first_ratio and last_ratio belong together; give both or neither".into()));
    }
    if options.ratio.is_some() && options.first_ratio.is_some() {
        return Err(wrong(0, "ratio and first_ratio/last_ratio exclude each other; keep one of them".into()));
    }
    Ok(options)
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
    use crate::config::{GroupSize, HeadScore, Schedule, ScheduleChoice};

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
