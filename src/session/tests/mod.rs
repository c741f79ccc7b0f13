//! Claims about sessions on disk.
