"""Prints the largest difference between logits in llama.cpp and expected ones: FILE.gguf EXPECTED.npz."""
import sys

import numpy
from llama_cpp import Llama

file, expected = sys.argv[1:]
expected = numpy.load(expected)
tokens, logits = expected["tokens"].tolist(), expected["logits"]
model = Llama(file, n_ctx=len(tokens), logits_all=True, verbose=False, n_batch=len(tokens))
model.eval(tokens)
print(float(numpy.abs(model.scores[: len(tokens)] - logits).max()))
