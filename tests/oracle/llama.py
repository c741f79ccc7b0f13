"""A Hugging Face Llama, Mistral, Qwen2 or Qwen3 checkpoint and its forward pass, in float64 NumPy."""
import json
import math

import numpy as np

NUMPY_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def read_safetensors(path):
    """{name: (storage dtype, float64 array)}; read by hand because NumPy has no bfloat16."""
    raw = np.memmap(path, np.uint8, "r")
    start = 8 + int(raw[:8].view("<u8")[0])
    tensors = {}
    for name, info in json.loads(bytes(raw[8:start])).items():
        if name == "__metadata__" or info["dtype"] not in NUMPY_TYPES:
            continue
        begin, end = (start + offset for offset in info["data_offsets"])
        values = np.frombuffer(raw[begin:end].tobytes(), NUMPY_TYPES[info["dtype"]]).reshape(info["shape"])
        if info["dtype"] == "BF16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = (info["dtype"], values.astype(np.float64))
    return tensors


def round_to(dtype, w):
    """The float64 values that are left after storing w as `dtype` (nearest, ties to even)."""
    if dtype == "BF16":
        bits = w.astype(np.float32).view(np.uint32).astype(np.uint64)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16
        return bits.astype(np.uint32).view(np.float32).astype(np.float64)
    return w.astype(NUMPY_TYPES[dtype]).astype(np.float64)


def inverse_frequencies(config, head_dim):
    """RoPE frequencies [head_dim / 2], with the scaling that config.json asks for."""
    scaling = config.get("rope_scaling") or config.get("rope_parameters") or {}
    theta = config.get("rope_theta") or scaling.get("rope_theta") or 10000.0
    freq = theta ** -(np.arange(0, head_dim, 2) / head_dim)
    kind = scaling.get("rope_type") or scaling.get("type") or "default"
    if kind == "linear":
        freq = freq / scaling["factor"]
    elif kind == "llama3":
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        turns = scaling["original_max_position_embeddings"] * freq / (2 * math.pi)
        keep = np.clip((turns - low) / (high - low), 0, 1)  # 1: unchanged, 0: slowed by the whole factor
        freq = keep * freq + (1 - keep) * freq / scaling["factor"]
    elif kind != "default":
        raise ValueError(f"config.json asks for RoPE scaling {kind!r}; this oracle knows linear and llama3")
    return freq


