"""The measured work in PyTorch and transformers. Reads pieces of work from standard input, one JSON object per line, and
answers each with its seconds: `python pytorch.py THREADS`.

Models are loaded once, as float32, before the time of a piece of work begins. The way of working (attention implementation,
windows per batch) is the fastest one on the first 4096 tokens. Exits with 3 if a module is missing.
"""

import json
import os
import sys
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # Only answers go to standard output.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
try:
    import torch
    import transformers
    from torch.nn.functional import cross_entropy
except ImportError as missing:
    print(f"PyTorch is not measured: {missing}", file=sys.stderr)
    sys.exit(3)

TRIAL_TOKENS = 4096
BATCHES = [1, 2, 4, 8]


def seconds(work):
    began = time.perf_counter()
    value = work()
    return time.perf_counter() - began, value


class Model:
    """A model with its tokens [windows, length], and the fastest way found for each kind of work."""

    def __init__(self, inputs):
        self.inputs = inputs
        self.model = transformers.AutoModelForCausalLM.from_pretrained(inputs["model"], dtype=torch.float32).eval()
        del self.model.model.layers[inputs["layers"] :]
        with open(inputs["tokens"]) as file:
            self.ids = torch.tensor(json.load(file)).view(inputs["windows"], inputs["length"])
        self.ways = {}

    def run(self, work):
        """Seconds of `work(model, batches)` in the fastest way, its value, and the way."""
        if work not in self.ways:
            self.ways[work] = self.fastest(work)
        attention, batch = self.ways[work]
        self.model.set_attn_implementation(attention)
        took, value = seconds(lambda: work(self, self.ids.split(batch)))
        windows = "window" if batch == 1 else "windows"
        return {"seconds": took, "value": value, "note": f"{attention}, {batch} {windows} at once"}

    def fastest(self, work):
        most = max(1, TRIAL_TOKENS // self.inputs["length"])
        ids = self.ids[:most]

        def trial(attention, batch):
            self.model.set_attn_implementation(attention)
            return seconds(lambda: work(self, ids.split(batch)))[0]

        trial("sdpa", 1)  # The first pass also starts the threads.
        times = {("sdpa", batch): trial("sdpa", batch) for batch in BATCHES if batch <= len(ids)}
        batch = min(times, key=times.get)[1]
        times["eager", batch] = trial("eager", batch)
        return min(times, key=times.get)


def forward(model, batches):
    for ids in batches:
        model.model.model(ids, use_cache=False)


def negative_log_likelihood(logits, ids):
    """Sum over all tokens but the first of each window, which no position predicts."""
    targets = torch.full_like(ids, -100)
    targets[:, :-1] = ids[:, 1:]
    return cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()


def evaluate(model, batches):
    """The perplexity."""
    total = sum(negative_log_likelihood(model.model(ids, use_cache=False).logits, ids) for ids in batches)
    predicted = sum(ids[:, 1:].numel() for ids in batches)
    return torch.tensor(total / predicted, dtype=torch.float64).exp().item()


def loss(model, batches):
    """Final norm, head and cross entropy. The hidden states are the embeddings."""
    inner = model.model.model
    total = 0.0
    for ids in batches:
        logits = model.model.lm_head(inner.norm(inner.embed_tokens(ids)))
        total += negative_log_likelihood(logits, ids)
    return total


def calibrate(model, batches):
    """A forward pass that adds up the second moments of the inputs of both weights of every block."""

    def adding(moment):
        def hook(_module, arguments):
            x = arguments[0].flatten(0, -2)
            moment.addmm_(x.T, x)

        return hook

    hooks = []
    for layer in model.model.model.layers:
        for weight in [layer.self_attn.o_proj, layer.mlp.down_proj]:
            moment = torch.zeros(weight.in_features, weight.in_features)
            hooks.append(weight.register_forward_pre_hook(adding(moment)))
    forward(model, batches)
    for hook in hooks:
        hook.remove()


WORKS = {"evaluate": evaluate, "forward": forward, "loss": loss, "calibrate": calibrate}


class Worker:
    def __init__(self):
        self.matrix = None
        self.model = None

    def run(self, request):
        kind = request.pop("work")
        if kind == "product":
            side = request["side"]
            if self.matrix is None or len(self.matrix) != side:
                self.matrix = torch.rand(side, side) - 0.5
                self.matrix @ self.matrix  # The first product also starts the threads.
            return {"seconds": seconds(lambda: self.matrix @ self.matrix)[0]}
        if self.model is None or self.model.inputs != request:
            self.model = None
            self.model = Model(request)
        return self.model.run(WORKS[kind])


def main():
    torch.set_num_threads(int(sys.argv[1]))
    transformers.utils.logging.disable_progress_bar()
    worker = Worker()
    answer({"versions": f"PyTorch {torch.__version__}, transformers {transformers.__version__}"})
    with torch.no_grad():
        for line in sys.stdin:
            try:
                answer(worker.run(json.loads(line)))
            except Exception as error:
                answer({"seconds": 0, "error": f"{type(error).__name__}: {error}"})


def answer(content):
    print(json.dumps(content), file=answers, flush=True)


main()
