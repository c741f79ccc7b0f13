"""Small tokenizers in the two manners of the families: SentencePiece with bytes to fall back on, and byte-level BPE."""
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

# How Llama 3 and Qwen2 cut a text before the merges.
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def byte_level(lines, size, pattern, special):
    """Byte-level BPE; `special` are the names of the tokens for begin, end and padding."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=size - len(special), initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    # As with Llama 3 and Qwen, the special tokens come after the others.
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


def sentence_piece(lines, size):
    """BPE over text whose blanks are ▁, with <0x00> to <0xFF> for what it has no token for, as Llama 2 and Mistral have it.
    Begin is <s>, end and padding are </s>."""
    special = ["<unk>", "<s>", "</s>"]
    whole = [AddedToken(token, special=True, normalized=False) for token in special]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special + [f"<0x{byte:02X}>" for byte in range(256)], show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    # Words were cut for training alone. Bytes are tokens like others: as special ones they would be found in the text.
    stored = json.loads(tokenizer.to_str())
    stored["pre_tokenizer"] = None
    stored["added_tokens"] = []
    tokenizer = Tokenizer.from_str(json.dumps(stored))
    tokenizer.add_special_tokens(whole)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)
    ])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return tokenizer
