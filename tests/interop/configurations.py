"""Configurations of every family and every form of rotary positions, made by the classes of transformers."""
import json

import torch
import transformers

import checkpoints
import vocabularies

COMMON = {
    "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 4,
    "max_position_embeddings": 256, "initializer_range": 0.15, "pad_token_id": None,
}
CLASSES = {
    "llama": transformers.LlamaConfig, "mistral": transformers.MistralConfig, "ministral": transformers.MinistralConfig, "qwen2": transformers.Qwen2Config,
    "qwen3": transformers.Qwen3Config, "smollm3": transformers.SmolLM3Config, "granite": transformers.GraniteConfig,
    "olmo2": transformers.Olmo2Config, "phi3": transformers.Phi3Config, "gemma2": transformers.Gemma2Config,
    "gemma3": transformers.Gemma3TextConfig,
}
# What a family needs beyond COMMON to be small and to show its differences.
OWN = {
    "ministral": {"head_dim": 8},
    "qwen3": {"head_dim": 16},
    "granite": {"embedding_multiplier": 6.0, "attention_multiplier": 0.2, "residual_multiplier": 0.4, "logits_scaling": 3.0},
    "gemma2": {"head_dim": 8, "query_pre_attn_scalar": 12, "sliding_window": 20, "attn_logit_softcapping": 4.0,
               "final_logit_softcapping": 6.0},
    "gemma3": {"head_dim": 8, "query_pre_attn_scalar": 12, "sliding_window": 20, "sliding_window_pattern": 3},
}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
SHORT, LONG = [1.0, 1.1, 1.3, 1.6], [2.0, 3.0, 5.0, 9.0]
LONGROPE = {"rope_type": "longrope", "short_factor": SHORT, "long_factor": LONG, "original_max_position_embeddings": 128}
LONGROPE_OF_PHI3 = {key: value for key, value in LONGROPE.items() if key != "rope_type"} | {"type": "su"}
ALTERNATING = ["sliding_attention", "full_attention"] * 2


def scaled(parameters, theta=10000.0):
    return {"rope_parameters": parameters | {"rope_theta": theta}}


def every_scaling(family, theta):
    """Each kind of scaling that the family shares with LLaMA."""
    kinds = {
        "linear": {"rope_type": "linear", "factor": 4.0},
        "dynamic": {"rope_type": "dynamic", "factor": 4.0},
        "llama3": LLAMA3,
        "yarn": YARN,
        "longrope": LONGROPE,
    }
    if family == "qwen3":
        kinds["longrope"] = LONGROPE | {"short_factor": SHORT * 2, "long_factor": LONG * 2}
    return [(family, f"{name} positions", scaled(kind, theta)) for name, kind in kinds.items()]


