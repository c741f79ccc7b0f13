"""Whether transformers loads what slimgpt writes, and computes the same."""
import sys
from pathlib import Path

import torch
import transformers

import checkpoints
from in_transformers import (
    eager_logits, greedy, hidden_logits, largest_difference, load, loads_without_code, logits, padded_greedy, perplexity,
    reloaded, same_gradients, tokens_of,
)
from program import TEXT, Claims, Slimgpt, stories260k

WINDOWS, SEQ_LEN, MADE = 3, 64, 16
PROMPTS = ["One day, Tom met a fox", "The", "It was a very big dog and the little girl was happy to see it"]
# Ends of a ratio that leaves no two layers with the same sizes.
SIZES_DIFFER = ["--schedule", "linear", "--first-ratio", 0.1, "--last-ratio", 0.7, "--attention-unit", "kv-group"]


def main(work):
    torch.manual_seed(0)
    transformers.logging.disable_progress_bar()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    claims, slimgpt = Claims(), Slimgpt(work)
    page = work / "page.txt"
    page.write_text(TEXT.read_text(encoding="utf-8")[:6000], encoding="utf-8")
    check = Check(claims, slimgpt, page)

    models = {kind: checkpoints.write(kind, work / "dense" / kind) for kind in checkpoints.KINDS}
    models["demo"] = checkpoints.ROOT / "assets/demo"
    stories = stories260k()
    if stories:
        models["stories260K"] = stories
    for kind, model in models.items():
        check.sizes_per_layer(kind, model)
        check.padded(kind, model)
        check.equal_sizes(kind, model, 0.25)
    # Four heads divide the hidden size, six do not.
    for kind in ("llama-grouped", "llama-biased"):
        check.equal_sizes(kind, models[kind], 0.5)
    check.other_ways_to_write(models["llama-grouped"])
    check.pruned_again(models["qwen2"])
    for kind in ("llama-grouped", "llama-biased", "mistral-window", "qwen2", "qwen3"):
        check.absent_parts(kind)
    sys.exit(claims.end())


