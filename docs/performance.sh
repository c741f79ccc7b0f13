#!/usr/bin/env bash
# Measures what docs/performance.md claims and writes its table; exits with 1 if a bound is missed. Takes about an hour on
# two otherwise idle cores, and 10 GB of disk under TMPDIR.
#   docs/performance.sh
#   docs/performance.sh --quick                  small sizes; prints the table and writes nothing
#   docs/performance.sh --only heads,threads     a part; prints the table and writes nothing
#   docs/performance.sh --before OLD             also compares the run of the built-in model with an older slimgpt
# SLIMGPT_SMOLLM2=DIR is a copy of HuggingFaceTB/SmolLM2-135M; without it, random weights of its shape are measured.
# SLIMGPT_PYTHON=FILE is a Python with torch and transformers [default: python3]; without them, their column is empty.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked --bin slimgpt --example measure
built="${CARGO_TARGET_DIR:-target}/release"
writes=(--page docs/performance.md)
for option in "$@"; do
    case "$option" in --quick | --only | --only=*) writes=() ;; esac
done
exec "$built/examples/measure" --program "$built/slimgpt" "${writes[@]}" \
    ${SLIMGPT_SMOLLM2:+--smollm2 "$SLIMGPT_SMOLLM2"} ${SLIMGPT_PYTHON:+--python "$SLIMGPT_PYTHON"} "$@"