# (family, what, keys of the configuration class, change of the saved config.json)
LIST = [
    ("llama", "grouped queries", {}),
    ("llama", "as many key-value heads as heads", {"num_key_value_heads": 8}),
    ("llama", "one key-value head", {"num_key_value_heads": 1}),
    ("llama", "biases of attention and FFN", {"attention_bias": True, "mlp_bias": True}),
    ("llama", "the embedding as head", {"tie_word_embeddings": True}),
    ("llama", "heads wider than the quotient", {"head_dim": 16}),
    ("llama", "a tanh GELU", {"hidden_act": "gelu_pytorch_tanh"}),
    ("llama", "another epsilon and base", {"rms_norm_eps": 1e-3} | scaled({"rope_type": "default"}, 500.0)),
    *every_scaling("llama", 10000.0),
    ("llama", "yarn with its own factors", scaled(YARN | {"beta_fast": 20.0, "beta_slow": 2.0, "attention_factor": 1.1})),
    ("llama", "yarn by mscale, not truncated", scaled(YARN | {"mscale": 0.7, "mscale_all_dim": 0.3, "truncate": False})),
    ("llama", "longrope with a factor", scaled(LONGROPE | {"factor": 3.0})),
    ("llama", "longrope with an attention factor", scaled(LONGROPE | {"attention_factor": 1.3})),
    ("llama", "rope_theta and rope_scaling", {}, lambda c: older(c, 5000.0, {"type": "linear", "factor": 2.0})),
    ("llama", "rope_scaling of llama3", {}, lambda c: older(c, 5000.0, LLAMA3)),
    ("llama", "rope_scaling beside rope_parameters", scaled({"rope_type": "default"}, 700.0),
     lambda c: c.update(rope_scaling={"type": "linear", "factor": 4.0})),
    ("llama", "rope_scaling and rope_theta beside rope_parameters", scaled({"rope_type": "default"}, 700.0),
     lambda c: c.update(rope_scaling={"rope_type": "yarn", "factor": 4.0}, rope_theta=900.0)),
    ("llama", "rope_scaling without a type", {}, lambda c: c.update(rope_scaling={"factor": 4.0})),
    ("llama", "an empty rope_scaling", scaled({"rope_type": "default"}, 700.0), lambda c: c.update(rope_scaling={})),
    ("llama", "rope_parameters and another rope_theta", scaled({"rope_type": "default"}, 700.0),
     lambda c: c.update(rope_theta=900.0)),
    ("llama", "the original context beside rope_parameters", scaled(YARN),
     lambda c: c.update(original_max_position_embeddings=32)),
    ("llama", "a partial_rotary_factor, which it ignores", {}, lambda c: c.update(partial_rotary_factor=0.5)),
    ("llama", "no key with a default", {"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "num_key_value_heads": 8},
     lambda c: forget(c, "max_position_embeddings", "rms_norm_eps", "num_key_value_heads", "head_dim", "rope_parameters",
                      "hidden_act", "attention_bias", "mlp_bias", "tie_word_embeddings", "bos_token_id", "eos_token_id")),
    ("mistral", "a window of its default", {}),
    ("mistral", "a short window", {"sliding_window": 20}),
    ("mistral", "no window", {"sliding_window": None}),
    ("mistral", "alternating windows", {"sliding_window": 20}, lambda c: c.update(layer_types=ALTERNATING)),
    ("ministral", "listed windows", {"sliding_window": 20, "layer_types": ALTERNATING}),
    ("mistral", "no sliding_window key", {}, lambda c: forget(c, "sliding_window")),
    *every_scaling("mistral", 1000000.0)[2:],
    ("qwen2", "no window", {}),
    ("qwen2", "a window in the upper layers", {"use_sliding_window": True, "sliding_window": 20, "max_window_layers": 2}),
    ("qwen2", "alternating windows", {"use_sliding_window": True, "sliding_window": 20, "layer_types": ALTERNATING}),
    ("qwen2", "the embedding as head", {"tie_word_embeddings": True}),
    *every_scaling("qwen2", 1000000.0)[:1],
    *every_scaling("qwen2", 1000000.0)[3:],
    ("qwen3", "no window", {}),
    ("qwen3", "alternating windows", {"use_sliding_window": True, "sliding_window": 20, "layer_types": ALTERNATING}),
    ("qwen3", "biases", {"attention_bias": True}),
    *every_scaling("qwen3", 1000000.0)[3:],
    ("smollm3", "every fourth layer without positions", {}),
    ("smollm3", "alternating layers without positions", {"no_rope_layers": [1, 0, 1, 0]}),
    ("smollm3", "windows in the layers without positions",
     {"no_rope_layer_interval": 2, "use_sliding_window": True, "sliding_window": 20}),
    ("smollm3", "an output head of its own", {"tie_word_embeddings": False, "attention_bias": True, "mlp_bias": True}),
    ("smollm3", "yarn positions", scaled(YARN, 2000000.0)),
    ("granite", "all multipliers", {}),
    ("granite", "no multipliers", {key: 1.0 for key in OWN["granite"]}),
    ("granite", "biases and the embedding as head", {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True}),
    ("granite", "linear positions", scaled({"rope_type": "linear", "factor": 4.0})),
    ("olmo2", "grouped queries", {}),
    ("olmo2", "as many key-value heads as heads", {"num_key_value_heads": 8}),
    ("olmo2", "biases", {"attention_bias": True}),
    ("olmo2", "yarn positions", scaled(YARN, 500000.0)),
    ("phi3", "grouped queries", {}),
    ("phi3", "as many key-value heads as heads, and a window", {"num_key_value_heads": 8, "sliding_window": 20}),
    ("phi3", "half of each head rotated", scaled({"rope_type": "default", "partial_rotary_factor": 0.5})),
    ("phi3", "longrope positions", {"original_max_position_embeddings": 128} | scaled(LONGROPE)),
    ("phi3", "longrope, half of each head rotated", {"original_max_position_embeddings": 128} | scaled(
        LONGROPE | {"short_factor": SHORT[:2], "long_factor": LONG[:2], "partial_rotary_factor": 0.5})),
    ("phi3", "rope_scaling of type su", {"original_max_position_embeddings": 128},
     lambda c: older(c, 10000.0, LONGROPE_OF_PHI3)),
    ("gemma2", "alternating windows and caps", {}),
    ("gemma2", "no caps", {"attn_logit_softcapping": None, "final_logit_softcapping": None}),
    ("gemma2", "listed windows and a head of its own",
     {"tie_word_embeddings": False, "layer_types": ["full_attention", "sliding_attention"] * 2}),
    ("gemma3", "a base of its own in windowed layers", {}),
    ("gemma3", "scaled positions in layers without a window", {},
     lambda c: older(c, 800.0, {"rope_type": "linear", "factor": 8.0}, rope_local_base_freq=90.0)),
    ("gemma3", "a cap of logits", {"final_logit_softcapping": 5.0}),
]


def older(config, theta, scaling, **more):
    """States positions as transformers 4 does."""
    config.pop("rope_parameters", None)
    config.update(rope_theta=theta, rope_scaling=scaling, **more)


def forget(config, *keys):
    for key in keys:
        config.pop(key, None)


def model(family, keys, seed=0):
    """A random model of a family, in which every part matters."""
    torch.manual_seed(seed)
    keys = COMMON | {"vocab_size": tokenizer().get_vocab_size(), "bos_token_id": 1, "eos_token_id": 2} | OWN.get(family, {}) | keys
    made = transformers.AutoModelForCausalLM.from_config(CLASSES[family](**keys), attn_implementation="eager")
    for name, weight in made.named_parameters():
        if "norm" in name:
            # Gemma stores the difference from one.
            middle = 0.0 if family.startswith("gemma") else 1.0
            weight.data.uniform_(middle - 0.5, middle + 0.5)
        elif name.endswith("bias"):
            weight.data.normal_(0, 0.3)
    return made


def write(family, keys, change, directory):
    """Saves a model with its tokenizer, and changes the configuration that was saved."""
    model(family, keys).save_pretrained(directory)
    tokenizer().save(str(directory / "tokenizer.json"))
    if change:
        path = directory / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        change(config)
        path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    return directory


_TOKENIZER = []


def tokenizer():
    if not _TOKENIZER:
        lines = checkpoints.TEXT.read_text(encoding="utf-8").splitlines()
        _TOKENIZER.append(vocabularies.byte_level(lines, 448, vocabularies.LLAMA3, ["<|begin|>", "<|end|>"]))
    return _TOKENIZER[0]
