"""What llama.cpp makes of the GGUF files of this program: the same tokens, logits and texts. Run by llama_cpp.sh."""
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy
from llama_cpp import Llama
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

import checkpoints
import closed_merges

SLIMGPT = os.environ["SLIMGPT"]
STORIES = Path(os.environ["SLIMGPT_STORIES260K"])
TEXT = checkpoints.TEXT
WORK = Path(sys.argv[1])
SEQ_LEN, WINDOWS = 64, 3
PROMPT = "One day, a small bird"

# What tokenizers trip over: digits, blanks before, between and after, newlines, tabs, accents, CJK, emoji, special tokens.
PAGE = (
    "  Leading blanks, 3 digits: 123, 4: 1234, and 12 345 678.\n\nIt's they'll we'd I'M THEY'RE.\tA tab\t\tand two.\n"
    " \n  Mixed   blanks \n\n\n more\r\nCRLF. Ünïcödé naïve café, ÉTÉ, straße, Ελληνικά, русский, עברית, العربية.\n"
    "日本語のテキスト、漢字かな交じり。中文文本。한국어 텍스트. Emoji: 🙂🚀👩‍👩‍👧‍👦 🇳🇱 — “quotes” … ½ ² № ™ ≠ ∑\n"
    "code: for(int i=0;i<10;++i){ x[i]+=0x1F; } // ok?!\n\tindented_line = {'a': [1, 2]} #$%^&*()_+|~`\n"
    "Once upon a time there was a fox named Ivy. \"Please,\" said Ivy.\n\nThe end.   "
)
SPECIAL_PAGE = "Before {end} between {begin}and {end}\n after"

failures = []


def check(claim, holds, figure):
    print(f"{'ok  ' if holds else 'FAIL'} {claim}: {figure}", flush=True)
    if not holds:
        failures.append(claim)


def slimgpt(*arguments, status=0):
    """Standard output of the program, which must end with this status; for another, what it says on standard error."""
    ran = subprocess.run([SLIMGPT, *map(str, arguments)], capture_output=True, text=True)
    if ran.returncode != status:
        sys.exit(f"slimgpt {' '.join(map(str, arguments))} ended with {ran.returncode}:\n{ran.stderr}")
    return ran.stdout if status == 0 else ran.stderr


def prune(model, name, *options, kind="f32"):
    """Prunes into a directory with both forms. Returns it and the GGUF file."""
    out = WORK / name
    source = [model] if model else []
    text = [] if model is None else ["--calibration", TEXT]
    slimgpt(
        "prune", *source, "--out", out, "--format", "hf,gguf", "--gguf-type", kind, *text, "--samples", 8, "--seq-len", 64,
        "--no-session", *options,
    )
    (file,) = out.glob("*.gguf")
    return out, file


DIFFERING = ("--schedule", "linear", "--first-ratio", 0.1, "--last-ratio", 0.6)
UNIFORM = ("--uniform", "--ratio", 0.3)


def load(file):
    # The cache in f32, as this program computes.
    return Llama(str(file), n_ctx=256, n_batch=256, n_threads=2, logits_all=True, type_k=0, type_v=0, verbose=False)


def logits(llama, tokens):
    llama.reset()
    llama.eval([int(token) for token in tokens])
    return numpy.array(llama.scores[: len(tokens)])


def greedy(llama, tokens, count):
    """The likeliest tokens one after the other, up to the end of the text."""
    llama.reset()
    llama.eval(tokens)
    made = []
    while len(made) < count:
        token = int(numpy.argmax(llama.scores[llama.n_tokens - 1]))
        if token == llama.token_eos():
            break
        made.append(token)
        llama.eval([token])
    return made


def perplexity(llama, windows):
    """exp of the mean negative log-likelihood of tokens 2 … L of every window."""
    losses = []
    for window in windows:
        scores = logits(llama, window)[:-1].astype(numpy.float64)
        scores -= scores.max(axis=1, keepdims=True)
        normal = numpy.log(numpy.exp(scores).sum(axis=1))
        losses.extend(normal - scores[numpy.arange(len(window) - 1), window[1:]])
    return float(numpy.exp(numpy.mean(losses)))


def windows_of(directory, windows=WINDOWS):
    """Tokens [K, N] and logits [K, N, vocabulary] of this program."""
    out = directory.with_suffix(".logits")
    slimgpt("logits", directory, "--text", TEXT, "--seq-len", SEQ_LEN, "--windows", windows, "--out", out, "--force")
    stored = load_file(out)
    return stored["tokens"], stored["logits"]


def sizes(directory):
    layers = json.loads((directory / "config.json").read_text())
    whole = {key: layers[key] for key in ("num_attention_heads", "num_key_value_heads", "intermediate_size")}
    table = layers.get("per_layer_config", {})
    count = layers["num_hidden_layers"]
    return [tuple(table.get(str(layer), whole).get(key, 0) for key in whole) for layer in range(count)]


