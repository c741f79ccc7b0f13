#!/usr/bin/env bash
# Runs the sweeps that docs/results.md tells of, and puts their tables and plots into it. What is finished is not run again.
#   docs/results.sh                              all that need nothing but the built-in model
#   docs/results.sh methods                      one of them
#   DATA=/data docs/results.sh stories260k       with the model and the texts that its file names in /data
# The sweeps themselves lie in OUT, or in a directory beside the build.
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
# What times were taken on.
machine() {
    local name
    name=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)
    printf '%s, %s cores' "${name:-$(uname -m)}" "$(getconf _NPROCESSORS_ONLN)"
}

for name; do
    grep -q "<!-- $name: begin -->" "$page" || { echo "$page has no place for $name" >&2; exit 2; }
    (cd "${DATA:-.}" && "$built/release/slimgpt" sweep "$root/sample_configs/sweeps/$name.toml" --out "$out/$name")
    rm -f docs/pictures/results-"$name"-*.svg
    for plot in "$out/$name"/plots/*.svg; do
        case $plot in
        *-dark.svg) ;;
        *) cp "$plot" "docs/pictures/results-$name-${plot##*/}" ;;
        esac
    done
    # The page has a heading of its own.
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
