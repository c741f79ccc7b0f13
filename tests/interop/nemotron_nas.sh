#!/usr/bin/env bash
# Directories of --format nemotron-nas, loaded and computed by mlx-lm on the CPU, and their configuration read by transformers.
#   SLIMGPT    the program to test; without it, it is built
#   PYTHON     an interpreter that has the packages; no environment is created then
#   CONVERTER         llama.cpp's convert_hf_to_gguf.py; if it is given, it converts the directory, and slimgpt opens the result
#   CONVERTER_PYTHON  an interpreter with torch and transformers for it
#   LLAMA_CPP_PYTHON  an interpreter with llama-cpp-python; if it is given, llama.cpp computes the converted file
set -euo pipefail
cd "$(dirname "$0")/../.."

python="${PYTHON:-}"
if [ -z "$python" ]; then
    venv="$HOME/.cache/slimgpt-ci/mlx"
    python="$venv/bin/python"
    [ -x "$python" ] || python3 -m venv "$venv"
    "$python" -m pip install --quiet --disable-pip-version-check -r tests/interop/requirements-nemotron-nas.txt
fi
if [ -z "${SLIMGPT:-}" ]; then
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/slimgpt-ci/target}"
    cargo build --release --locked
    export SLIMGPT="$CARGO_TARGET_DIR/release/slimgpt"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HF_HOME="$work/hf" HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
"$python" tests/interop/nemotron_nas_check.py "$work"
