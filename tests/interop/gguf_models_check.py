"""GGUF files as models: the same tokens, logits and perplexity as the directory, and llama.cpp's. Run by gguf_models.sh."""
import json
import os
import sys
from pathlib import Path

import numpy
from gguf import GGUFReader, dequantize
from llama_cpp import Llama
from safetensors.numpy import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

import checkpoints
import closed_merges
from program import TEXT, Claims, Slimgpt

WORK = Path(sys.argv[1])
SMOLLM2 = Path(os.environ["SMOLLM2_GGUF"])
SEQ_LEN, WINDOWS = 64, 3
PROMPT = "The lighthouse keeper"
PAGE = (
    "  Leading blanks, 3 digits: 123, 4: 1234, and 12 345 678.\n\nIt's they'll we'd I'M THEY'RE.\tA tab\t\tand two.\n"
    " \n  Mixed   blanks \n\n\n more\r\nCRLF. Ünïcödé naïve café, ÉTÉ, straße, Ελληνικά, русский, עברית, العربية.\n"
    "日本語のテキスト、漢字かな交じり。中文文本。한국어 텍스트. Emoji: 🙂🚀 🇳🇱 — “quotes” … ½ ² № ™ ≠ ∑\n"
    "code: for(int i=0;i<10;++i){ x[i]+=0x1F; } // ok?!\n\tindented_line = {'a': [1, 2]} #$%^&*()_+|~`\n"
    "Once upon a time there was a fox named Ivy. \"Please,\" said Ivy.\n\nThe end.   "
)
# Tensor names of llama.cpp and of a Hugging Face checkpoint.
NAMES = {
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head", "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}

slimgpt, claims = Slimgpt(WORK), Claims()


def load(file):
    # The cache in f32, as slimgpt computes.
    return Llama(str(file), n_ctx=512, n_batch=256, n_threads=2, logits_all=True, type_k=0, type_v=0, verbose=False)


def logits(llama, tokens):
    llama.reset()
    llama.eval([int(token) for token in tokens])
    return numpy.array(llama.scores[: len(tokens)])


def greedy(llama, tokens, count):
    """The likeliest tokens after these, up to the end of the text."""
    llama.reset()
    llama.eval([int(token) for token in tokens])
    made = []
    while len(made) < count:
        token = int(numpy.argmax(llama.scores[llama.n_tokens - 1]))
        if token == llama.token_eos():
            break
        made.append(token)
        llama.eval([token])
    return made


def pages(directory):
    """A page, and each of its lines by itself, with the special tokens of a directory."""
    special = json.loads((directory / "tokenizer_config.json").read_text())
    named = f"Before {special['eos_token']} between {special['bos_token']}and after"
    return [PAGE, TEXT.read_text(encoding="utf-8")[:5000], named, *PAGE.splitlines(keepends=True)]


def same_tokens(claim, original, found):
    theirs, ours = (Tokenizer.from_file(str(place / "tokenizer.json")) for place in (original, found))
    texts = pages(original)
    differing = [text for text in texts if theirs.encode(text).ids != ours.encode(text).ids]
    decoded = all(theirs.decode(theirs.encode(text).ids) == ours.decode(ours.encode(text).ids) for text in texts)
    claims.holds(f"{claim}: the tokens of a page are those of the original tokenizer.json", differing or "equal", not differing)
    claims.holds(f"{claim}: and they decode to the same text", decoded, decoded)


def rewritten(model, out, *options, kind="f32"):
    """The model unchanged, as a directory and a GGUF file."""
    where, _ = slimgpt.prune(model, out, "--ratio", 0, "--format", "hf,gguf", "--gguf-type", kind, *options)
    (file,) = where.glob("*.gguf")
    return where, file


def families():
    """Every kind of random checkpoint: written as GGUF, opened again, written as a directory again."""
    for kind in checkpoints.KINDS:
        if kind.endswith("-window"):
            # llama.cpp has no sliding window, so a file of such a model ends at the window.
            continue
        model = checkpoints.write(kind, WORK / "random" / kind)
        if kind in ("llama-grouped", "mistral"):
            closed_merges.rewrite(model / "tokenizer.json")
        _, file = rewritten(model, f"{kind}-first")
        tokens, before = slimgpt.logits(model, TEXT, SEQ_LEN, WINDOWS)
        again, after = slimgpt.logits(file, TEXT, SEQ_LEN, WINDOWS)
        claims.equal(f"{kind}: a text gives the same tokens", again.ravel().tolist(), tokens.ravel().tolist())
        claims.below(f"{kind}: logits of the file and of its model", float(numpy.abs(before - after).max()), 1e-5)
        directory, _ = rewritten(file, f"{kind}-second")
        same_tokens(kind, model, directory)


