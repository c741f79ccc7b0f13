"""Merges as a conversion from SentencePiece has them: every way to put a token together from two others."""
import json


def rewrite(path):
    """Replaces the merges of a tokenizer.json; tokens made earlier come first, as their scores say in SentencePiece."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    model = stored["model"]
    vocabulary = model["vocab"]
    special = {added["content"] for added in stored["added_tokens"]}
    merges = []
    for token, number in vocabulary.items():
        if token in special or (token.startswith("<0x") and token.endswith(">")):
            continue
        halves = [(token[:at], token[at:]) for at in range(1, len(token))]
        merges += [(number, *pair) for pair in halves if pair[0] in vocabulary and pair[1] in vocabulary]
    model["merges"] = [list(pair) for _, *pair in sorted(merges, key=lambda merge: (merge[0], -len(merge[1])))]
    path.write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")
