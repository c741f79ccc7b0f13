#!/usr/bin/env bash
# Makes the pictures of the README anew: the real program in a pseudo-terminal, pruning the built-in model.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --release --locked --test terminal pictures -- --ignored --nocapture
ls -l docs/pictures
