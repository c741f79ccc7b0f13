"""The program under test, and how what is found is told. Needs numpy and safetensors."""
import json
import os
import subprocess
import sys
from pathlib import Path

from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
# Stories of the kind that the built-in model and stories260K were trained on.
TEXT = ROOT / "assets/demo/held_out.txt"


class Slimgpt:
    """Runs the binary that $SLIMGPT names; what it makes lies in `work`."""

    def __init__(self, work):
        self.work = Path(work)
        self.binary = os.environ["SLIMGPT"]
        state = {"XDG_STATE_HOME": str(self.work / "state"), "XDG_CONFIG_HOME": str(self.work / "config")}
        self.environment = os.environ | state | {"HF_HUB_OFFLINE": "1"}

    def run(self, *arguments):
        """What it prints; an error ends everything, with what it says."""
        arguments = [self.binary, *map(str, arguments)]
        ran = subprocess.run(arguments, env=self.environment, capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(f"{' '.join(arguments)}: exit code {ran.returncode}\n{ran.stderr}")
        return ran.stdout

    def prune(self, model, out, *more):
        """Prunes on a few short windows; the directory that was written, and run.json."""
        out = self.work / out
        settings = ["--calibration", TEXT, "--samples", 16, "--seq-len", 64, "--no-session", "--json"]
        return out, json.loads(self.run("prune", model, "--out", out, *settings, *more))

    def perplexity(self, model, text, seq_len):
        return json.loads(self.run("eval", model, "--text", text, "--seq-len", seq_len, "--json"))["perplexity"]

    def logits(self, model, text, seq_len, windows):
        """Tokens [windows, seq_len] and logits [windows, seq_len, vocabulary]."""
        out = self.work / "logits.safetensors"
        wanted = ["--text", text, "--seq-len", seq_len, "--windows", windows, "--out", out, "--force"]
        self.run("logits", model, *wanted)
        written = load_file(out)
        return written["tokens"], written["logits"]

    def generate(self, model, prompt, tokens):
        """Ids of the prompt, and of the likeliest tokens after it, up to an end token."""
        told = self.run("generate", model, "--prompt", prompt, "--max-tokens", tokens, "--temperature", 0, "--json")
        told = json.loads(told)
        return told["prompt_tokens"], told["tokens"]


class Claims:
    """Prints each claim with what was found, and remembers whether all of them hold."""

    def __init__(self):
        self.made = self.failed = 0

    def holds(self, claim, found, holds):
        self.made += 1
        self.failed += not holds
        print(f"{'ok    ' if holds else 'FAILED'} {claim}: {found}", flush=True)

    def below(self, claim, found, bound):
        self.holds(claim, f"{found:.2e} (below {bound:g})", found < bound)

    def equal(self, claim, found, expected):
        same = list(found) == list(expected)
        self.holds(claim, "equal" if same else f"{found} instead of {expected}", same)

    def end(self):
        """The exit code, after a last line."""
        print(f"{self.made - self.failed} of {self.made} claims hold")
        return 1 if self.failed else 0


def stories260k():
    """The directory of stories260K, or None where it is not, which is said aloud."""
    place = Path(os.environ.get("SLIMGPT_STORIES260K", ROOT.parent / "shared/data/stories260K"))
    if (place / "config.json").is_file():
        return place
    print(f"\n!!!! SKIPPED: stories260K is not at {place}; say with SLIMGPT_STORIES260K where it is !!!!\n", flush=True)
    return None
