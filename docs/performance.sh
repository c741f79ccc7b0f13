#!/usr/bin/env bash
# Measures what docs/performance.md claims and writes its table; exits with 1 if a bound is missed. Takes about 20 minutes on
# two otherwise idle cores, and 10 GB of disk under TMPDIR.
#   docs/performance.sh
#   docs/performance.sh --quick                  small sizes; prints the table and writes nothing
#   docs/performance.sh --only heads,threads     a part; prints the table and writes nothing
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked --bin slimgpt --example measure
built="${CARGO_TARGET_DIR:-target}/release"
if [ $# = 0 ]; then
    set -- --page docs/performance.md
fi
exec "$built/examples/measure" --program "$built/slimgpt" "$@"
