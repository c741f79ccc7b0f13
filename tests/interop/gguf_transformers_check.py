"""What transformers makes of directories written from GGUF files. Run by gguf_models.sh after gguf_models_check.py."""
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from program import TEXT, Claims, Slimgpt

WORK = Path(sys.argv[1])
slimgpt, claims = Slimgpt(WORK), Claims()


def check(name, directory, model):
    """A directory written unchanged from the GGUF file `model`."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    loaded = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    tokens, ours = slimgpt.logits(model, TEXT, 64, 3)
    with torch.no_grad():
        theirs = loaded(torch.tensor(tokens).long()).logits.numpy()
    claims.below(f"{name}: logits as {type(loaded).__name__}", float(abs(theirs - ours).max()), 1e-3)
    found = tokenizer(TEXT.read_text(encoding="utf-8"), add_special_tokens=False).input_ids
    count = tokens.size
    begins = tokens.ravel().tolist()[:1] == found[:1]
    claims.holds(f"{name}: the tokens of a text", f"{count} tokens", begins and found[:count] == tokens.ravel().tolist())
    chat = [{"role": "user", "content": "Hello"}]
    if tokenizer.chat_template:
        made = tokenizer.apply_chat_template(chat, tokenize=False)
        claims.holds(f"{name}: the chat template is there", repr(made)[:60], "Hello" in made)


for second in sorted(WORK.glob("*-second")):
    kind = second.name.removesuffix("-second")
    (file,) = (WORK / f"{kind}-first").glob("*.gguf")
    check(kind, second, file)
whole = WORK / "smollm2-whole"
check("SmolLM2", whole, next(whole.glob("*.gguf")))
sys.exit(claims.end())
