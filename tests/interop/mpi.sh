#!/usr/bin/env bash
# Runs on several ranks that MPI connects: their bytes are those of one process, a run whose rank was killed is resumed, and a
# rank that does not answer ends the run.
#   SLIMGPT       a program built with `--features mpi`; without it, it is built
#   SLIMGPT_STORIES260K  directory of stories260K in Hugging Face form; if it is missing, that part is skipped
#   SLIMGPT_SMOLLM2  SmolLM2-135M, a directory or a GGUF file; without it, that part is skipped
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(libopenmpi-dev openmpi-bin libclang-dev)
install=(apt-get install -y --no-install-recommends "${packages[@]}")
if ! command -v mpirun >/dev/null || ! command -v mpicc >/dev/null; then
    if ! { (command -v sudo >/dev/null && sudo "${install[@]}") || (apt-get update && "${install[@]}"); }; then
        printf 'SKIPPED mpi.sh: %s cannot be installed, so runs on several ranks were not checked\n' "${packages[*]}"
        exit 0
    fi
fi
if [ -z "${SLIMGPT:-}" ]; then
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/slimgpt-ci/target}"
    cargo build --release --locked --features mpi
    SLIMGPT="$CARGO_TARGET_DIR/release/slimgpt"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A later build without the feature replaces the program.
cp "$SLIMGPT" "$work/slimgpt"
slimgpt="$work/slimgpt"
export XDG_STATE_HOME="$work/state" XDG_CONFIG_HOME="$work/config" HF_HUB_OFFLINE=1
if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

ok() { printf 'ok %s\n' "$*"; }
fail() { printf 'not ok %s\n' "$*"; exit 1; }

# ranks R COMMAND…: the command on R ranks of this machine.
launch=(mpirun --oversubscribe --bind-to none)
ranks() {
    local count=$1
    shift
    # shellcheck disable=SC2086
    "${launch[@]}" ${MCA:-} -n "$count" "$slimgpt" "$@"
}

# same A B: both outputs have the same files, but for times and memory in run.json.
same() {
    diff -rq --exclude run.json "$1" "$2" >&2 && python3 - "$1" "$2" <<'PYTHON'
import json, sys

def record(directory):
    record = json.load(open(f"{directory}/run.json"))
    for key in ["seconds", "peak_memory_bytes"]:
        record.pop(key, None)
    return record

sys.exit(record(sys.argv[1]) != record(sys.argv[2]))
PYTHON
}

# equal NAME RANKS… -- ARGUMENTS…: `prune` on these numbers of ranks writes the bytes of one process.
equal() {
    local name=$1 counts=()
    shift
    while [ "$1" != -- ]; do
        counts+=("$1")
        shift
    done
    shift
    "$slimgpt" prune "$@" --threads 1 --no-session --out "$work/$name-alone" >"$work/log" 2>&1 || { cat "$work/log"; fail "$name"; }
    for count in "${counts[@]}"; do
        ranks "$count" prune "$@" --threads 1 --no-session --out "$work/$name-$count" >"$work/log" 2>&1 ||
            { cat "$work/log"; fail "$name on $count ranks"; }
        same "$work/$name-alone" "$work/$name-$count" || fail "$name: $count ranks write other bytes than one process"
        rm -rf "${work:?}/$name-$count"
    done
    rm -rf "${work:?}/$name-alone"
    ok "$name: equal bytes on ${counts[*]} ranks and by one process (${SECONDS} s so far)"
}

log=(--schedule log --by-parameters=false)
# Three full chunks of windows and a part of one.
demo=(--samples 104 --seq-len 128 --eval demo:held-out --eval-windows 40 --eval-seq-len 128)
equal demo 1 2 3 4 -- "${demo[@]}" --track-errors --attention-unit query-head "${log[@]}"
equal demo-dense-stream 1 2 3 4 -- "${demo[@]}" --target dense-stream --attention-unit kv-group "${log[@]}"
equal demo-search 1 2 3 4 -- "${demo[@]}" --schedule auto --search-samples 34 --search-trials 2
MCA="--mca btl tcp,self" equal demo-tcp 3 -- "${demo[@]}" "${log[@]}"