class Check:
    def __init__(self, claims, slimgpt, page):
        self.claims, self.slimgpt, self.page = claims, slimgpt, page

    def sizes_per_layer(self, kind, model):
        out, record = self.slimgpt.prune(model, f"per-layer/{kind}", *SIZES_DIFFER)
        name = f"{kind}, sizes per layer"
        sizes = [tuple(len(layer[part]["kept"]) for part in ("attention", "mlp")) for layer in record["layers"]]
        differ = all(len(set(column)) == len(sizes) for column in zip(*sizes))
        # The built-in model and stories260K have more layers than key-value heads.
        self.claims.holds(f"{name}: all layers differ", sizes, differ or len(set(sizes)) == len(sizes))
        loaded = load(out, trust_remote_code=True)
        self.same_numbers(name, out, loaded)

        tokens, expected = self.slimgpt.logits(out, self.page, SEQ_LEN, WINDOWS)
        self.claims.below(f"{name}: eager attention", largest_difference(eager_logits(out, tokens), expected), 1e-4)
        self.claims.below(f"{name}: AutoModel and its head", largest_difference(hidden_logits(out, loaded, tokens), expected), 1e-4)
        again = reloaded(loaded, self.slimgpt.work / "saved" / kind)
        self.claims.below(f"{name}: saved and loaded", largest_difference(logits(again, tokens), logits(loaded, tokens)), 1e-6)
        self.claims.below(f"{name}: gradients with checkpointing", same_gradients(loaded, tokens), 1e-5)

        asked = [self.slimgpt.generate(out, prompt, MADE) for prompt in PROMPTS]
        for prompt, made in asked:
            what = f"{name}: {len(made)} tokens after {len(prompt)}"
            self.claims.equal(f"{what}, with a cache", greedy(loaded, prompt, MADE, cache=True), made)
            self.claims.equal(f"{what}, without", greedy(loaded, prompt, MADE, cache=False), made)
        batch = padded_greedy(loaded, [prompt for prompt, _ in asked], MADE)
        self.claims.equal(f"{name}: all of them in a left-padded batch", batch, [made for _, made in asked])

    def absent_parts(self, kind):
        """Layers without attention, without FFN, and without both."""
        skip = {"1": {"skip": ["attention"]}, "2": {"skip": ["mlp"]}, "3": {"skip": ["attention", "mlp"]}}
        model = checkpoints.write(kind, self.slimgpt.work / "absent" / kind, per_layer_config=skip)
        out, record = self.slimgpt.prune(model, f"absent-pruned/{kind}", "--ratio", 0.4)
        name = f"{kind}, absent parts"
        units = [layer[part]["units"] for layer in record["layers"] for part in ("attention", "mlp")]
        self.claims.equal(f"{name}: units", [count == 0 for count in units[2:]], [True, False, False, True, True, True])
        loaded = load(out, trust_remote_code=True)
        self.same_numbers(name, out, loaded)
        missing = {key for key in loaded.state_dict() if key.startswith(("model.layers.3.", "model.layers.1.self_attn"))}
        self.claims.equal(f"{name}: weights of absent parts", missing, set())
        again = reloaded(loaded, self.slimgpt.work / "saved-absent" / kind)
        tokens, _ = self.slimgpt.logits(out, self.page, SEQ_LEN, WINDOWS)
        self.claims.below(f"{name}: saved and loaded", largest_difference(logits(again, tokens), logits(loaded, tokens)), 1e-6)
        for text in PROMPTS:
            prompt, made = self.slimgpt.generate(out, text, MADE)
            what = f"{name}: {len(made)} tokens after {len(prompt)}"
            self.claims.equal(f"{what}, with a cache", greedy(loaded, prompt, MADE, cache=True), made)
            self.claims.equal(f"{what}, without", greedy(loaded, prompt, MADE, cache=False), made)

    def padded(self, kind, model):
        out, _ = self.slimgpt.prune(model, f"padded/{kind}", *SIZES_DIFFER, "--format", "padded")
        self.of_stock_class(f"{kind}, padded", out, f"{family_of(kind)}ForCausalLM")

    def equal_sizes(self, kind, model, ratio):
        out, _ = self.slimgpt.prune(model, f"uniform-{ratio}/{kind}", "--ratio", ratio, "--uniform")
        name, family = f"{kind}, {ratio:.0%} of every layer", family_of(kind)
        config = transformers.AutoConfig.from_pretrained(out, trust_remote_code=True)
        heads, hidden = config.num_attention_heads, config.hidden_size
        if family == "Llama" and hidden % heads:
            if kind == "llama-biased":
                # No class of transformers has it: a Mistral has no biases.
                return self.same_numbers(f"{name} ({heads} heads)", out, load(out, trust_remote_code=True))
            family = "Mistral"
        self.of_stock_class(f"{name} ({heads} heads)", out, f"{family}ForCausalLM")

    def of_stock_class(self, name, out, expected):
        loaded = loads_without_code(out)
        self.claims.holds(f"{name}: loaded without code as", type(loaded).__name__, type(loaded).__name__ == expected)
        self.claims.equal(f"{name}: files of code", [file.name for file in out.glob("*.py")], [])
        self.same_numbers(name, out, loaded)

    def same_numbers(self, name, out, loaded):
        """Logits, tokens and perplexity of a loaded model are those that slimgpt has for the directory."""
        tokens, expected = self.slimgpt.logits(out, self.page, SEQ_LEN, WINDOWS)
        self.claims.below(f"{name}: logits", largest_difference(logits(loaded, tokens), expected), 1e-4)
        encoded = tokens_of(out, self.page.read_text(encoding="utf-8"))
        self.claims.equal(f"{name}: tokens of a page", encoded[: tokens.size], tokens.flatten().tolist())
        ours, theirs = self.slimgpt.perplexity(out, self.page, SEQ_LEN), perplexity(loaded, encoded, SEQ_LEN)
        self.claims.below(f"{name}: perplexity {ours:.4f}, in transformers {theirs:.4f}", abs(theirs / ours - 1), 1e-3)

    def other_ways_to_write(self, model):
        whole, _ = self.slimgpt.prune(model, "other/whole", *SIZES_DIFFER)
        tokens, expected = self.slimgpt.logits(whole, self.page, SEQ_LEN, WINDOWS)
        shards, _ = self.slimgpt.prune(model, "other/shards", *SIZES_DIFFER, "--shard-size", "50KB")
        count = len(list(shards.glob("model-*-of-*.safetensors")))
        self.claims.holds("shards of 50 KB", count, count > 4)
        found = largest_difference(logits(load(shards, trust_remote_code=True), tokens), expected)
        self.claims.below("logits from shards", found, 1e-4)
        for short, dtype in (("bf16", torch.bfloat16), ("f16", torch.float16)):
            out, _ = self.slimgpt.prune(model, f"other/{short}", *SIZES_DIFFER, "--export-dtype", short)
            loaded = load(out, trust_remote_code=True, dtype="auto")
            types = {str(weight.dtype) for weight in loaded.parameters()}
            self.claims.equal(f"weights of --export-dtype {short}", types, {str(dtype)})
            tokens, expected = self.slimgpt.logits(out, self.page, SEQ_LEN, WINDOWS)
            found = largest_difference(logits(load(out, trust_remote_code=True, dtype=torch.float32), tokens), expected)
            self.claims.below(f"logits of --export-dtype {short}, computed in f32", found, 1e-4)

    def pruned_again(self, model):
        once, _ = self.slimgpt.prune(model, "again/once", *SIZES_DIFFER)
        padded, _ = self.slimgpt.prune(once, "again/padded", "--ratio", 0.3, "--format", "padded")
        self.same_numbers("pruned twice, padded to the sizes of the first time", padded, load(padded, trust_remote_code=True))
        stock, _ = self.slimgpt.prune(model, "again/uniform", "--ratio", 0.25, "--uniform")
        twice, _ = self.slimgpt.prune(stock, "again/twice", *SIZES_DIFFER)
        self.same_numbers("pruned twice, sizes per layer the second time", twice, load(twice, trust_remote_code=True))


def family_of(kind):
    """How transformers spells the family of a checkpoint."""
    names = {"llama": "Llama", "demo": "Llama", "stories260K": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3"}
    return names[kind.split("-")[0]]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
