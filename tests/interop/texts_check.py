"""Checks that prompts, chats and texts have the tokens that transformers gives them, and that texts end at the same tokens."""
import json
import sys
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

import checkpoints
from program import TEXT, Claims, Slimgpt

PROMPTS = ["One day, Tom met a fox", " The", "The\n\n  end. 1999", "café (a) x"]
CHAT = [{"role": "user", "content": " Who <is> 'he'? "}, {"role": "assistant", "content": "A fox.\n", "name": None}]
# Each uses what real templates use: special tokens, methods of strings, namespaces, loop controls, JSON, dates, errors, whitespace.
TEMPLATES = {
    "roles in markers": """{%- for message in messages %}
    {{- '<|' + message['role'] + '|>' + message['content'] | trim + eos_token + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|assistant|>' }}
{%- endif %}""",
    "a namespace and a date": """{{ bos_token }}
{%- set ns = namespace(turns=0, system='') %}
{% for m in messages if m.role != 'system' %}
    {% set ns.turns = ns.turns + 1 %}
    {% if loop.index0 % 2 == 0 and m.role != 'user' %}{{ raise_exception('roles must alternate') }}{% endif %}
[{{ m.role.upper() }} {{ ns.turns }}] {{ m.content.strip().replace("'", '"') }}{% if not loop.last %}{{ eos_token }}{% endif %}
{% endfor %}
{{ strftime_now('%d %b %Y') }}{% if tools is none %} no tools{% endif %}{{ '>' if add_generation_prompt else '' }}""",
    "JSON and loop controls": """{% for m in messages %}{% if loop.index > 3 %}{% break %}{% endif %}{{ m | tojson }}
{{ {'content': m.content.split('?')[0], 'n': [1, true, none]} | tojson(indent=2) }}
{% endfor %}{{ messages[-1]['role'] in ['user', 'assistant'] }}{{ messages | length }}{{ none }}""",
    "macros and tests": """{% macro said(m) %}{% if m.content is string %}{{ m.content }}{% else %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endif %}{% endmacro %}
{% for m in messages -%}
{%- generation -%}{{ said(m) | trim }}{%- endgeneration -%}
{% if m.tool_calls is defined and m.tool_calls %}tools{% endif %}{{ '' if m.content.startswith('x') else '|' }}
{%- endfor %}{{ messages[::-1] | map(attribute='role') | join(', ') }}""",
}


def main(work):
    transformers.logging.disable_progress_bar()
    claims, slimgpt = Claims(), Slimgpt(work)
    for kind in ("llama-grouped", "llama-biased", "qwen2"):
        plain = checkpoints.write(kind, work / kind)
        prompts(claims, slimgpt, kind, plain)
        for name, settings in post_processors(plain).items():
            model = checkpoints.write(kind, work / f"{kind} {name}")
            change(model / "tokenizer.json", **settings)
            prompts(claims, slimgpt, f"{kind}, {name}", model)
        ends(claims, slimgpt, kind, checkpoints.write(kind, work / f"{kind} ends"))
        chats(claims, slimgpt, kind, checkpoints.write(kind, work / f"{kind} chats"))
        cut_texts(claims, slimgpt, kind, checkpoints.write(kind, work / f"{kind} cut"))
    sys.exit(claims.end())


def change(file, **keys):
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | keys), encoding="utf-8")


