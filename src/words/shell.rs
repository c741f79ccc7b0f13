//! Quotes arguments for a POSIX shell.

use std::path::Path;

/// The word in single quotes if the shell would otherwise change or split it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./@:+,%=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The argument that names a session: its name if it is stored directly under `root`, otherwise its path.
pub fn session_argument(root: Option<&Path>, path: &Path) -> String {
    let name = path.file_name().filter(|_| root.is_some() && path.parent() == root);
    quoted(&name.unwrap_or(path.as_os_str()).to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_reads_a_quoted_word_unchanged() {
        for (word, text) in [
            ("prune", "prune"),
            ("--ratio=0.5", "--ratio=0.5"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
            ("模型", "模型"),
        ] {
            assert_eq!(quoted(word), text);
        }
    }

    #[test]
    fn a_session_under_the_root_is_referred_to_by_name() {
        let root = Some(Path::new("/state/sessions"));
        assert_eq!(session_argument(root, Path::new("/state/sessions/demo-1")), "demo-1");
        assert_eq!(session_argument(root, Path::new("/other/demo-1")), "/other/demo-1");
        assert_eq!(session_argument(None, Path::new("/it's here")), "'/it'\\''s here'");
    }
}
