#!/usr/bin/env bash
# Times a cold release build in an empty directory: processor time, and the seconds spent on the largest crates.
# With a report of `cargo build --timings` (HTML) as its argument, it prints the table of that report and builds nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# Seconds spent on each crate, its build script and macros included, largest first.
table() {
    awk '
        /^const UNIT_DATA = / { units = 1 }
        units && /^\];/ { exit }
        units && /^    "name": / { gsub(/[",]/, ""); name = $2 }
        units && /^    "version": / { gsub(/[",]/, ""); name = name " " $2 }
        units && /^    "duration": / { sum[name] += $2; all += $2 }
        END {
            for (name in sum) printf "%.1f %s %.1f\n", sum[name], name, 100 * sum[name] / all
            printf "%.1f all -\n", all
        }' "$1" | sort -rn | head -n "${ROWS:-16}" |
        awk 'BEGIN { print "| crate | seconds | share |"; print "| --- | ---: | ---: |" }
             $2 == "all" { printf "| all | %s | |\n", $1; next }
             { printf "| %s %s | %s | %s %% |\n", $2, $3, $1, $4 }'
}

if [ $# -gt 0 ]; then
    table "$1"
    exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Download first, so that it is not measured.
cargo fetch --locked
TIMEFORMAT='%R %U %S'
{ time CARGO_TARGET_DIR="$work" cargo build --release --locked --timings 2>&3; } 3>&2 2>"$work/time"
awk '{ printf "%.1f minutes of processor time, %.1f minutes of wall-clock time\n\n", ($2 + $3) / 60, $1 / 60 }' "$work/time"
table "$work/cargo-timings/cargo-timing.html"