def post_processors(model):
    """A post-processor that adds a BOS, and none."""
    begin = json.loads((model / "tokenizer_config.json").read_text())["bos_token"]
    id_of = json.loads((model / "config.json").read_text())["bos_token_id"]
    single = [{"SpecialToken": {"id": begin, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    pair = single + [{"Sequence": {"id": "B", "type_id": 1}}]
    special = {begin: {"id": begin, "ids": [id_of], "tokens": [begin]}}
    adds = {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}
    return {"a BOS in front": {"post_processor": adds}, "no post-processor": {"post_processor": None}}


def generated(slimgpt, model, prompt, *more):
    said = slimgpt.run("generate", model, "--prompt", prompt, "--max-tokens", 12, "--temperature", 0, "--json", *more)
    return json.loads(said)


def prompts(claims, slimgpt, name, model):
    tokenizer = AutoTokenizer.from_pretrained(model)
    for prompt in PROMPTS:
        found = generated(slimgpt, model, prompt)["prompt_tokens"]
        claims.equal(f"{name}: tokens of the prompt {prompt!r}", found, tokenizer(prompt).input_ids)
    found = generated(slimgpt, model, tokenizer.bos_token + PROMPTS[0])["prompt_tokens"]
    claims.holds(f"{name}: one BOS where the prompt spells it out", found[:3], found.count(tokenizer.bos_token_id) == 1)
    bare = generated(slimgpt, model, PROMPTS[0], "--no-bos")["prompt_tokens"]
    claims.equal(f"{name}: --no-bos", bare, tokenizer(PROMPTS[0], add_special_tokens=False).input_ids)


@torch.no_grad()
def ends(claims, slimgpt, name, model):
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    free = generated(slimgpt, model, PROMPTS[0])
    for eos in ([free["tokens"][4]], [free["tokens"][7], free["tokens"][2]]):
        change(model / "generation_config.json", eos_token_id=eos if len(eos) > 1 else eos[0])
        loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
        prompt = torch.tensor([free["prompt_tokens"]])
        theirs = loaded.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=12, do_sample=False)
        theirs = [token for token in theirs[0, prompt.shape[1]:].tolist() if token not in eos]
        claims.equal(f"{name}: text up to one of {len(eos)} end tokens", generated(slimgpt, model, PROMPTS[0])["tokens"], theirs)


def chats(claims, slimgpt, name, model):
    for style, template in TEMPLATES.items():
        (model / "chat_template.jinja").write_text(template, encoding="utf-8")
        tokenizer = AutoTokenizer.from_pretrained(model)
        asked = tokenizer.apply_chat_template(CHAT[:1], add_generation_prompt=True, tokenize=False)
        expected = tokenizer(asked, add_special_tokens=False).input_ids
        claims.equal(f"{name}: --chat, {style}", generated(slimgpt, model, CHAT[0]["content"], "--chat")["prompt_tokens"], expected)
        if "strftime_now" in template:
            continue
        text = model.parent / "chats.jsonl"
        text.write_text((json.dumps({"messages": CHAT}) + "\n") * 12, encoding="utf-8")
        whole = tokenizer.apply_chat_template(CHAT, tokenize=False)
        expected = tokenizer(whole + "\n\n", add_special_tokens=False).input_ids * 11
        tokens, _ = slimgpt.logits(model, text, 8, len(expected) // 8)
        claims.equal(f"{name}: a text of chats, {style}", tokens.flatten(), expected[: tokens.size])


def cut_texts(claims, slimgpt, name, model):
    page = model.parent / "page.txt"
    page.write_text(TEXT.read_text(encoding="utf-8")[:3000], encoding="utf-8")
    expected, _ = slimgpt.logits(model, page, 64, 4)
    prompt = generated(slimgpt, model, PROMPTS[0])["prompt_tokens"]
    truncation = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    padding = {"strategy": {"Fixed": 40}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "!"}
    change(model / "tokenizer.json", truncation=truncation, padding=padding)
    tokens, _ = slimgpt.logits(model, page, 64, 4)
    claims.equal(f"{name}: a text with truncation and padding saved in tokenizer.json", tokens.flatten(), expected.flatten())
    claims.equal(f"{name}: a prompt with them", generated(slimgpt, model, PROMPTS[0])["prompt_tokens"], prompt)
    # A GGUF file cannot express the merges of the other tokenizers.
    if name != "qwen2":
        return
    out = model.parent / "uncut"
    slimgpt.prune(model, out, "--format", "gguf")
    claims.holds(f"{name}: a GGUF export with them", out.name, (out / "model.gguf").exists() or any(out.glob("*.gguf")))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
