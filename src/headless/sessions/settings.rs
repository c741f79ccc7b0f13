//! The settings of a session as keys and values, and the differences between two sessions.

use serde::Serialize;

use crate::{config::Settings, prune::Schedule};

/// A setting whose value differs between two sessions; None if a session has no value.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub key: String,
    pub a: Option<String>,
    pub b: Option<String>,
}

/// Every setting in the form of a settings file. Ratios from a file are replaced by their count.
pub fn values(settings: &Settings) -> Vec<(String, String)> {
    let value = |key: &str, value: String| match &settings.ratios.schedule {
        Schedule::Custom(_) if key == "schedule" => settings.ratios.schedule.to_string(),
        Schedule::Custom(_)
        | Schedule::Log
        | Schedule::Linear
        | Schedule::Uniform
        | Schedule::LogDecrease
        | Schedule::LinearDecrease
        | Schedule::Auto => value,
    };
    settings.entries(|_, _| true).map(|(_, key, text)| (key.into(), value(key, text))).collect()
}

pub fn differences(a: &Settings, b: &Settings) -> Vec<Difference> {
    let (a, b) = (values(a), values(b));
    let value = |settings: &[(String, String)], key: &str| {
        settings.iter().find(|(other, _)| other == key).map(|(_, value)| value.clone())
    };
    let mut keys: Vec<&String> = a.iter().map(|(key, _)| key).collect();
    keys.extend(b.iter().map(|(key, _)| key).filter(|key| value(&a, key).is_none()));
    let difference = |key: &String| Difference { key: key.clone(), a: value(&a, key), b: value(&b, key) };
    keys.into_iter().map(difference).filter(|difference| difference.a != difference.b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_that_differ_are_listed() {
        let settings = |ratio: f64| format!("ratio = {ratio}").parse::<Settings>().unwrap();
        assert_eq!(differences(&settings(0.2), &settings(0.2)), []);
        let found = differences(&settings(0.2), &settings(0.3));
        assert_eq!(found.len(), 1);
        assert_eq!((&*found[0].key, found[0].a.as_deref()), ("ratio", Some("0.2")));
    }
}
