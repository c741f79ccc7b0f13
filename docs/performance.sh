#!/usr/bin/env bash
# Measures what docs/performance.md claims and writes its table; ends with 1 where a bound is missed. About 20 minutes on
# two cores that have nothing else to do, and 10 GB of disk under TMPDIR.
#   docs/performance.sh
#   docs/performance.sh --quick                  small sizes; prints the table and writes nothing
#   docs/performance.sh --only heads,threads     some of it; prints the table and writes nothing
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked --bin slimgpt --example measure
built="${CARGO_TARGET_DIR:-target}/release"
if [ $# = 0 ]; then
    set -- --page docs/performance.md
fi
exec "$built/examples/measure" --program "$built/slimgpt" "$@"
