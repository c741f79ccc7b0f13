"""Gradients of tiny models of every family by PyTorch's autograd, in float64: makes tests/fixtures/gradients.json.

    ~/.cache/slimgpt-ci/interop/bin/python tests/interop/gradients.py

Weights are given by a formula, so the file holds configurations, tokens, labels and gradients alone. `--check` computes the
gradients again and compares them with the file.
"""
import json
import pathlib
import sys
import tempfile

import numpy
import torch
import transformers

FILE = pathlib.Path(__file__).parents[1] / "fixtures" / "gradients.json"
COMMON = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "vocab_size": 40, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 64, "hidden_act": "silu",
    "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None,
}
NO_WINDOW = {"sliding_window": None, "use_sliding_window": False}
# Name, model_type, and what the family needs to show its differences.
MODELS = [
    ("llama", "llama", {}),
    ("llama, biases and a tied head", "llama", {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True}),
    ("llama, one key-value head", "llama", {"num_key_value_heads": 1, "head_dim": 8}),
    ("mistral, a short window", "mistral", {"sliding_window": 3, "head_dim": 4}),
    ("ministral", "ministral", {"sliding_window": 3, "head_dim": 4, "layer_types": ["sliding_attention", "full_attention"]}),
    ("qwen2", "qwen2", NO_WINDOW),
    ("qwen3", "qwen3", NO_WINDOW | {"head_dim": 8}),
    ("smollm3", "smollm3", NO_WINDOW | {"no_rope_layer_interval": 2, "no_rope_layers": [1, 0]}),
    ("granite", "granite", {"embedding_multiplier": 3.0, "attention_multiplier": 0.3, "residual_multiplier": 0.5,
                            "logits_scaling": 2.0}),
    ("olmo2", "olmo2", {}),
    ("phi3, half of each head rotated", "phi3", {"partial_rotary_factor": 0.5, "sliding_window": None}),
    ("gemma2", "gemma2", {"head_dim": 8, "query_pre_attn_scalar": 12, "sliding_window": 3, "attn_logit_softcapping": 2.0,
                          "final_logit_softcapping": 3.0, "hidden_activation": "gelu_pytorch_tanh",
                          "tie_word_embeddings": True}),
    ("gemma3", "gemma3_text", {"head_dim": 8, "query_pre_attn_scalar": 12, "sliding_window": 3, "sliding_window_pattern": 2,
                               "rope_local_base_freq": 50.0, "hidden_activation": "gelu_pytorch_tanh",
                               "tie_word_embeddings": True}),
]
FUSED = {"qkv_proj": ["q_proj", "k_proj", "v_proj"], "gate_up_proj": ["gate_proj", "up_proj"]}
WINDOWS, LENGTH = 2, 5


def numbers(name, count):
    """Numbers in [-1, 1) from a name: a hash of the name and the place, exact in every language."""
    mask = numpy.uint64(0xFFFFFFFF)
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    x = (numpy.uint64(seed) + numpy.arange(count, dtype=numpy.uint64) * numpy.uint64(2654435761)) & mask
    for _ in range(2):
        x = ((x ^ (x >> numpy.uint64(16))) * numpy.uint64(0x45D9F3B)) & mask
    x ^= x >> numpy.uint64(16)
    return x.astype(numpy.float64) / 2**31 - 1


def short(x):
    return float(f"{x:.7g}")


def weight(name, shape):
    middle, spread = 0.0, 2 / shape[-1] ** 0.5
    if "norm" in name:
        middle, spread = 1.0, 0.5
    elif name.endswith("bias"):
        spread = 0.5
    elif "embed" in name:
        spread = 1.0
    values = (middle + spread * numbers(name, int(numpy.prod(shape)))).astype(numpy.float32)
    return torch.tensor(values.reshape(shape), dtype=torch.float64)


def parts_of(name, shape, config):
    """The tensors that a stored tensor consists of: (name, shape) each."""
    for fused, parts in FUSED.items():
        if fused in name:
            head_dim = config.hidden_size // config.num_attention_heads
            rows = {"q_proj": config.num_attention_heads * head_dim, "k_proj": config.num_key_value_heads * head_dim,
                    "v_proj": config.num_key_value_heads * head_dim}
            return [(name.replace(fused, part), [rows.get(part, config.intermediate_size), *shape[1:]]) for part in parts]
    return [(name, list(shape))]


