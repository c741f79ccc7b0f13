#!/usr/bin/env bash
# Measures how long calibration windows take from 1 GB of JSON lines, compressed with gzip; docs/texts.md has the figures.
# Needs python3, and 500 MB of disk under TMPDIR. Makes the file in a quarter of a minute.
#   docs/big_text.sh
# Exits with 1 if the windows take 15 seconds or more, or 300 MB or more, or if two runs draw other windows.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked --bin slimgpt
exec python3 - "${CARGO_TARGET_DIR:-target}/release/slimgpt" <<'PYTHON'
import gzip, json, os, pathlib, random, subprocess, sys, tempfile, time

program = sys.argv[1]
work = pathlib.Path(tempfile.mkdtemp())
text = work / "text.jsonl.gz"


def write():
    """Writes records as in C4: words by Zipf's law, 2 kB each; a block of 50 MB twenty times."""
    draw = random.Random(0)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(draw.choices(letters, range(26, 0, -1), k=draw.randint(1, 9))) for _ in range(20_000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    lines, size = [], 0
    while size < 50_000_000:
        record = {"text": " ".join(draw.choices(words, weights, k=draw.randint(20, 700)))}
        record |= {"timestamp": "2019-04-25T12:57:54Z", "url": f"https://example.org/{len(lines)}"}
        lines.append(json.dumps(record) + "\n")
        size += len(lines[-1])
    block = gzip.compress("".join(lines).encode(), 6)
    with open(text, "wb") as file:
        for _ in range(20):
            file.write(block)
    print(f"{20 * size / 1e9:.2f} GB of text, {20 * len(block) / 1e6:.0f} MB with gzip, {20 * len(lines):,} records")


def command(*arguments):
    windows = ["--calibration", text, "--samples", "128", "--seq-len", "128", "--ratio", "0.25", "--schedule", "log", "--no-export"]
    return [program, "prune", *windows, *arguments]


try:
    # In a process of its own, because a new process inherits the largest memory of the one that starts it.
    if os.fork() == 0:
        write()
        sys.stdout.flush()
        os._exit(0)
    assert os.wait()[1] == 0
    began = time.monotonic()
    # A missing evaluation text ends the run when the windows are drawn.
    ended = subprocess.Popen(command("--no-session", "--eval", work / "missing.txt"), stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(ended.pid, 0)
    seconds = time.monotonic() - began
    assert os.waitstatus_to_exitcode(status) == 2
    memory = used.ru_maxrss * 1024 / 1e6
    processor = used.ru_utime + used.ru_stime
    print(f"windows: {seconds:.1f} s, {processor:.1f} s of processor time, {memory:.0f} MB")
    for run in (1, 2):
        done = subprocess.run(command("--session", work / f"session-{run}"), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    windows = [(work / f"session-{run}" / "calibration.safetensors").read_bytes() for run in (1, 2)]
    print(next(line for line in done.stderr.splitlines() if "drawn by seed" in line))
    if windows[0] != windows[1]:
        sys.exit("two runs with equal seeds drew other windows")
    if seconds >= 15 or memory >= 300:
        sys.exit("too slow, or too much memory")
finally:
    subprocess.run(["rm", "-rf", work])
PYTHON
