#!/usr/bin/env bash
# Makes the pictures of the documentation: runs the program in a pseudo-terminal while it prunes the built-in model.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --release --locked --test terminal pictures -- --ignored --nocapture
ls -l docs/pictures