stories="${SLIMGPT_STORIES260K:-../shared/data/stories260K}"
if [ -d "$stories" ]; then
    small=("$stories" --calibration assets/demo/held_out.txt --samples 64 --seq-len 256)
    equal stories260K 1 2 3 4 -- "${small[@]}" --attention-unit query-head --track-errors "${log[@]}"
    equal stories260K-dense-stream 1 2 3 4 -- "${small[@]}" --attention-unit kv-group --target dense-stream "${log[@]}"
    equal stories260K-search 1 2 3 4 -- "${small[@]}" --attention-unit auto --schedule auto --search-trials 2
    MCA="--mca btl tcp,self" equal stories260K-tcp 4 -- "${small[@]}" "${log[@]}"
else
    printf 'SKIPPED stories260K: %s is missing; set SLIMGPT_STORIES260K\n' "$stories"
fi

if [ -n "${SLIMGPT_SMOLLM2:-}" ]; then
    small=("$SLIMGPT_SMOLLM2" --calibration assets/demo/held_out.txt --samples 12 --seq-len 512 --layers 0..3)
    equal SmolLM2 2 3 -- "${small[@]}" --attention-unit query-head --track-errors "${log[@]}"
    equal SmolLM2-dense-stream 4 -- "${small[@]}" --attention-unit kv-group --target dense-stream "${log[@]}"
    equal SmolLM2-search 2 3 -- "${small[@]}" --schedule auto --search-samples 12 --search-trials 2
else
    printf 'SKIPPED SmolLM2: set SLIMGPT_SMOLLM2 to its directory or GGUF file\n'
fi

# A rank of a run, by its number.
pid_of() {
    local pid
    for pid in $(pgrep -P "$1"); do
        if tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "OMPI_COMM_WORLD_RANK=$2"; then
            printf '%s' "$pid"
        fi
    done
}

# begin SESSION: a run on three ranks in the background, until it has solved a layer. Sets `run`.
slow=(--samples 300 --seq-len 128 "${log[@]}" --threads 1)
begin() {
    "${launch[@]}" -n 3 "$slimgpt" prune "${slow[@]}" --session "$1" --out "$1-out" >"$work/log" 2>&1 &
    run=$!
    for _ in $(seq 600); do
        if compgen -G "$1/attempts/*" >/dev/null; then break; fi
        sleep 0.05
    done
    sleep "${2:-0.2}"
}

"$slimgpt" prune "${slow[@]}" --no-session --out "$work/whole" >"$work/log" 2>&1
for moment in 0.05 0.3 0.6 1 1.5; do
    session="$work/killed-$moment"
    begin "$session" "$moment"
    victim=$(pid_of "$run" $((RANDOM % 2 + 1)))
    { [ -n "$victim" ] && kill -KILL "$victim"; } || fail "the run ended before its rank was killed after $moment s"
    wait "$run" && fail "a run whose rank was killed after $moment s fails"
    [ ! -d "$session-out" ] || fail "a run whose rank was killed after $moment s has no output"
    ranks 2 resume "$session" >"$work/log" 2>&1 || { cat "$work/log"; fail "resumed after $moment s"; }
    same "$work/whole" "$session-out" || fail "a run whose rank was killed after $moment s, resumed on two ranks"
done
ok "a run whose rank was killed at five moments, resumed with another number of ranks, writes the same bytes"

session="$work/silent"
begin "$session" 0.1
victim=$(pid_of "$run" 1)
{ [ -n "$victim" ] && kill -STOP "$victim"; } || fail "the run ended before its rank was stopped"
began=$SECONDS
wait "$run" && fail "a run with a silent rank fails"
kill -KILL "$victim" 2>/dev/null || true
[ $((SECONDS - began)) -le 60 ] || fail "a silent rank ends the run within a minute"
[ "$(grep -c 'slimgpt: error: rank 1 has not answered for' "$work/log")" = 1 ] && [ "$(grep -c 'slimgpt: error' "$work/log")" = 1 ] ||
    { cat "$work/log"; fail "one sentence says which rank is silent"; }
ok "a silent rank ends the run after $((SECONDS - began)) s: $(grep -o 'rank 1 has not answered[^;]*' "$work/log")"

# Wrong arguments are reported once.
ranks 3 prune --ratio 7 --out "$work/none" >"$work/log" 2>&1 && fail "a wrong ratio is refused"
[ "$(grep -c 'slimgpt: error\|^error' "$work/log")" = 1 ] || { cat "$work/log"; fail "one rank reports an error"; }
ok "wrong arguments are reported by one rank"
printf 'all good after %s s\n' "$SECONDS"