def load(model_type, keys):
    stored = COMMON | {"model_type": model_type} | keys
    with tempfile.TemporaryDirectory() as directory:
        (pathlib.Path(directory) / "config.json").write_text(json.dumps(stored))
        config = transformers.AutoConfig.from_pretrained(directory)
    config._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config).double().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parts = [weight(*part) for part in parts_of(name, parameter.shape, config)]
            parameter.copy_(torch.cat(parts))
    return stored, config, model


def gradients(model_type, keys):
    stored, config, model = load(model_type, keys)
    vocab, count = config.vocab_size, WINDOWS * LENGTH
    tokens = [int((x + 1) / 2 * vocab) for x in numbers("tokens", count)]
    drawn = [int((x + 1) / 2 * vocab) for x in numbers("labels", count)]
    rows = [tokens[start:start + LENGTH] for start in range(0, count, LENGTH)]
    following = [label for row in rows for label in row[1:] + [None]]
    result = {"config": stored, "windows": rows, "draws": []}
    for labels in [drawn, following]:
        seen = {}

        def keep(name):
            def hook(_module, _inputs, output):
                output.retain_grad()
                seen[name] = output
            return hook

        def keep_input(_module, inputs):
            inputs[0].retain_grad()
            seen["input"] = inputs[0]

        handles = [model.model.layers[0].register_forward_pre_hook(keep_input)]
        for layer, block in enumerate(model.model.layers):
            handles.append(block.self_attn.o_proj.register_forward_hook(keep(f"attention.{layer}")))
            handles.append(block.mlp.down_proj.register_forward_hook(keep(f"mlp.{layer}")))
        model.zero_grad()
        logits = model(torch.tensor(rows), use_cache=False).logits.reshape(count, vocab)
        target = torch.tensor([-100 if label is None else label for label in labels])
        loss = torch.nn.functional.cross_entropy(logits, target, ignore_index=-100, reduction="sum")
        loss.backward()
        for handle in handles:
            handle.remove()
        # The second draw shows that draws do not mix; one place is enough for that.
        kept = seen if labels is drawn else {"input": seen["input"]}
        places = {name: [short(x) for x in output.grad.flatten()] for name, output in kept.items()}
        weights = {}
        for name, parameter in model.named_parameters():
            if ".layers." not in name:
                continue
            start = 0
            for part, shape in parts_of(name, parameter.shape, config):
                of_part = parameter.grad[start:start + shape[0]].flatten()
                start += shape[0]
                along = torch.tensor(numbers(part + " along", of_part.numel()))
                weights[part] = [short(of_part.norm()), short(of_part @ along)]
        result["draws"].append({"labels": labels, "loss": short(loss), "places": places, "weights": weights})
    return result


def differences(found, expected, path=""):
    if isinstance(expected, dict):
        for key in expected.keys() | found.keys():
            yield from differences(found[key], expected[key], f"{path}/{key}")
    elif isinstance(expected, list):
        for index, (a, b) in enumerate(zip(found, expected, strict=True)):
            yield from differences(a, b, f"{path}/{index}")
    elif isinstance(expected, float):
        if abs(found - expected) > 1e-5 * max(1.0, abs(expected)):
            yield f"{path}: {found} is not {expected}"
    elif found != expected:
        yield f"{path}: {found} is not {expected}"


def main():
    found = {name: gradients(model_type, keys) for name, model_type, keys in MODELS}
    if "--check" not in sys.argv:
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(model)}" for name, model in found.items())
        FILE.write_text("{\n" + lines + "\n}\n")
        print(f"{FILE}: {len(found)} models, {FILE.stat().st_size} bytes")
        return 0
    wrong = list(differences(found, json.loads(FILE.read_text())))
    print("\n".join(wrong[:20]) or f"{len(found)} models have the gradients of {FILE.name}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
