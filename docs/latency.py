#!/usr/bin/env python3
"""Compares the response of two slimgpt programs in a terminal, in turns.

    docs/latency.py OLD NEW

Each turn starts the explorer on the built-in model at 120x40 and measures
  first frame   from the start of the process to the first complete frame,
  key           from a key (?) to the help that it opens, while the model is pruned (median of 20),
  idle          processor time in the 3 seconds after the run has ended.
It prints the medians of five turns and the ratio of the second program to the first.
"""

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time

TURNS = 5
KEYS = 20


class Terminal:
    def __init__(self, program, home):
        self.began = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", XDG_STATE_HOME=home, XDG_CONFIG_HOME=home)
            os.execv(program, [program])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def wait_for(self, text, timeout=60.0):
        """Seconds until the text appears in the output."""
        seen, began = b"", time.perf_counter()
        while time.perf_counter() - began < timeout:
            if select.select([self.fd], [], [], 0.05)[0]:
                seen = (seen + os.read(self.fd, 1 << 16))[-(1 << 17):]
                if text in seen:
                    return time.perf_counter() - began
        raise SystemExit(f"{text!r} did not appear within {timeout} s")

    def drain(self, seconds):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            if select.select([self.fd], [], [], 0.02)[0]:
                os.read(self.fd, 1 << 16)

    def send(self, keys):
        os.write(self.fd, keys)

    def processor_seconds(self):
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def measure(program):
    with tempfile.TemporaryDirectory() as home:
        terminal = Terminal(program, home)
        terminal.wait_for(b"Schedule")
        first = time.perf_counter() - terminal.began
        terminal.drain(1.0)
        terminal.send(b"s")
        terminal.drain(1.0)
        keys = []
        for _ in range(KEYS):
            terminal.send(b"?")
            keys.append(terminal.wait_for(b"type to filter"))
            terminal.send(b"\x1b")
            terminal.drain(0.12)
        terminal.wait_for(b"Done in", 120.0)
        terminal.drain(1.0)
        before = terminal.processor_seconds()
        terminal.drain(3.0)
        idle = terminal.processor_seconds() - before
        terminal.close()
    return 1e3 * first, 1e3 * statistics.median(keys), 1e3 * idle


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    results = {program: [] for program in sys.argv[1:]}
    for _ in range(TURNS):
        for program in results:
            results[program].append(measure(program))
    old, new = (list(map(statistics.median, zip(*results[program]))) for program in sys.argv[1:])
    print("| what | first program | second program | ratio |\n| --- | --- | --- | --- |")
    for name, a, b in zip(("first frame, ms", "key while pruning, ms", "idle, ms of 3 s"), old, new):
        print(f"| {name} | {a:.1f} | {b:.1f} | {b / a if a else float('nan'):.2f} |")


main()
