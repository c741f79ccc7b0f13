#!/usr/bin/env python3
"""A whole SlimGPT run, again, in float64 NumPy: the oracle a finished run is compared with.

Every inverse is taken from scratch on the active columns, every compensated weight is a least-squares
refit, every sum is in float64; nothing is shared with the program under test but the formulas.
Shapes: N tokens, n inputs of the scored weight W [hidden, n], G [n, n], R removed, A kept (active).
"""
import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from comparison import compare, show
from elimination import damped, eliminate, energy, schedule_ratios, units_of
from llama import Model, round_to

DEFAULTS = {
    "schedule": "log", "ratio": None, "first_ratio": None, "last_ratio": None, "parts": ["attention", "mlp"],
    "layers": None, "head_score": "exact", "attention_unit": "auto", "group_size": "dynamic", "target": "layer",
    "damping": 0.01, "compensation": True, "channel_multiple": 1,
}


def prune_part(settings, model, dense, i, part, ratio, x, x_dense, drift, rounding, skip_untouched):
    """Prunes one part of `model` in place and returns its record.

    x, x_dense [N, n]: the part's inputs on the two streams; drift [N, hidden]: h_dense − h.
    """
    name = {"attention": "self_attn.o_proj", "mlp": "mlp.down_proj"}[part] + ".weight"
    w_full = model.layers[i][name]
    units, fences, quota = units_of(settings, part, model, i, ratio)
    raw = x.T @ x / len(x)
    dead = np.diag(raw) == 0
    w, g = w_full.copy(), raw.copy()
    w[:, dead] = 0.0
    g[dead, dead] = 1.0
    g_damped, lam, used = damped(g, settings["damping"])
    group = settings["group_size"] if part == "mlp" else 1
    removed, errors, sizes, pruned = eliminate(
        w, g_damped, units, fences, quota, settings["head_score"], group, settings["compensation"])
    kept = sorted(set(range(len(units))) - set(removed))
    numerators, denominators = ([energy(m, h) for h in (g_damped, raw)] for m in (w - pruned, w))
    stored = pruned
    if settings["target"] == "dense-stream" and settings["compensation"] and (removed or not skip_untouched):
        a = units[kept].ravel()
        goal = dense.layers[i][name] @ (x_dense.T @ x / len(x)) + drift.T @ x / len(x)
        stored = np.zeros_like(w)
        stored[:, a] = np.linalg.solve(g_damped[np.ix_(a, a)], (goal[:, a] + lam * pruned[:, a]).T).T
    elif not removed:
        stored = w_full
    model.layers[i][name] = round_to(model.storage[i][name], stored) if rounding else stored
    diagonal, relative = 2 * np.diag(raw), sum(errors) / denominators[1]
    return {
        "units": len(units), "unit_width": units.shape[1], "kept": kept, "removed": removed, "step_errors": errors,
        "group_sizes": sizes, "relative_error": relative,
        "hessian": {"trace": diagonal.sum(), "diag_min": diagonal.min(), "diag_mean": diagonal.mean(),
                    "diag_max": diagonal.max(), "dead": int(dead.sum()),
                    "condition": float(np.linalg.cond(g_damped)), "damping_used": used},
        "error_definitions": {f"{above}/{below}": numerator / denominator
                              for above, numerator in zip(("damped", "plain"), numerators)
                              for below, denominator in zip(("damped", "plain"), denominators)},
    }


def prune_model(settings, model, dense, tokens, ratios, rounding, skip_untouched):
    """One pass over the blocks with the pruned stream h and the dense stream; `model` is changed, `dense` is not."""
    h = model.embeddings[tokens]
    h_dense, layers = h, []
    for i in range(len(model.layers)):
        record = {"index": i, "ratio": ratios[i]}
        for part, name in (("attention", "self_attn.o_proj"), ("mlp", "mlp.down_proj")):
            x, x_dense = model.inputs(i, part, h), dense.inputs(i, part, h_dense)
            if part in settings["parts"] and i in settings["layers"]:
                flat = (a.reshape(-1, a.shape[-1]) for a in (x, x_dense, h_dense - h))
                record[part] = prune_part(
                    settings, model, dense, i, part, ratios[i], *flat, rounding, skip_untouched)
            h, h_dense = h + model.linear(i, name, x), h_dense + dense.linear(i, name, x_dense)
        record["output_error"] = float(np.sum((h - h_dense) ** 2) / np.sum(h_dense**2))
        layers.append(record)
        print(f"layer {i}: ratio {ratios[i]:.4f}, output error {record['output_error']:.5f}", file=sys.stderr)
    return layers


def read_settings(given, n_layers):
    """The run's settings, or the flags, resolved: what is missing or null gets its default."""
    settings = {**DEFAULTS, **{k: given[k] for k in DEFAULTS if given.get(k) is not None}}
    if isinstance(settings["parts"], str):
        settings["parts"] = settings["parts"].split(",")
    if isinstance(settings["schedule"], str) and Path(settings["schedule"]).is_file():
        settings["schedule"] = json.loads(Path(settings["schedule"]).read_text())
    begin, _, end = str(settings["layers"] or f"0..{n_layers}").partition("..")
    settings["layers"] = range(int(begin or 0), int(end or n_layers))
    ends = None not in (settings["first_ratio"], settings["last_ratio"])
    if settings["ratio"] is None and not isinstance(settings["schedule"], list):
        if settings["schedule"] == "uniform" or not ends:
            raise ValueError("the settings name no ratio; expected --ratio, or --first-ratio and --last-ratio")
    return settings


