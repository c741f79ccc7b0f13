"""Scores of baselines from their published formulas alone: a fixture for tests/it/prune_oracle.rs.

python tests/oracle/baselines.py > tests/fixtures/oracle/baselines.json

W [rows, n] is a scored weight (o_proj or down_proj), X [tokens, n] its inputs, head h the columns h·width .. (h + 1)·width.
Wanda-sp: mean over rows of |W_ij| · ‖X_j‖ (arXiv 2306.11695, its structured form in arXiv 2312.11983), the norm per token.
FLAP: variance of x_j over the tokens · ‖W_:j‖² (arXiv 2312.11983, WIFV).
"""
import json

import numpy as np

ROWS, HEADS, WIDTH, TOKENS, DIGITS = 7, 5, 4, 40, 5


def main():
    rng = np.random.default_rng(12)
    n = HEADS * WIDTH
    sizes, offsets = np.exp(rng.uniform(-1, 1, n)), rng.uniform(-2, 2, n)
    # numbers that f32 and JSON hold alike
    w = rng.normal(size=(ROWS, n)).round(DIGITS).astype(np.float32).astype(float)
    x = (offsets + sizes * rng.normal(size=(TOKENS, n))).round(DIGITS).astype(np.float32).astype(float)
    columns = {
        "magnitude": (w ** 2).sum(axis=0),
        "wanda-sp": (np.abs(w) * np.linalg.norm(x, axis=0) / np.sqrt(TOKENS)).mean(axis=0),
        "flap": x.var(axis=0) * (w ** 2).sum(axis=0),
    }
    heads = {name: score.reshape(HEADS, WIDTH).sum(axis=1).tolist() for name, score in columns.items()}
    columns = {name: score.tolist() for name, score in columns.items()}
    print(json.dumps({"width": WIDTH, "W": w.tolist(), "X": x.tolist(), "channels": columns, "heads": heads}))


main()
