"""Whether slimgpt reads each of many configurations as transformers does, and exports it so that transformers computes the same."""
import contextlib
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

import configurations
from in_transformers import greedy, largest_difference, load, logits
from program import TEXT, Claims, Slimgpt

WINDOWS, SEQ_LEN, MADE = 2, 200, 12
PROMPT = "One day, Tom met a fox"
SIZES_DIFFER = ["--schedule", "linear", "--first-ratio", 0.1, "--last-ratio", 0.7, "--attention-unit", "kv-group"]
# The first configuration of each family is exported, and these.
EXPORTED = {"alternating windows", "longrope, half of each head rotated", "all multipliers", "yarn positions",
            "rope_scaling beside rope_parameters", "no sliding_window key", "scaled positions in layers without a window",
            "windows in the layers without positions", "a window of its default"}


def main(work, wanted):
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    claims, slimgpt = Claims(), Slimgpt(work)
    check = Check(claims, slimgpt)
    listed = [entry for entry in configurations.LIST if all(word in f"{entry[0]}, {entry[1]}" for word in wanted)]
    seen = set()
    for number, (family, what, keys, *change) in enumerate(listed):
        name = f"{family}, {what}"
        directory = configurations.write(family, keys, change[0] if change else None, work / f"made/{number}")
        with check.named(name):
            check.same(name, directory)
            if family not in seen or what in EXPORTED:
                check.exports(name, directory)
        seen.add(family)
    print(f"{len(listed)} configurations")
    if not wanted:
        check.untied(work / "made/untied")
        check.unused(work / "made/unused")
        check.pickled(work / "made/pickled")
    sys.exit(claims.end())


class Check:
    def __init__(self, claims, slimgpt):
        self.claims, self.slimgpt = claims, slimgpt

    @contextlib.contextmanager
    def named(self, name):
        """A program that fails, and a model that transformers does not load, are claims that do not hold."""
        try:
            yield
        except (SystemExit, Exception) as error:
            self.claims.holds(name, f"{type(error).__name__}: {error}", False)

    def same(self, name, directory, **more):
        """Logits and greedy tokens are those of transformers."""
        loaded = load(directory, attn_implementation="eager", **more)
        tokens, expected = self.slimgpt.logits(directory, TEXT, SEQ_LEN, WINDOWS)
        self.claims.below(f"{name}: logits", largest_difference(logits(loaded, tokens), expected), 1e-4)
        prompt, made = self.slimgpt.generate(directory, PROMPT, MADE)
        self.claims.equal(f"{name}: {len(made)} greedy tokens", greedy(loaded, prompt, MADE, cache=True), made)

    def exports(self, name, directory):
        """Pruned to sizes per layer, to equal sizes, and padded."""
        forms = {"sizes per layer": SIZES_DIFFER, "equal sizes": ["--ratio", 0.25, "--uniform"],
                 "padded": [*SIZES_DIFFER, "--format", "padded"]}
        if name.startswith("olmo2"):
            # Zeros in place of removed heads would count in its norms, so that is refused.
            forms["padded"] += ["--parts", "mlp"]
        for form, settings in forms.items():
            out, _ = self.slimgpt.prune(directory, f"out/{directory.name}/{form}", *settings)
            self.same(f"{name}, {form}", out, trust_remote_code=True)

    def untied(self, directory):
        """A head that differs although the configuration ties it is kept, also by an export."""
        configurations.write("llama", {"tie_word_embeddings": True}, None, directory)
        path = str(directory / "model.safetensors")
        tensors = load_file(path)
        tensors["lm_head.weight"] = torch.randn_like(tensors["model.embed_tokens.weight"]) * 0.2
        save_file(tensors, path, metadata={"format": "pt"})
        self.same("a stored head that differs from the embedding", directory)
        out, _ = self.slimgpt.prune(directory, "out/untied", *SIZES_DIFFER)
        self.same("a stored head that differs, exported", out, trust_remote_code=True)

    def unused(self, directory):
        """Biases whose flag is off are not added."""
        configurations.write("llama", {"attention_bias": True}, lambda c: c.update(attention_bias=False), directory)
        loaded = transformers.AutoModelForCausalLM.from_pretrained(directory, attn_implementation="eager")
        tokens, expected = self.slimgpt.logits(directory, TEXT, SEQ_LEN, WINDOWS)
        self.claims.below("biases whose flag is off: logits", largest_difference(logits(loaded, tokens), expected), 1e-4)

    def pickled(self, directory):
        """Weights in pytorch_model.bin."""
        configurations.write("llama", {}, None, directory)
        tensors = load_file(str(directory / "model.safetensors"))
        (directory / "model.safetensors").unlink()
        torch.save(tensors, directory / "pytorch_model.bin")
        self.same("pytorch_model.bin", directory)
        out, _ = self.slimgpt.prune(directory, "out/pickled", *SIZES_DIFFER)
        self.same("pytorch_model.bin, exported", out, trust_remote_code=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
