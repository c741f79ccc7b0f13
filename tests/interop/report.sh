#!/usr/bin/env bash
# The page of slimgpt report in headless Chromium: nothing on the console, no request but for the page, pictures and a print.
# README.md tells more.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -z "${SLIMGPT:-}" ]; then
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/slimgpt-ci/target}"
    cargo build --release --locked
    SLIMGPT="$CARGO_TARGET_DIR/release/slimgpt"
fi
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
    (command -v sudo >/dev/null && sudo apt-get install -y chromium) || (apt-get update && apt-get install -y chromium)
    browser=$(command -v chromium)
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Pictures and the print are kept where that is asked for.
pictures="${PICTURES:-$work/pictures}"
mkdir -p "$pictures"
if [ $# -gt 0 ]; then
    "$SLIMGPT" report "$1" --out "$work/report"
else
    "$SLIMGPT" report tests/fixtures/session/finished --out "$work/report"
fi

# The last word is the page.
browse() {
    "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --user-data-dir="$(mktemp -d -p "$work")" "$@"
}
page="file://$work/report/index.html"
fail() { printf 'not ok %s\n' "$1"; exit 1; }

# What the browser asks for by itself.
browse --log-net-log="$work/blank.json" --screenshot="$work/blank.png" about:blank >/dev/null 2>&1

# preferredColorScheme: 0 is dark, 1 is light.
for look in dark:0 light:1; do
    for width in 1280 400; do
        name="${look%:*}-$width"
        browse --enable-logging=stderr --v=0 --log-net-log="$work/$name.json" --window-size="$width,4000" \
            --blink-settings=preferredColorScheme="${look#*:}" --screenshot="$pictures/$name.png" "$page" >"$work/log" 2>&1
        if grep -E 'CONSOLE' "$work/log"; then fail "$name: the console is silent"; fi
        python3 - "$work/blank.json" "$work/$name.json" "$name" <<'PYTHON'
import json, sys
from urllib.parse import urlsplit

def hosts(file):
    events = json.load(open(file))["events"]
    urls = {event["params"]["url"] for event in events if "url" in event.get("params", {})}
    return {urlsplit(url).hostname for url in urls} - {None}

blank, page, name = sys.argv[1:]
if asked := hosts(page) - hosts(blank):
    sys.exit(f"not ok {name}: the page asks for nothing from outside, but did from {sorted(asked)}")
print(f"ok {name}: console silent, nothing asked for from outside")
PYTHON
    done
done
cmp -s "$pictures/light-1280.png" "$pictures/dark-1280.png" && fail "light and dark differ"
browse --print-to-pdf="$pictures/print.pdf" --no-pdf-header-footer "$page" >/dev/null 2>&1
head -c 5 "$pictures/print.pdf" | grep -q '%PDF-' || fail "it prints"
printf 'ok light and dark differ; it prints\nall good\n'
