#!/usr/bin/env bash
# What slimgpt writes in Hugging Face form, loaded by transformers. README.md tells more.
set -euo pipefail
cd "$(dirname "$0")/../.."

python="${PYTHON:-}"
if [ -z "$python" ]; then
    venv="$HOME/.cache/slimgpt-ci/interop"
    python="$venv/bin/python"
    [ -x "$python" ] || python3 -m venv "$venv"
    "$python" -m pip install --quiet --disable-pip-version-check -r tests/interop/requirements-transformers.txt
fi
if [ -z "${SLIMGPT:-}" ]; then
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/slimgpt-ci/target}"
    cargo build --release --locked
    export SLIMGPT="$CARGO_TARGET_DIR/release/slimgpt"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# transformers copies modeling code there; nothing is fetched.
export HF_HOME="$work/hf" HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error PYTHONWARNINGS=ignore::FutureWarning
"$python" tests/interop/transformers_check.py "$work"
"$python" tests/interop/texts_check.py "$work/texts"
"$python" tests/interop/gradients.py --check
mkdir "$work/reading"
"$python" tests/interop/reading_check.py "$work/reading"