def computes_the_same(name, directory, file, architecture):
    llama = load(file)
    found = llama.metadata["general.architecture"]
    kept = " ".join("/".join(map(str, size)) for size in sizes(directory))
    check(f"{name} is loaded as {architecture}", found == architecture, f"{found}, layers {kept}")
    if architecture == "deci":
        check(f"{name} has layers of different sizes", len(set(sizes(directory))) > 1, len(set(sizes(directory))))
    tokens, ours = windows_of(directory)
    theirs = numpy.stack([logits(llama, window) for window in tokens])
    apart, spread = float(numpy.abs(theirs - ours).max()), float(ours.std())
    check(f"{name} has the same logits within 5e-3", apart < 5e-3, f"{apart:.1e} (spread {spread:.2f})")
    same_text(name, directory, llama)
    same_tokens(name, directory, llama)


def same_text(name, directory, llama):
    answer = slimgpt("generate", directory, "--prompt", PROMPT, "--max-tokens", 40, "--temperature", 0, "--json")
    ours = json.loads(answer)
    theirs = greedy(llama, ours["prompt_tokens"], 40)
    made = [token for token in ours["tokens"] if token != llama.token_eos()]
    check(f"{name} continues a prompt with the same tokens", theirs == made, f"{len(theirs)} tokens")


def same_tokens(name, directory, llama):
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    special = json.loads((directory / "tokenizer_config.json").read_text())
    begin, end = special["bos_token"], special["eos_token"]
    pages = [PAGE, PAGE.strip(), TEXT.read_text(encoding="utf-8")[:20_000], SPECIAL_PAGE.format(begin=begin, end=end)]
    # Every line by itself too, so that a difference is told by its text.
    for page in pages + PAGE.splitlines(keepends=True):
        ours = tokenizer.encode(page, add_special_tokens=True).ids
        theirs = llama.tokenize(page.encode(), add_bos=True, special=True)
        if ours != theirs:
            at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
            around = (tokenizer.decode(ours[max(at - 3, 0) : at + 3]), ours[at : at + 6], theirs[at : at + 6])
            check(f"{name} has the same tokens", False, f"{page[:40]!r} at {at}: {around}")
            return
    check(f"{name} has the same tokens on a page of text", True, f"{sum(map(len, pages))} characters")


def sentence_piece_checkpoint(kind, directory, **keys):
    """As `checkpoints.write`; every way to put a token together is a merge, as SentencePiece has it."""
    checkpoints.write(kind, directory, **keys)
    closed_merges.rewrite(directory / "tokenizer.json")
    return directory


def families():
    random = WORK / "random"
    per_layer = {
        "Llama, grouped queries": (sentence_piece_checkpoint("llama-grouped", random / "grouped"), "deci"),
        "Llama, one key head each": (checkpoints.write("llama-multi-head", random / "multi-head"), "deci"),
        "Llama, biases and llama3 positions": (checkpoints.write("llama-biased", random / "biased"), "deci"),
        "Mistral": (sentence_piece_checkpoint("mistral", random / "mistral"), "deci"),
        "Qwen2": (checkpoints.write("qwen2", random / "qwen2"), "deci"),
        "Llama, two layers without attention": (
            checkpoints.write(
                "llama-multi-head",
                random / "absent",
                per_layer_config={"1": {"skip": ["attention"]}, "3": {"skip": ["attention"]}},
            ),
            "deci",
        ),
    }
    for name, (model, architecture) in per_layer.items():
        computes_the_same(f"{name}, sizes per layer", *prune(model, f"{model.name}-deci", *DIFFERING), architecture)
    qwen3 = checkpoints.write("qwen3", random / "qwen3")
    uniform = {
        "Llama": (random / "grouped", "llama", UNIFORM),
        "Mistral": (random / "mistral", "llama", UNIFORM),
        "Llama with biases": (random / "biased", "llama", UNIFORM),
        # llama.cpp's qwen2 has as many queries as the hidden size; with fewer the file is one of llama with biases.
        "Qwen2, channels alone": (random / "qwen2", "qwen2", (*UNIFORM, "--parts", "mlp")),
        "Qwen2": (random / "qwen2", "llama", UNIFORM),
        "Qwen3": (qwen3, "qwen3", UNIFORM),
    }
    for number, (name, (model, architecture, options)) in enumerate(uniform.items()):
        computes_the_same(f"{name}, equal sizes", *prune(model, f"uniform-{number}", *options), architecture)
    linear = checkpoints.write(
        "llama-multi-head", random / "linear", rope_scaling={"rope_type": "linear", "factor": 4.0}, tie_word_embeddings=True
    )
    computes_the_same("Llama, linear positions, tied", *prune(linear, "linear-deci", *DIFFERING), "deci")
    window = sentence_piece_checkpoint("mistral-window", random / "window")
    out, file = prune(window, "window-deci", *DIFFERING)
    found = load(file).metadata["deci.context_length"]
    check("a sliding window bounds the context", found == "20", found)
    refusals(qwen3, random)


