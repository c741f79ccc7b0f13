#!/usr/bin/env bash
# Runs the sweeps of docs/results.md and puts their tables and plots into it. Finished runs are not repeated.
#   docs/results.sh                              all sweeps that need only the built-in model
#   docs/results.sh methods                      one of them
#   DATA=/data docs/results.sh stories260k       with the model and texts named in its file, in /data
# The sweeps are stored in OUT, by default in the build directory.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
cargo build --release --locked --bin slimgpt
built=$(realpath "${CARGO_TARGET_DIR:-target}")
out=$(realpath -m "${OUT:-$built/sweeps}")
page=docs/results.md
if [ $# = 0 ]; then
    set -- table-5-ablations table-6-ratio-strategies figure-3-samples figure-3-sequence-length methods recommended
fi
# The machine on which times were measured.
machine() {
    local name
    name=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)
    printf '%s, %s cores' "${name:-$(uname -m)}" "$(getconf _NPROCESSORS_ONLN)"
}

for name; do
    grep -q "<!-- $name: begin -->" "$page" || { echo "$page has no section for $name" >&2; exit 2; }
    (cd "${DATA:-.}" && "$built/release/slimgpt" sweep "$root/sample_configs/sweeps/$name.toml" --out "$out/$name")
    rm -f docs/pictures/results-"$name"-*.svg
    for plot in "$out/$name"/plots/*.svg; do
        case $plot in
        *-dark.svg) ;;
        *) cp "$plot" "docs/pictures/results-$name-${plot##*/}" ;;
        esac
    done
    # Line 1 is a heading, which the page already has.
    {
        printf '\n`docs/results.sh %s`, on %s.\n' "$name" "$(machine)"
        sed -e 1d -e "s|(plots/|(pictures/results-$name-|" "$out/$name/results.md"
        printf '\n'
    } >"$out/$name/section.md"
    awk -v name="$name" -v section="$out/$name/section.md" '
        $0 == "<!-- " name ": end -->" { inside = 0 }
        !inside { print }
        $0 == "<!-- " name ": begin -->" {
            inside = 1
            while ((getline line < section) > 0) print line
        }' "$page" >"$out/results.md"
    cp "$out/results.md" "$page"
done
