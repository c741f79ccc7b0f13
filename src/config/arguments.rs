//! Settings as arguments of a command.

use super::{Kind, Scope, Setting, Settings, table};
use crate::prune::Schedule;

impl Setting {
    /// The flag with the value of the setting; empty for a setting without a value.
    pub fn arguments(&self, settings: &Settings) -> Vec<String> {
        let (flag, text) = (format!("--{}", self.flag()), self.text(settings));
        match self.kind {
            _ if text.is_empty() => Vec::new(),
            Kind::Switch if text == "true" => vec![flag],
            Kind::Switch => vec![format!("{flag}={text}")],
            Kind::One => vec![flag, text],
            Kind::List { separated: true } => vec![flag, text.replace(", ", ",")],
            Kind::List { separated: false } => {
                let items = super::items(&text).unwrap_or_else(|_| vec![text]);
                items.into_iter().flat_map(|item| [flag.clone(), item]).collect()
            }
        }
    }
}

impl Settings {
    /// The flags of all settings that differ from their defaults. Ratios per layer have no flag, because a command line
    /// reads them from a file.
    pub fn arguments(&self) -> Vec<String> {
        let defaults = Self::default();
        let has_file = |setting: &Setting| {
            setting.key == "schedule" && matches!(self.ratios.schedule, Schedule::Custom(_))
        };
        let differs = |setting: &&Setting| {
            setting.scope != Scope::Launch
                && setting.key != "model"
                && (setting.applies)(self)
                && !has_file(setting)
                && setting.text(self) != setting.text(&defaults)
        };
        table().filter(differs).flat_map(|setting| setting.arguments(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    /// Reads arguments as the flags of a command do.
    fn read(arguments: &[String]) -> Settings {
        let mut options = Options::default();
        let mut rest = arguments.iter().peekable();
        while let Some(flag) = rest.next() {
            let (name, given) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (flag.as_str(), None),
            };
            let setting = table().find(|setting| format!("--{}", setting.flag()) == name).unwrap();
            let mut texts = match setting.kind {
                Kind::Switch => vec![given.unwrap_or_else(|| "true".into())],
                Kind::One => vec![rest.next().unwrap().clone()],
                Kind::List { separated: true } => {
                    rest.next().unwrap().split(',').map(str::to_string).collect()
                }
                Kind::List { separated: false } => vec![rest.next().unwrap().clone()],
            };
            // A flag of a list may be repeated.
            while rest.peek().is_some_and(|next| *next == flag) {
                rest.next();
                texts.push(rest.next().unwrap().clone());
            }
            setting.set_texts(&mut options, &texts).unwrap();
        }
        Settings::new(options).unwrap()
    }

    #[test]
    fn the_arguments_of_settings_give_the_settings() {
        for text in [
            "",
            "calibration = [\"a b.txt\", \"c.txt\"]\nsamples = 7\nseq_len = 64\nseed = 3",
            "schedule = \"linear\"\nfirst_ratio = 0.1\nlast_ratio = 0.4\nparts = [\"mlp\"]",
            "damping = 0.05\nno_compensation = true\nhead_score = \"exact\"\nrefine = \"swaps\"",
            "eval = \"wiki.txt\"\neval_seq_len = 512\nbos = true\nexport_dtype = \"bf16\"\nformat = [\"padded\", \"gguf\"]",
        ] {
            let settings: Settings = text.parse().unwrap();
            assert_eq!(read(&settings.arguments()), settings, "{:?}", settings.arguments());
        }
    }
}
