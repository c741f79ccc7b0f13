#!/usr/bin/env bash
# Runs each fuzz target for some time and prints its number of executions.
#   fuzz/run.sh [SECONDS [TARGET…]]      default: 60 seconds for every target
#   ROUNDS=20 fuzz/run.sh 90             every target for 90 seconds, twenty times: an interrupted run has used all targets
# Needs cargo-fuzz (cargo install cargo-fuzz) and a nightly toolchain. Inputs that fail are kept in fuzz/artifacts/TARGET.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-60}"
shift || true
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(cargo +nightly fuzz list)
fi
# Maximum length of an input, and maximum memory of the process.
length=65536
memory_mb=2048

SLIMGPT_FUZZ_SEEDS="$PWD/fuzz/seeds" cargo test --quiet --release --test it damaged_inputs::intact >/dev/null
cargo +nightly fuzz build --sanitizer none
failed=0
turns=()
for ((round = 0; round < ${ROUNDS:-1}; round++)); do
    turns+=("${targets[@]}")
done
for target in "${turns[@]}"; do
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    log=$(mktemp)
    outcome=ok
    cargo +nightly fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -max_len="$length" -rss_limit_mb="$memory_mb" -malloc_limit_mb=256 -timeout=10 \
        -print_final_stats=1 >"$log" 2>&1 || outcome=FAILED
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
    printf '%-6s %-12s %s executions\n' "$outcome" "$target" "${executions:-unknown}"
    if [ "$outcome" = FAILED ]; then
        failed=1
        grep -E 'panicked|SUMMARY|ERROR|artifact_prefix' "$log" | head -8 || tail -20 "$log"
    fi
    rm -f "$log"
done
exit "$failed"
