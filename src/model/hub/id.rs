//! The name of a checkpoint on the hub: `owner/name`, with `@revision` unless it is `main`.

use std::{fmt, path::Path, str::FromStr};

use super::error::Error;

/// A repository and its revision: a branch, a tag, a commit, or `refs/pr/1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HubId {
    repository: String,
    revision: String,
}

impl HubId {
    /// `owner/name`
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The revision.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

/// Whether a MODEL argument refers to the hub: it is a valid id and not an existing path.
pub fn looks_like_hub_id(model: &str) -> bool {
    model.parse::<HubId>().is_ok() && !Path::new(model).exists()
}

impl FromStr for HubId {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        let (repository, revision) = given.split_once('@').unwrap_or((given, "main"));
        let legal = repository.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
            && revision.split('/').all(is_name);
        if !legal {
            return Err(Error::Id { given: given.into() });
        }
        Ok(Self { repository: repository.into(), revision: revision.into() })
    }
}

/// The hub's rule: letters, digits, `-`, `_` and `.`; no dash or dot at either end, and none doubled.
fn is_name(name: &str) -> bool {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    (1..=96).contains(&name.len())
        && name.chars().all(legal)
        && !name.starts_with(['-', '.'])
        && !name.ends_with(['-', '.'])
        && !name.contains("--")
        && !name.contains("..")
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revision.as_str() {
            "main" => f.write_str(&self.repository),
            revision => write!(f, "{}@{revision}", self.repository),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_id_is_an_owner_a_name_and_an_optional_revision() {
        for (given, repository, revision) in [
            ("meta-llama/Llama-3.2-1B", "meta-llama/Llama-3.2-1B", "main"),
            ("a/b_c.d@v1.0", "a/b_c.d", "v1.0"),
            ("a/b@refs/pr/1", "a/b", "refs/pr/1"),
        ] {
            let id: HubId = given.parse().unwrap();
            assert_eq!((id.repository(), id.revision()), (repository, revision));
            assert_eq!(id.to_string(), given);
        }
    }

    #[test]
    fn a_possible_path_is_not_a_hub_id() {
        for given in [
            "gpt2", "./a", "../a", "/a/b", "a/b/c", "a/", "/b", "~/b", "a/b c", "a/b@", "a/b@../c", "a/..",
            "",
        ] {
            assert!(!looks_like_hub_id(given), "{given}");
        }
        assert!(looks_like_hub_id("huggyllama/llama-7b"));
        // Tests run in the package's directory, which contains this path.
        assert!(!looks_like_hub_id("src/model"));
    }
}