class Model:
    """A checkpoint and its forward pass; `layers[i][name]` are the float64 weights of block i."""

    def __init__(self, directory):
        self.config = config = json.loads((directory / "config.json").read_text())
        self.family = config["model_type"]
        if config.get("hidden_act", "silu") != "silu":
            raise ValueError(f"config.json has hidden_act {config['hidden_act']!r}; this oracle knows silu")
        if config.get("partial_rotary_factor", 1.0) != 1.0:
            sys.exit("config.json has a partial_rotary_factor; this oracle turns whole heads")
        tensors = {}
        for shard in sorted(directory.glob("*.safetensors")):
            if shard.name != "calibration.safetensors":
                tensors.update(read_safetensors(shard))
        head_dim = config.get("head_dim") or (128 if self.family == "qwen3" else None)
        self.head_dim = head_dim or config["hidden_size"] // config["num_attention_heads"]
        self.eps = config.get("rms_norm_eps", 1e-6)
        self.frequencies = inverse_frequencies(config, self.head_dim)
        self.embeddings = tensors["model.embed_tokens.weight"][1]
        tied = config.get("tie_word_embeddings", False) or "lm_head.weight" not in tensors
        self.head = self.embeddings if tied else tensors["lm_head.weight"][1]
        self.norm = tensors["model.norm.weight"][1]
        self.layers, self.storage = [], []
        for i in range(config["num_hidden_layers"]):
            prefix = f"model.layers.{i}."
            block = {k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)}
            self.layers.append({k: v for k, (_, v) in block.items()})
            self.storage.append({k: dtype for k, (dtype, _) in block.items()})

    def heads(self, i):
        """(query heads, KV heads) of block i, from the shapes, which may differ between blocks."""
        shape = [self.layers[i][f"self_attn.{p}_proj.weight"].shape[0] // self.head_dim for p in "qk"]
        return shape[0], shape[1]

    def window(self, i):
        """Number of positions that block i looks back at, itself included; None: all."""
        size, config = self.config.get("sliding_window", 4096 if self.family == "mistral" else None), self.config
        if self.family.startswith("qwen") and not config.get("use_sliding_window", False):
            return None
        if config.get("layer_types"):
            return size if config["layer_types"][i] == "sliding_attention" else None
        if self.family.startswith("qwen"):
            return size if i >= config.get("max_window_layers", 28) else None
        return size if self.family == "mistral" else None

    def rms_norm(self, x, weight):
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.eps) * weight

    def linear(self, i, name, x):
        y = x @ self.layers[i][f"{name}.weight"].T
        bias = self.layers[i].get(f"{name}.bias")
        return y if bias is None else y + bias

    def attention_inputs(self, i, h):
        """What o_proj of block i is fed: h [windows, L, hidden] -> [windows, L, heads * head_dim]."""
        b, length, _ = h.shape
        x = self.rms_norm(h, self.layers[i]["input_layernorm.weight"])
        n_heads, n_kv = self.heads(i)
        angle = np.arange(length)[:, None] * self.frequencies
        cos, sin = (np.concatenate([f(angle)] * 2, axis=1) for f in (np.cos, np.sin))

        def split(projection, heads, rotate):
            y = self.linear(i, f"self_attn.{projection}_proj", x).reshape(b, length, heads, self.head_dim)
            norm = self.layers[i].get(f"self_attn.{projection}_norm.weight")
            y = (y if norm is None else self.rms_norm(y, norm)).transpose(0, 2, 1, 3)
            if not rotate:
                return y
            half = self.head_dim // 2
            return y * cos + np.concatenate([-y[..., half:], y[..., :half]], axis=-1) * sin

        q = split("q", n_heads, True).reshape(b, n_kv, n_heads // n_kv, length, self.head_dim)
        k, v = split("k", n_kv, True)[:, :, None], split("v", n_kv, False)[:, :, None]
        back = np.arange(length)[:, None] - np.arange(length)
        window = self.window(i)
        hidden = (back < 0) | ((back >= window) if window else False)
        a = q / math.sqrt(self.head_dim) @ k.swapaxes(-1, -2)
        a += np.where(hidden, -np.inf, 0.0)
        a -= a.max(axis=-1, keepdims=True)
        np.exp(a, out=a)
        context = a @ v / a.sum(axis=-1, keepdims=True)
        return context.reshape(b, n_heads, length, self.head_dim).transpose(0, 2, 1, 3).reshape(b, length, -1)

    def mlp_inputs(self, i, h):
        """What down_proj of block i is fed: [windows, L, hidden] -> [windows, L, d_ff]."""
        x = self.rms_norm(h, self.layers[i]["post_attention_layernorm.weight"])
        gate = self.linear(i, "mlp.gate_proj", x)
        return gate / (1 + np.exp(-gate)) * self.linear(i, "mlp.up_proj", x)

    def batches(self, count, length):
        """Slices of the windows; the attention scores of a batch stay near 16 MB."""
        n_heads = max(self.heads(i)[0] for i in range(len(self.layers)))
        size = max(1, int(2e6 / (n_heads * length * length)))
        return [slice(s, s + size) for s in range(0, count, size)]

    def inputs(self, i, part, h):
        forward = self.attention_inputs if part == "attention" else self.mlp_inputs
        return np.concatenate([forward(i, h[s]) for s in self.batches(*h.shape[:2])])

    def perplexity(self, windows, bos=None):
        """exp of the mean negative log-likelihood of tokens 2..L of the windows [count, L]."""
        total, lead = 0.0, 0 if bos is None else 1
        for s in self.batches(*windows.shape):
            tokens = windows[s]
            fed = tokens if bos is None else np.insert(tokens, 0, bos, axis=1)
            h = self.embeddings[fed]
            for i in range(len(self.layers)):
                h = h + self.linear(i, "self_attn.o_proj", self.attention_inputs(i, h))
                h = h + self.linear(i, "mlp.down_proj", self.mlp_inputs(i, h))
            logits = self.rms_norm(h[:, lead:-1], self.norm) @ self.head.T
            logits -= logits.max(axis=-1, keepdims=True)
            told = np.take_along_axis(logits, tokens[:, 1:, None], axis=-1)
            total += np.sum(np.log(np.exp(logits).sum(axis=-1))) - told.sum()
        return math.exp(total / (windows.shape[0] * (windows.shape[1] - 1)))
