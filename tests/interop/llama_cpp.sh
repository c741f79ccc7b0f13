#!/usr/bin/env bash
# GGUF files of this program, loaded and computed by llama.cpp. Building llama-cpp-python from its source takes minutes the
# first time, so this is a script of its own.
#   SLIMGPT               the program to test; without it, it is built
#   SLIMGPT_STORIES260K   a directory with that checkpoint [default: ../shared/data/stories260K]
set -euo pipefail
cd "$(dirname "$0")/../.."

export PATH="$HOME/.cargo/bin:$PATH"
if [ -z "${SLIMGPT:-}" ]; then
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/slimgpt-ci/target}"
    cargo build --release --locked
    export SLIMGPT="$CARGO_TARGET_DIR/release/slimgpt"
fi
export SLIMGPT_STORIES260K="${SLIMGPT_STORIES260K:-$PWD/../shared/data/stories260K}"

venv="$HOME/.cache/slimgpt-ci/llama"
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
# Of llama.cpp the library alone; the instructions of this machine are asked for, as its own builds do.
CMAKE_ARGS="-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAVA_BUILD=OFF" \
    "$venv/bin/pip" install --quiet --no-binary llama-cpp-python -r tests/interop/requirements-llama-cpp.txt

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Sessions of these runs go with them.
export XDG_STATE_HOME="$work/state"
"$venv/bin/python" tests/interop/llama_cpp_check.py "$work"
