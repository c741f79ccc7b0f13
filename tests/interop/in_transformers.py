"""What is done with a directory in transformers, 4.57 or 5."""
import numpy
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer


def load(directory, **more):
    """Every weight must be there, and none too many."""
    more.setdefault("dtype", torch.float32)
    model, told = AutoModelForCausalLM.from_pretrained(directory, output_loading_info=True, **more)
    wrong = {key: keys for key, keys in told.items() if keys}
    assert not wrong, f"{directory}: {wrong}"
    return model.eval()


def loads_without_code(directory):
    return load(directory, trust_remote_code=False)


@torch.no_grad()
def logits(model, tokens):
    """tokens: [windows, length] → [windows, length, vocabulary]"""
    return model(torch.from_numpy(tokens)).logits.float().numpy()


def eager_logits(directory, tokens):
    return logits(load(directory, trust_remote_code=True, attn_implementation="eager"), tokens)


@torch.no_grad()
def hidden_logits(directory, with_head, tokens):
    """The logits by way of AutoModel, which knows of no head."""
    model = AutoModel.from_pretrained(directory, trust_remote_code=True, dtype=torch.float32).eval()
    return with_head.lm_head(model(torch.from_numpy(tokens)).last_hidden_state).numpy()


def reloaded(model, directory):
    """Saved by transformers, with its code, and loaded from there."""
    model.save_pretrained(directory)
    return load(directory, trust_remote_code=True)


def largest_difference(a, b):
    assert a.shape == b.shape, f"{a.shape} and {b.shape}"
    return float(numpy.abs(a - b).max())


def same_gradients(model, tokens):
    """The largest difference that gradient checkpointing makes in a gradient."""
    tokens = torch.from_numpy(tokens)

    def gradients():
        model.zero_grad()
        model(tokens, labels=tokens, use_cache=False).loss.backward()
        return [weight.grad.clone() for weight in model.parameters()]

    plain = gradients()
    model.train()
    model.gradient_checkpointing_enable()
    checkpointed = gradients()
    model.gradient_checkpointing_disable()
    model.eval()
    model.zero_grad()
    return max(float((a - b).abs().max()) for a, b in zip(plain, checkpointed))


def greedy(model, prompt, count, cache):
    """Ids of the likeliest tokens after these, up to an end token."""
    return made(model, torch.tensor([prompt]), torch.ones(1, len(prompt), dtype=torch.long), count, cache)[0]


def padded_greedy(model, prompts, count):
    """The same for several prompts at once, with padding before the shorter ones."""
    longest = max(map(len, prompts))
    padded = [[0] * (longest - len(prompt)) + prompt for prompt in prompts]
    seen = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return made(model, torch.tensor(padded), torch.tensor(seen), count, cache=True)


@torch.no_grad()
def made(model, tokens, seen, count, cache):
    ends = model.config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    out = model.generate(
        tokens, attention_mask=seen, max_new_tokens=count, do_sample=False, use_cache=cache, pad_token_id=ends[0]
    )
    rows = out[:, tokens.shape[1] :].tolist()
    first_end = [next((at for at, token in enumerate(row) if token in ends), len(row)) for row in rows]
    return [row[:end] for row, end in zip(rows, first_end)]


def tokens_of(directory, text):
    """Ids of a whole text, without special tokens."""
    tokenizer = AutoTokenizer.from_pretrained(directory, trust_remote_code=True)
    return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]


@torch.no_grad()
def perplexity(model, tokens, length):
    """exp of the mean negative log-likelihood of tokens 2 to `length` of each window; windows do not overlap."""
    whole = len(tokens) // length * length
    losses = []
    for batch in torch.tensor(tokens[:whole]).view(-1, length).split(32):
        predicted = model(batch).logits[:, :-1].double().flatten(0, 1)
        losses.append(torch.nn.functional.cross_entropy(predicted, batch[:, 1:].flatten(), reduction="none"))
    return float(torch.cat(losses).mean().exp())
