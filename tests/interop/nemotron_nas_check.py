"""Checks directories of --format nemotron-nas: mlx-lm computes the same logits, transformers reads the configuration."""
import json
import os
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import numpy
from mlx_lm.utils import load_model
from transformers import AutoConfig

import checkpoints
from program import TEXT, Claims, Slimgpt

WIDTH = 1280
# The largest difference of logits of about 2.
TOLERANCE = 1e-4
# Layers without attention, without FFN, and without both.
ABSENT = {"1": {"skip": ["attention"]}, "2": {"skip": ["mlp"]}, "3": {"skip": ["attention", "mlp"]}}
KINDS = {
    "llama-grouped": {},
    "llama-biased": {"attention_bias": False, "mlp_bias": False, "num_hidden_layers": 6, "per_layer_config": ABSENT},
    "llama-multi-head": {"rope_scaling": checkpoints.LLAMA3_POSITIONS},
    "mistral": {"head_dim": 8, "tie_word_embeddings": True},
}


def check(kind, keys, slimgpt, claims):
    model = checkpoints.write(kind, slimgpt.work / kind, intermediate_size=WIDTH, **keys)
    out, record = slimgpt.prune(model, f"{kind}-portable", "--portable", "--ratio", 0.4, "--schedule", "linear")
    widths = [len(layer["mlp"]["kept"]) for layer in record["layers"]]
    heads = [len(layer["attention"]["kept"]) for layer in record["layers"]]
    claims.holds(f"{kind}: several widths", widths, len(set(widths)) > 1 and all(width % 256 == 0 for width in widths))

    tokens, expected = slimgpt.logits(out, TEXT, 64, 2)
    loaded, config = load_model(out)
    found = numpy.array(loaded(mx.array(tokens)))
    claims.below(f"{kind}: logits in mlx-lm", float(numpy.abs(found - expected).max()), TOLERANCE)
    in_mlx = [block.mlp.gate_proj.weight.shape[0] if block.mlp else 0 for block in loaded.layers]
    claims.equal(f"{kind}: widths in mlx-lm", in_mlx, widths)

    read = AutoConfig.from_pretrained(out, trust_remote_code=True)
    blocks = read.block_configs
    claims.holds(f"{kind}: transformers reads the class", type(read).__name__, type(read).__name__ == "DeciLMConfig")
    multipliers = [block.ffn.ffn_mult or 0 for block in blocks]
    engine = [-(-int(2 * multiplier * read.hidden_size / 3) // 256) * 256 for multiplier in multipliers]
    claims.equal(f"{kind}: widths as vLLM and SGLang compute them", engine, widths)
    claims.equal(f"{kind}: blocks without attention", [block.attention.no_op for block in blocks], [count == 0 for count in heads])
    claims.equal(f"{kind}: blocks without FFN", [block.ffn.no_op for block in blocks], [width == 0 for width in widths])
    written = slimgpt.work / f"{kind}-config"
    read.save_pretrained(written)
    saved = json.loads((written / "config.json").read_text())["block_configs"]
    claims.holds(f"{kind}: the configuration is saved again", "block_configs", saved == json.loads(json.dumps(blocks)))

    if converter := os.environ.get("CONVERTER"):
        convert(kind, out, Path(converter), slimgpt, claims)


def convert(kind, out, converter, slimgpt, claims):
    """llama.cpp's converter needs a tokenizer of Llama 2 or Llama 3."""
    if kind == "llama-multi-head":
        return
    file = slimgpt.work / f"{kind}.gguf"
    python = os.environ.get("CONVERTER_PYTHON", sys.executable)
    command = [python, converter, out, "--outfile", file, "--outtype", "f32"]
    environment = os.environ | {"PYTHONPATH": str(converter.parent / "gguf-py")}
    ran = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    claims.holds(f"{kind}: llama.cpp's converter", f"exit code {ran.returncode}", ran.returncode == 0)
    if ran.returncode != 0:
        print(ran.stderr[-2000:])
        return
    tokens, expected = slimgpt.logits(out, TEXT, 64, 1)
    _, found = slimgpt.logits(file, TEXT, 64, 1)
    claims.below(f"{kind}: logits of the converted file", float(numpy.abs(found - expected).max()), TOLERANCE)
    if python := os.environ.get("LLAMA_CPP_PYTHON"):
        numpy.savez(slimgpt.work / "expected.npz", tokens=tokens[0], logits=expected[0])
        script = Path(__file__).with_name("nemotron_nas_llama.py")
        ran = subprocess.run([python, script, file, slimgpt.work / "expected.npz"], capture_output=True, text=True)
        found = float(ran.stdout.split()[-1]) if ran.returncode == 0 else float("inf")
        # llama.cpp keeps keys and values in f16.
        claims.below(f"{kind}: logits in llama.cpp", found, 0.05)


def main(work):
    slimgpt, claims = Slimgpt(work), Claims()
    for kind, keys in KINDS.items():
        check(kind, keys, slimgpt, claims)
    return claims.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