def encode(model_dir, path):
    text = path.read_bytes().decode("utf-8")
    tokenizer = Tokenizer.from_file(str(model_dir / "tokenizer.json"))
    return np.array(tokenizer.encode(text, add_special_tokens=False).ids, np.int64)


def calibration_windows(args):
    """tokens [samples, seq_len], from a file of windows or cut at random from a text."""
    if args.calibration_text is None:
        path = args.calibration or (args.compare and args.compare / "calibration.safetensors")
        if not path:
            raise ValueError("no calibration windows; expected --compare, --calibration or --calibration-text")
        return load_file(path)["tokens"]
    ids = encode(args.model, args.calibration_text)
    places = np.random.default_rng(args.seed).choice(len(ids) - args.sample_len + 1, args.samples, replace=False)
    tokens = np.stack([ids[p:p + args.sample_len] for p in places])
    if args.save_calibration:
        save_file({"tokens": tokens}, args.save_calibration)
    return tokens


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flag = parser.add_argument
    flag("model", type=Path, help="checkpoint directory, before pruning")
    flag("--compare", type=Path, metavar="OUT", help="a finished run; its settings and windows are used")
    flag("--calibration", type=Path, help="safetensors file with `tokens` [samples, seq_len]")
    flag("--calibration-text", type=Path, help="text to cut --samples windows of --sample-len tokens from")
    flag("--samples", type=int, default=64)
    flag("--sample-len", type=int, default=256)
    flag("--seed", type=int, default=0)
    flag("--save-calibration", type=Path, metavar="FILE", help="write the windows cut from --calibration-text")
    flag("--eval", type=Path, metavar="FILE", help="text for the perplexity before and after")
    flag("--seq-len", "--eval-seq-len", dest="eval_seq_len", type=int, help="tokens of a perplexity window (128)")
    flag("--bos", action="store_true", help="put a BOS token before each perplexity window")
    flag("--no-rounding", action="store_true", help="keep pruned weights in float64")
    flag("--skip-untouched", action="store_true", help="dense-stream: no refit where nothing is removed")
    flag("--json", type=Path, metavar="FILE", help="where the result goes (default: only the table is shown)")
    for name, kind in (("ratio", float), ("first-ratio", float), ("last-ratio", float), ("schedule", str),
                       ("parts", str), ("layers", str), ("head-score", str), ("attention-unit", str),
                       ("group-size", str), ("target", str), ("damping", float), ("channel-multiple", int)):
        flag(f"--{name}", type=kind, help="as in `slimgpt prune`")
    flag("--no-compensation", dest="compensation", action="store_const", const=False)
    return parser.parse_args()


def perplexities(args, run, dense, model):
    """Like `perplexity` of run.json; {} where no text is given."""
    if not args.eval:
        return {}
    length = args.eval_seq_len or (run.get("perplexity") or {}).get("seq_len") or 128
    ids = encode(args.model, args.eval)
    windows = ids[:len(ids) // length * length].reshape(-1, length)
    bos = model.config["bos_token_id"] if args.bos else None
    return {"text": args.eval.name, "seq_len": length, "tokens": int(windows.size), "bos": args.bos,
            "before": dense.perplexity(windows, bos), "after": model.perplexity(windows, bos)}


def repeat(args):
    """The whole run, its table and its comparison; the exit code."""
    begun = time.time()
    run = json.loads((args.compare / "run.json").read_text()) if args.compare else {}
    model, dense = Model(args.model), Model(args.model)
    settings = read_settings(run["settings"] if run else vars(args), len(model.layers))
    ratios = own_ratios = schedule_ratios(settings, len(model.layers))
    if run:  # a ratio that differs in its last bit must not tip a rounding of n · ratio
        theirs = {layer["index"]: layer.get("ratio") or 0.0 for layer in run["layers"]}
        ratios = [theirs[i] if abs(theirs.get(i, -1) - r) < 1e-9 else r for i, r in enumerate(own_ratios)]
    tokens = calibration_windows(args)
    layers = prune_model(settings, model, dense, tokens, ratios, not args.no_rounding, args.skip_untouched)
    pruned_after = time.time() - begun
    perplexity = perplexities(args, run, dense, model)
    comparison = compare(run, layers, own_ratios, perplexity, settings["layers"]) if run else None
    show(layers, comparison)
    if perplexity:
        print("perplexity before {before:.5f}, after {after:.5f} ({text}, windows of {seq_len})".format(**perplexity))
    for key, value in (comparison or {}).get("perplexity_ratio", {}).items():
        if value is not None:
            print(f"perplexity {key}: the run's is {value:.6f} times the oracle's")
    if args.json:
        settings["layers"] = f"{settings['layers'].start}..{settings['layers'].stop}"
        result = {"settings": settings, "layers": layers, "perplexity": perplexity or None, "comparison": comparison,
                  "seconds": {"prune": pruned_after, "total": time.time() - begun}}
        args.json.write_text(json.dumps(result, indent=1, default=float) + "\n")
    failures = comparison["failures"] if comparison else []
    for failure in failures:
        print(f"DIFFERS  {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(repeat(arguments()))
    except (ValueError, OSError) as error:
        print(f"whole_run: {error}", file=sys.stderr)
        sys.exit(2)
