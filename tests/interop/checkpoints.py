"""Tiny random checkpoints of every family, as a publisher would lay them out. Needs numpy, safetensors and tokenizers."""
import json
from pathlib import Path

import numpy
from safetensors.numpy import save_file

import vocabularies

ROOT = Path(__file__).resolve().parents[2]
TEXT = ROOT / "assets/demo/held_out.txt"
VOCABULARY = 448

COMMON = {
    "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 4, "num_attention_heads": 8,
    "num_key_value_heads": 4, "rms_norm_eps": 1e-5, "max_position_embeddings": 512, "hidden_act": "silu",
    "initializer_range": 0.02, "use_cache": True, "tie_word_embeddings": False, "attention_dropout": 0.0,
}
LLAMA = {"model_type": "llama", "rope_theta": 10000.0, "rope_scaling": None, "attention_bias": False, "mlp_bias": False,
         "pretraining_tp": 1, "torch_dtype": "float32"}
QWEN2 = {"model_type": "qwen2", "rope_theta": 1000000.0, "torch_dtype": "float32", "tie_word_embeddings": True,
         "use_sliding_window": False, "sliding_window": 512, "max_window_layers": 4}
MISTRAL = {"model_type": "mistral", "head_dim": 16, "rope_theta": 10000.0, "sliding_window": None,
           "torch_dtype": "float32"}
LLAMA3_POSITIONS = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 64}

# What each kind of checkpoint says beyond COMMON. Qwen3 spells its keys as transformers 5 does, the others as 4 does.
KINDS = {
    "llama-grouped": LLAMA,
    "llama-multi-head": LLAMA | {"num_key_value_heads": 8},
    "llama-biased": LLAMA | {"attention_bias": True, "mlp_bias": True, "rope_scaling": LLAMA3_POSITIONS},
    "mistral": MISTRAL,
    "mistral-window": MISTRAL | {"sliding_window": 20},
    "qwen2": QWEN2,
    "qwen2-window": QWEN2 | {"use_sliding_window": True, "sliding_window": 20, "max_window_layers": 2},
    "qwen3": {
        "model_type": "qwen3", "head_dim": 16, "attention_bias": False, "use_sliding_window": False,
        "sliding_window": None, "max_window_layers": 4, "layer_types": ["full_attention"] * 4, "dtype": "float32",
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
    },
}
CLASSES = {"llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM",
           "qwen3": "Qwen3ForCausalLM"}


def write(kind, directory, seed=0, **keys):
    """Writes a checkpoint of one of KINDS into a new directory, with these keys of its configuration changed."""
    directory = Path(directory)
    directory.mkdir(parents=True)
    config = COMMON | KINDS[kind] | keys
    tokenizer, begin, end = vocabulary(kind)
    config["architectures"] = [CLASSES[config["model_type"]]]
    config["vocab_size"] = tokenizer.get_vocab_size()
    config["bos_token_id"], config["eos_token_id"] = tokenizer.token_to_id(begin), tokenizer.token_to_id(end)

    def put(name, value):
        (directory / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")

    put("config.json", config)
    put("generation_config.json", {key: config[key] for key in ("bos_token_id", "eos_token_id")})
    put("special_tokens_map.json", {"bos_token": begin, "eos_token": end, "pad_token": end})
    put("tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": begin, "eos_token": end, "pad_token": end,
        "model_max_length": config["max_position_embeddings"], "clean_up_tokenization_spaces": False,
        "chat_template": "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}",
    })
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "LICENSE").write_text("Random numbers, for everybody.\n", encoding="utf-8")
    (directory / "USE_POLICY.md").write_text("Use them as you like.\n", encoding="utf-8")
    save_file(tensors(config, seed), directory / "model.safetensors", metadata={"format": "pt"})
    return directory


def vocabulary(kind):
    """The tokenizer of a kind of checkpoint, and the names of its tokens for begin and end."""
    lines = TEXT.read_text(encoding="utf-8").splitlines()
    if kind in ("llama-grouped", "mistral", "mistral-window"):
        return vocabularies.sentence_piece(lines, VOCABULARY), "<s>", "</s>"
    begin, end = ("<|im_start|>", "<|endoftext|>") if kind.startswith("qwen") else ("<|begin|>", "<|end|>")
    pattern = vocabularies.QWEN2 if kind.startswith("qwen") else vocabularies.LLAMA3
    return vocabularies.byte_level(lines, VOCABULARY, pattern, [begin, end]), begin, end


def tensors(config, seed):
    """Every tensor of the architecture, of a size that keeps activations around one, so that each part matters."""
    random = numpy.random.default_rng(seed)
    hidden, heads, channels = config["hidden_size"], config["num_attention_heads"], config["intermediate_size"]
    head_dim = config.get("head_dim") or hidden // heads
    queries, keys = heads * head_dim, config["num_key_value_heads"] * head_dim
    family = config["model_type"]
    qkv_bias = family == "qwen2" or config.get("attention_bias", False)
    o_bias, mlp_bias = config.get("attention_bias", False), config.get("mlp_bias", False)
    made = {}

    def matrix(name, rows, columns, scale=1.0, bias=False):
        made[f"{name}.weight"] = random.normal(0, scale / columns**0.5, (rows, columns)).astype(numpy.float32)
        if bias:
            made[f"{name}.bias"] = random.normal(0, 0.3, rows).astype(numpy.float32)

    def norm(name, width):
        made[f"{name}.weight"] = random.uniform(0.5, 1.5, width).astype(numpy.float32)

    matrix("model.embed_tokens", config["vocab_size"], hidden, scale=2.0)
    for layer in range(config["num_hidden_layers"]):
        block = f"model.layers.{layer}"
        norm(f"{block}.input_layernorm", hidden)
        matrix(f"{block}.self_attn.q_proj", queries, hidden, bias=qkv_bias)
        matrix(f"{block}.self_attn.k_proj", keys, hidden, bias=qkv_bias)
        matrix(f"{block}.self_attn.v_proj", keys, hidden, bias=qkv_bias)
        matrix(f"{block}.self_attn.o_proj", hidden, queries, bias=o_bias)
        if family == "qwen3":
            norm(f"{block}.self_attn.q_norm", head_dim)
            norm(f"{block}.self_attn.k_norm", head_dim)
        norm(f"{block}.post_attention_layernorm", hidden)
        matrix(f"{block}.mlp.gate_proj", channels, hidden, bias=mlp_bias)
        matrix(f"{block}.mlp.up_proj", channels, hidden, bias=mlp_bias)
        matrix(f"{block}.mlp.down_proj", hidden, channels, bias=mlp_bias)
    norm("model.norm", hidden)
    if not config["tie_word_embeddings"]:
        matrix("lm_head", config["vocab_size"], hidden, scale=2.0)
    return made