def refusals(qwen3, random):
    """Each ends with status 2 and a sentence, before anything is pruned."""
    def refused(claim, model, options, *words):
        out = WORK / "refused"
        said = slimgpt(
            "prune", model, "--out", out, "--format", "gguf", "--calibration", TEXT, "--samples", 8, "--seq-len", 64,
            "--no-session", *options, status=2,
        )
        sentence = said.strip().splitlines()[-1]
        check(f"{claim} is refused", all(word in said for word in words) and not out.exists(), sentence[:160])

    refused("Qwen3 with sizes per layer", qwen3, DIFFERING, "qwen3", "set uniform", "export as hf or padded")
    open_merges = checkpoints.write("llama-grouped", random / "open-merges")
    refused("a SentencePiece-like tokenizer that lacks merges", open_merges, DIFFERING, "never merged", "export as hf or padded")
    cuts = checkpoints.write("llama-multi-head", random / "cuts")
    stored = json.loads((cuts / "tokenizer.json").read_text(encoding="utf-8"))
    stored["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": "[a-z]+|."}
    (cuts / "tokenizer.json").write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")
    refused("a tokenizer with unknown cuts", cuts, DIFFERING, "[a-z]+|.", "export as hf or padded")


def trained():
    """The built-in model, and stories260K where it is at hand."""
    out, file = prune(None, "demo", *DIFFERING)
    computes_the_same("the built-in model", out, file, "deci")
    quantised("the built-in model", None, out, file)
    if STORIES.is_dir():
        out, file = prune(STORIES, "stories", *DIFFERING)
        computes_the_same("stories260K", out, file, "deci")
        quantised("stories260K", STORIES, out, file)
    else:
        print(f"SKIPPED stories260K: {STORIES} is not there; set SLIMGPT_STORIES260K", flush=True)


def quantised(name, model, directory, file, options=DIFFERING, limit=1.03, windows=WINDOWS):
    """The same model in smaller types; `directory` and `file` hold it in f32."""
    tokens, _ = windows_of(directory, windows)
    whole = perplexity(load(file), tokens)
    for kind in ("f16", "q8_0", "q4_k"):
        _, file = prune(model, f"{directory.name}-{kind}", *options, kind=kind)
        found = perplexity(load(file), tokens)
        share = found / whole
        # Rows of the small models divide by no 256: what is asked for as q4_k has no 4 bits there.
        of = " (no row divides by 256: really q8_0)" if kind == "q4_k" and limit == 1.03 else ""
        claim = f"{name} in {kind}{of} has a perplexity within {limit - 1:.0%} of f32's"
        check(claim, 1 / limit < share < limit, f"{found:.3f} and {whole:.3f}, {file.stat().st_size / 1e6:.2f} MB")


def k_quants():
    """A hidden size that 256 divides, so that q4_k is what it says. Random weights have nothing to spare for 4 bits."""
    wide = {"hidden_size": 256, "intermediate_size": 1024, "num_attention_heads": 4, "num_key_value_heads": 2}
    model = checkpoints.write("llama-multi-head", WORK / "random" / "wide", **wide)
    for rounded, options in (("", DIFFERING), (" with --channel-multiple 256", (*DIFFERING, "--channel-multiple", 256))):
        name = "wide" + ("-rounded" if rounded else "")
        out, file = prune(model, name, *options)
        quantised(f"a wide random Llama{rounded}", model, out, file, options, limit=1.10)


def widened(directory):
    """The built-in model with zeros up to rows that 256 divides: trained weights, and the same function."""
    source = Path("assets/demo")
    directory.mkdir(parents=True)
    for file in source.iterdir():
        if file.suffix == ".json":
            (directory / file.name).write_bytes(file.read_bytes())
    config = json.loads((source / "config.json").read_text())
    hidden, channels = config["hidden_size"], config["intermediate_size"]
    heads = config["num_attention_heads"]
    wide = {hidden: 256, channels: 512}
    config.update(hidden_size=256, intermediate_size=512, num_attention_heads=256 // config["head_dim"])
    config.update(num_key_value_heads=config["num_attention_heads"], torch_dtype="float32")
    # The mean square is over more numbers, by zeros: less by this share.
    share = hidden / 256
    config["rms_norm_eps"] *= share
    assert heads * config["head_dim"] == hidden
    tensors = {}
    for name, tensor in load_file(source / "model.safetensors").items():
        tensor = tensor.astype(numpy.float32)
        if "norm" in name:
            tensor = tensor * numpy.float32(share**0.5)
        widths = [(0, wide.get(size, size) - size) for size in tensor.shape]
        tensors[name] = numpy.pad(tensor, widths)
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    (directory / "config.json").write_text(json.dumps(config))
    return directory


def trained_k_quants():
    model = widened(WORK / "widened")
    measured = [
        json.loads(slimgpt("eval", place, "--text", TEXT, "--seq-len", SEQ_LEN, "--json"))["perplexity"]
        for place in ("assets/demo", model)
    ]
    same = abs(measured[1] / measured[0] - 1) < 1e-4
    check("the built-in model widened by zeros is the same function", same, "perplexity {:.6f} and {:.6f}".format(*measured))
    options = ("--ratio", 0)
    out, file = prune(model, "widened-pruned", *options)
    quantised("the built-in model with rows of 256", model, out, file, options, limit=1.02, windows=40)


families()
trained()
k_quants()
trained_k_quants()
if failures:
    sys.exit(f"{len(failures)} failed: " + "; ".join(failures))
print("all good")
