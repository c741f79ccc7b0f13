//! Prints settings as a file for `--config`, and selects the settings that affect a result.

use super::{Heading, Scope, Settings, table};

/// The settings that affect how a layer is solved, apart from the layer's own ratio and method. Attempts with
/// equal layer settings are interchangeable.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSettings(Vec<(&'static str, String)>);

impl Settings {
    /// Key and value of every setting with one of these scopes, in the form of a settings file and in the
    /// order of the table. Settings without a value, and settings without effect, are left out.
    pub fn entries(
        &self,
        takes: impl Fn(Heading, Scope) -> bool,
    ) -> impl Iterator<Item = (Heading, &'static str, String)> {
        table().filter(move |setting| takes(setting.heading, setting.scope)).filter_map(|setting| {
            let value = setting.value(self).filter(|_| (setting.applies)(self))?;
            Some((setting.heading, setting.key, value.to_string()))
        })
    }

    /// The text of a settings file with all settings, and with the model if given.
    pub fn to_file(&self, model: Option<&str>) -> String {
        let mut text = String::new();
        if let Some(model) = model {
            text += &format!("model = {}\n", toml::Value::from(model));
        }
        let mut last = None;
        for (heading, key, value) in self.entries(|_, _| true) {
            let section = match heading {
                // A session stores settings of the output.
                Heading::Session => Heading::Output,
                other @ (Heading::Calibration
                | Heading::Ratios
                | Heading::Method
                | Heading::Evaluation
                | Heading::Output
                | Heading::Machine) => other,
            };
            if last.replace(section) != Some(section) {
                let gap = if text.is_empty() { "" } else { "\n" };
                text += &format!("{gap}# {}\n", section.name());
            }
            text += &format!("{key} = {value}\n");
        }
        text
    }

    /// The settings that affect how a layer is solved.
    pub fn of_layer(&self) -> LayerSettings {
        let decides = |_, scope| match scope {
            Scope::Layer | Scope::Method => true,
            Scope::Run | Scope::Machine | Scope::Launch => false,
        };
        LayerSettings(self.entries(decides).map(|(_, key, value)| (key, value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Options, demo, parse_file};

    #[test]
    fn printed_settings_are_read_back_unchanged() {
        let texts = [
            "",
            "first-ratio = 0.1\nlast-ratio = 0.3\nthreads = 2\nlayers = \"2..5\"",
            "schedule = [0.1, 0.2]\npreset = \"paper\"\nno-compensation = true\ndevice = \"cuda:1\"\ndtype = \"bf16\"\nsolver-dtype = \"f32\"",
            "group-size = 32\ncalibration = [\"a.txt\", \"demo:stories\"]\neval = \"b \\\"c\\\".txt\"\nmemory-budget = \"1.5GiB\"",
            "score = \"wanda-sp\"\nbias-compensation = true\nrefine = \"swaps\"\nuniform = true\nformat = [\"padded\", \"gguf\"]\ngguf-type = \"q4_k\"\nexport-dtype = \"bf16\"\nshard-size = \"5GiB\"\nverify = false",
        ];
        let mut all: Vec<Options> = texts.iter().map(|text| parse_file(text, "").unwrap()).collect();
        all.push(demo().unwrap());
        for options in all {
            let settings = Settings::new(options).unwrap();
            let text = settings.to_file(Some("some/model"));
            let again = parse_file(&text, "printed.toml").unwrap();
            assert_eq!(again.launch.model.as_deref(), Some("some/model"));
            assert_eq!(Settings::new(again).unwrap(), settings, "{text}");
        }
    }
}
