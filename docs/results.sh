#!/usr/bin/env bash
# Runs the sweeps of docs/results.md and puts their tables and plots into it. Finished runs are not repeated.
#   docs/results.sh                              all sweeps that need only the built-in model
#   docs/results.sh methods                      one of them
#   DATA=/data docs/results.sh stories260k       with the model and texts named in its file, in /data
#   DATA=/data docs/results.sh smollm2
#   DATA=/data docs/results.sh predicted-costs   with both models
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

# Puts a file between the marks of a section.
section() {
    awk -v name="$1" -v section="$2" '
        $0 == "<!-- " name ": end -->" { inside = 0 }
        !inside { print }
        $0 == "<!-- " name ": begin -->" {
            inside = 1
            while ((getline line < section) > 0) print line
        }' "$page" >"$out/results.md"
    cp "$out/results.md" "$page"
}

# Costs of single parts, predicted and measured, in the models of two sweeps.
predicted_costs() {
    local costs=$out/predicted-costs compared=() name model text length
    mkdir -p "$costs"
    cargo build --release --locked --example predicted_costs
    for name in SmolLM2-135M stories260K; do
        case $name in
        SmolLM2-135M) model=smollm2 text=calibration.jsonl length=256 ;;
        stories260K) model=stories260K text=xaa length=256 ;;
        esac
        for by in fisher measured; do
            [ -s "$costs/$name-$by.json" ] || (cd "${DATA:-.}" && "$built/release/slimgpt" prune "$model" \
                --calibration "$text" --samples 24 --seq-len "$length" --search-samples 8 --search-costs "$by" \
                --ratio 0.2 --no-export --no-session --track-errors=false --json) >"$costs/new.json"
            [ ! -s "$costs/new.json" ] || mv "$costs/new.json" "$costs/$name-$by.json"
        done
        compared+=("$name" "$costs/$name-fisher.json" "$costs/$name-measured.json")
    done
    {
        printf '\n`docs/results.sh predicted-costs`, on 8 windows of 256 tokens each for weights, gradients and measuring.\n\n'
        "$built/release/examples/predicted_costs" docs/pictures/results-predicted-costs.svg "${compared[@]}"
        printf '\n![Measured against predicted costs.](pictures/results-predicted-costs.svg)\n\n'
    } >"$costs/section.md"
    section predicted-costs "$costs/section.md"
}

for name; do
    grep -q "<!-- $name: begin -->" "$page" || { echo "$page has no section for $name" >&2; exit 2; }
    if [ "$name" = predicted-costs ]; then
        predicted_costs
        continue
    fi
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
    section "$name" "$out/$name/section.md"
done