def reference(directory):
    """SmolLM2 with the dequantised numbers in f32, read by the package gguf, and its tokenizer as published."""
    reader = GGUFReader(SMOLLM2)
    get = lambda key: reader.fields[key].contents()
    heads = {"attn_q": int(get("llama.attention.head_count")), "attn_k": int(get("llama.attention.head_count_kv"))}
    tensors = {}
    for tensor in reader.tensors:
        weight = numpy.asarray(dequantize(tensor.data, tensor.tensor_type), dtype=numpy.float32)
        *place, part, kind = tensor.name.split(".")
        if part in heads:
            rows, columns = weight.shape
            weight = weight.reshape(heads[part], rows // heads[part] // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
        prefix = f"model.layers.{place[1]}." if place else ""
        tensors[f"{prefix}{NAMES[part]}.{kind}"] = numpy.ascontiguousarray(weight)
    directory.mkdir()
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "tie_word_embeddings": True,
        "hidden_size": int(get("llama.embedding_length")), "num_hidden_layers": int(get("llama.block_count")),
        "num_attention_heads": heads["attn_q"], "num_key_value_heads": heads["attn_k"],
        "intermediate_size": int(get("llama.feed_forward_length")), "vocab_size": int(get("llama.vocab_size")),
        "max_position_embeddings": int(get("llama.context_length")), "rms_norm_eps": 1e-5,
        "rope_theta": float(get("llama.rope.freq_base")), "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32",
    }
    (directory / "config.json").write_text(json.dumps(config))
    texts, kinds = get("tokenizer.ggml.tokens"), get("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in get("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={text: number for number, text in enumerate(texts)}, merges=merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text, kind in zip(texts, kinds) if kind == 3])
    tokenizer.save(str(directory / "tokenizer.json"))
    special = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "tokenizer_class": "PreTrainedTokenizerFast"}
    (directory / "tokenizer_config.json").write_text(json.dumps(special))
    return directory


def same_as_llama_cpp(name, model, file, bound):
    """The logits of `model` here and of `file` in llama.cpp."""
    tokens, ours = slimgpt.logits(model, TEXT, SEQ_LEN, WINDOWS)
    llama = load(file)
    theirs = numpy.stack([logits(llama, window) for window in tokens])
    spread = float(ours.std())
    apart = float(numpy.sqrt(((theirs - ours) ** 2).mean()) / spread)
    agree = float((theirs.argmax(-1) == ours.argmax(-1)).mean())
    largest = float(numpy.abs(theirs - ours).max())
    claim = f"{name}: root mean square of the differences to llama.cpp, of the spread {spread:.2f}"
    claims.holds(claim, f"{apart:.1e} (below {bound:g}), at most {largest:.1e}, likeliest tokens equal {agree:.1%}", apart < bound)
    return llama


def smollm2():
    plain = reference(WORK / "reference")
    perplexities = [slimgpt.perplexity(model, TEXT, 256) for model in (plain, SMOLLM2)]
    same = abs(perplexities[1] / perplexities[0] - 1) < 5e-5
    claims.holds("SmolLM2: perplexity of the file and of its dequantised safetensors, to 4 digits", perplexities, same)
    inspected = json.loads(slimgpt.run("inspect", SMOLLM2, "--json"))
    claims.equal("SmolLM2: inspect names the stored types", [inspected["weights"], inspected["quantised"]], ["f32, q4_1, q8_0", True])
    whole, f32 = rewritten(SMOLLM2, "smollm2-whole")
    same_tokens("SmolLM2", plain, whole)
    # In f32 the sums alone differ; in Q4_1 llama.cpp also rounds the activations to 8 bits.
    same_as_llama_cpp("SmolLM2, weights in f32", SMOLLM2, f32, 1e-4)
    llama = same_as_llama_cpp("SmolLM2, weights in Q4_1", SMOLLM2, SMOLLM2, 0.1)
    tokenizer = Tokenizer.from_file(str(whole / "tokenizer.json"))
    differing = [text for text in pages(plain) if tokenizer.encode(text).ids != llama.tokenize(text.encode(), special=True)]
    claims.holds("SmolLM2: llama.cpp gives the same tokens", differing or "equal", not differing)

    out, record = slimgpt.prune(SMOLLM2, "smollm2-pruned", "--ratio", 0.2, "--format", "hf,gguf", "--gguf-type", "q8_0")
    claims.equal("SmolLM2: run.json names the quantised types", record["model"]["quantised"], ["q4_1", "q8_0"])
    before, after = record["model"]["parameters_before"], record["model"]["parameters_after"]
    (file,) = out.glob("*.gguf")
    llama = same_as_llama_cpp(f"SmolLM2 pruned by 20 % ({before} to {after} parameters), q8_0", file, file, 0.1)
    prompt, ours = slimgpt.generate(file, PROMPT, 24)
    theirs = greedy(llama, prompt, 24)
    shared = next((at for at, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    text = llama.detokenize(theirs).decode("utf-8", "replace")
    claims.holds("SmolLM2 pruned: llama.cpp continues a prompt", f"{PROMPT}{text!r}, {shared} of {len(ours)} tokens as here", len(theirs) > 0)


families()
smollm2()
sys.exit(claims.end())
