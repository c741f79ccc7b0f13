//! The hub's address, cache and token, from the environment.

use std::{env, fmt, fs, path::PathBuf};

const ENDPOINT: &str = "https://huggingface.co";

/// Access to the hub.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// The folder that contains `models--owner--name`.
    pub cache: PathBuf,
    /// Address of the hub.
    pub endpoint: String,
    /// Token of the user, if any.
    pub token: Option<String>,
    /// Use the cache only.
    pub offline: bool,
}

impl Options {
    /// Options from the environment, by the rules of the hub's own client:
    ///
    /// - cache: `HF_HUB_CACHE`, or `hub` in `HF_HOME`, or in `huggingface` of `XDG_CACHE_HOME` or of
    ///   `~/.cache`;
    /// - token: `HF_TOKEN`, or the file `HF_TOKEN_PATH`, or `token` in the default home of the cache;
    /// - endpoint: `HF_ENDPOINT`;
    /// - offline: `HF_HUB_OFFLINE` set to 1, on, yes or true.
    pub fn from_env() -> Self {
        Self::from_variables(&|name| env::var(name).ok())
    }

    /// Options from the given variables, by the same rules.
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| {
            variable(name).map(|value| value.trim().to_string()).filter(|value| !value.is_empty())
        };
        let path = |name: &str| given(name).map(PathBuf::from);
        let user_cache = || env::home_dir().unwrap_or_default().join(".cache");
        let home = path("HF_HOME")
            .unwrap_or_else(|| path("XDG_CACHE_HOME").unwrap_or_else(user_cache).join("huggingface"));
        let token_file =
            || fs::read_to_string(path("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"))).ok();
        let token = given("HF_TOKEN")
            .or_else(|| token_file().map(|token| token.trim().to_string()).filter(|token| !token.is_empty()));
        let endpoint = given("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.into());
        let offline = given("HF_HUB_OFFLINE")
            .is_some_and(|value| ["1", "on", "yes", "true"].contains(&value.to_ascii_lowercase().as_str()));
        Self {
            cache: path("HF_HUB_CACHE").unwrap_or_else(|| home.join("hub")),
            endpoint: endpoint.trim_end_matches('/').into(),
            token,
            offline,
        }
    }
}

/// Shows whether there is a token, but never the token itself.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("cache", &self.cache)
            .field("endpoint", &self.endpoint)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("offline", &self.offline)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(variables: &[(&str, &str)]) -> Options {
        Options::from_variables(&|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        })
    }

    #[test]
    fn the_cache_is_shared_with_the_hubs_tools() {
        assert_eq!(options(&[("HF_HOME", "/h")]).cache, PathBuf::from("/h/hub"));
        assert_eq!(options(&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "/c")]).cache, PathBuf::from("/c"));
        assert_eq!(options(&[("XDG_CACHE_HOME", "/x")]).cache, PathBuf::from("/x/huggingface/hub"));
        assert!(options(&[]).cache.ends_with(".cache/huggingface/hub"));
    }

    #[test]
    fn a_token_in_the_environment_takes_precedence_over_one_in_a_file() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("token"), "of_file\n").unwrap();
        let home = home.path().to_str().unwrap();
        assert_eq!(options(&[("HF_HOME", home)]).token.as_deref(), Some("of_file"));
        assert_eq!(options(&[("HF_HOME", home), ("HF_TOKEN", "of_env")]).token.as_deref(), Some("of_env"));
        assert_eq!(options(&[("HF_HOME", "/nowhere"), ("HF_TOKEN", " ")]).token, None);
        let path = format!("{home}/token");
        assert_eq!(
            options(&[("HF_HOME", "/nowhere"), ("HF_TOKEN_PATH", &path)]).token.as_deref(),
            Some("of_file")
        );
    }

    #[test]
    fn the_endpoint_loses_its_trailing_slash_and_offline_accepts_several_words() {
        assert_eq!(options(&[]).endpoint, ENDPOINT);
        assert_eq!(options(&[("HF_ENDPOINT", "https://mirror.org/")]).endpoint, "https://mirror.org");
        for (value, offline) in [("1", true), ("True", true), ("YES", true), ("0", false), ("", false)] {
            assert_eq!(options(&[("HF_HUB_OFFLINE", value)]).offline, offline, "{value}");
        }
    }

    #[test]
    fn a_token_is_never_printed() {
        let shown = format!("{:?}", options(&[("HF_TOKEN", "hf_secret")]));
        assert!(shown.contains("token") && !shown.contains("hf_secret"));
    }
}
