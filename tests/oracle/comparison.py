"""Two lists of layers side by side: where does a finished run differ from the oracle?"""
import math

NOISE = 1e-9  # where nothing was removed, an error in f32 is not quite 0
LIMITS = {"channels": 0.97, "relative_error": 0.02, "perplexity": 0.01, "ratio": 1e-6}


def compare(run, layers, own_ratios, perplexity, pruned_layers):
    """({layers, perplexity, failures}); `run` is the run.json that is being checked."""
    failures, rows = [], []

    def quotient(theirs, ours, what, limit=None):
        if ours is None or theirs is None and not (limit and ours):
            return None
        theirs = math.nan if theirs is None else theirs
        value = theirs / ours if ours else (1.0 if theirs == 0 else math.inf)
        if limit and not (abs(value - 1) <= limit or abs(theirs - ours) < NOISE):
            failures.append(f"{what}: the run has {theirs:.8g}, the oracle {ours:.8g}")
        return value

    theirs_by_index = {layer["index"]: layer for layer in run["layers"]}
    for ours in layers:
        i = ours["index"]
        theirs = theirs_by_index.get(i)
        if theirs is None:
            if i in pruned_layers:
                failures.append(f"layer {i}: not in the run's layers")
            continue
        row = {"index": i, "output_error_ratio": quotient(theirs.get("output_error"), ours["output_error"], "")}
        ratio = theirs.get("ratio") or 0.0
        if i in pruned_layers and abs(ratio - own_ratios[i]) > LIMITS["ratio"]:
            failures.append(f"layer {i}: the run's ratio is {ratio}, the schedule gives {own_ratios[i]}")
        for part in ("attention", "mlp"):
            if part not in ours:
                continue
            where, mine, other = f"layer {i} {part}", ours[part], theirs.get(part)
            if other is None:
                failures.append(f"{where}: not in the run")
                continue
            kept, other_kept = set(mine["kept"]), set(other["kept"])
            share = len(kept & other_kept) / max(len(kept), len(other_kept))
            hessian = other.get("hessian") or {}
            row[part] = {
                "same_units": kept == other_kept, "same_order": mine["removed"] == other.get("removed"),
                "common_share": share, "group_sizes_equal": mine["group_sizes"] == other.get("group_sizes"),
                "relative_error_ratio": quotient(
                    other.get("relative_error"), mine["relative_error"], f"{where} relative error",
                    LIMITS["relative_error"]),
                "hessian_trace_ratio": quotient(hessian.get("trace"), mine["hessian"]["trace"], ""),
                "damping_used": [hessian.get("damping_used"), mine["hessian"]["damping_used"]],
            }
            if part == "attention" and kept != other_kept:
                failures.append(f"{where}: the run kept {sorted(other_kept)}, the oracle {sorted(kept)}")
            if part == "mlp" and len(kept) != len(other_kept):
                failures.append(f"{where}: the run kept {len(other_kept)} channels, the oracle {len(kept)}")
            if part == "mlp" and share < LIMITS["channels"]:
                failures.append(f"{where}: {share:.1%} of the kept channels are in common")
        rows.append(row)
    theirs = run.get("perplexity") or {}
    words = {key: quotient(theirs.get(key), perplexity.get(key), f"perplexity {key}", LIMITS["perplexity"])
             for key in ("before", "after")}
    return {"layers": rows, "perplexity_ratio": words, "failures": failures}


def show(layers, comparison):
    rows = {row["index"]: row for row in comparison["layers"]} if comparison else {}
    number = lambda value: "      -" if value is None else f"{value:7.4f}"
    print("layer part       kept/units   rel.error" + ("  same  common  error×  trace×  out.err×" if rows else ""))
    for layer in layers:
        for part in ("attention", "mlp"):
            if part not in layer:
                continue
            mine, row = layer[part], rows.get(layer["index"], {})
            line = f"{layer['index']:5d} {part:10s} {len(mine['kept']):4d}/{mine['units']:<5d}"
            line += f" {mine['relative_error']:11.6f}"
            if part in row:
                other = row[part]
                line += f"  {'yes' if other['same_units'] else 'NO':4s} {other['common_share']:7.4f}"
                line += f" {number(other['relative_error_ratio'])} {number(other['hessian_trace_ratio'])}"
                line += f"   {number(row['output_error_ratio'])}" if part == "mlp" else ""
            print(line)
