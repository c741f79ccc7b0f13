"""Which units go, and what is left: schedule, damping and batched greedy elimination, inverting anew at each step.

Shapes: n inputs of the scored weight W [hidden, n], G [n, n], R removed, A kept (active) columns.
"""
import math

import numpy as np


def schedule_ratios(settings, n):
    """Removal ratio of each of n layers."""
    shape, mean = settings["schedule"], settings["ratio"]
    if isinstance(shape, list):
        ratios = [float(r) for r in shape]
    elif shape == "uniform":
        ratios = [mean] * n
    else:
        i, base = np.arange(n), shape.removesuffix("-decrease")
        t = np.ones(1) if n == 1 else {"log": np.log1p(i) / math.log(n), "linear": i / (n - 1)}[base]
        first, last = settings["first_ratio"], settings["last_ratio"]
        if first is None or last is None:
            first = 0.3125 * mean
            last = first + (mean - first) / np.mean(t)
        ratios = [float(r) for r in first + (last - first) * t]
        if shape.endswith("-decrease"):
            ratios.reverse()
    if len(ratios) != n or any(r is None or not 0 <= r < 1 for r in ratios):
        raise ValueError(f"the schedule gives {ratios}; expected {n} ratios in [0, 1)")
    return ratios


def units_of(settings, part, model, i, ratio):
    """(columns of each unit, fence of each unit, how many may leave each fence)."""
    if part == "mlp":
        n = model.layers[i]["mlp.down_proj.weight"].shape[1]
        multiple = settings["channel_multiple"]
        kept = max(round((n - units_to_remove(n, ratio)) / multiple), 1) * multiple
        return np.arange(n)[:, None], np.zeros(n, int), [n - min(kept, n)]
    n_heads, n_kv = model.heads(i)
    columns = np.arange(n_heads * model.head_dim)
    share = n_heads // n_kv
    if settings["attention_unit"] == "kv-group" or share == 1:
        return columns.reshape(n_kv, -1), np.zeros(n_kv, int), [units_to_remove(n_kv, ratio)]
    return columns.reshape(n_heads, -1), np.arange(n_heads) // share, [units_to_remove(share, ratio)] * n_kv


def units_to_remove(n, ratio):
    return min(round(n * ratio), n - 1)  # Python rounds half to even


def batch_size(kind, step, target, remaining):
    if kind == "dynamic":
        size = min(max(remaining // 2, 8), 1024)
    elif kind == "reference":
        size = (target - 512) // 2
        for _ in range(step):
            size = (size - 512) // 2
        size = min(max(size, 64), 1024)
    else:
        size = 1 if kind == "exact" else int(kind)
    return min(size, remaining)


def energy(w, g):
    """tr(W G Wᵀ)."""
    return float(np.sum(w @ g * w))


def damped(g, damping):
    """(G_λ, λ, damping used): ten times the damping as long as Cholesky fails, up to 1.0."""
    while True:
        lam = damping * float(np.mean(np.diag(g)))
        try:
            np.linalg.cholesky(g + lam * np.eye(len(g)))
            return g + lam * np.eye(len(g)), lam, damping
        except np.linalg.LinAlgError:
            if damping >= 1.0:
                raise
            damping = min(damping * 10, 1.0) if damping else 1e-6


def unit_score(w, p, columns, kind):
    """w [hidden, active], p [active, active]; lower goes first. For one column the three kinds agree."""
    block, norms = p[np.ix_(columns, columns)], np.sum(w[:, columns] ** 2, axis=0)
    if kind == "diagonal":
        return float(np.sum(norms / np.diag(block)))
    low = np.linalg.cholesky(block)
    if kind == "grouped-cholesky":
        return float(np.sum(norms / np.diag(low) ** 2))
    return float(np.sum(np.linalg.solve(low, w[:, columns].T) ** 2))


def eliminate(w, g, units, fences, quota, score, group, compensate):
    """Batched greedy pruning -> (removed units in order, error of each batch, batch sizes, weight [hidden, n]).

    The error of a batch is the rise of tr(ΔW G_λ ΔWᵀ): with compensation ‖W_R L⁻ᵀ‖², P_RR = L Lᵀ.
    """
    active, quota, target = list(range(len(units))), list(quota), sum(quota)
    removed, errors, sizes, current, spent = [], [], [], w.copy(), 0.0
    while len(removed) < target:
        columns = units[active].ravel()
        p, sub = np.linalg.inv(g[np.ix_(columns, columns)]), current[:, columns]
        local = np.arange(columns.size).reshape(len(active), -1)
        if local.shape[1] == 1:
            scores = np.sum(sub**2, axis=0) / np.diag(p)
        else:
            scores = np.array([unit_score(sub, p, c, score) for c in local])
        scores[[quota[fences[u]] == 0 for u in active]] = np.inf
        size = batch_size(group, len(sizes), target, target - len(removed))
        chosen = np.argsort(scores, kind="stable")[:size]
        exact = unit_score(sub, p, local[chosen].ravel(), "exact")
        for position in chosen:
            quota[fences[active[position]]] -= 1
        removed += [int(active[position]) for position in chosen]
        active = [u for u in active if u not in removed]
        kept = units[active].ravel()
        current = np.zeros_like(w)
        if compensate:
            current[:, kept] = np.linalg.solve(g[np.ix_(kept, kept)], (w @ g[:, kept]).T).T
        else:
            current[:, kept] = w[:, kept]
        errors.append(energy(w - current, g) - spent)
        spent += errors[-1]
        sizes.append(size)
        if compensate and abs(errors[-1] - exact) > 1e-9 * energy(w, g):
            raise ValueError(f"the oracle contradicts itself: a step costs {errors[-1]}, its formula says {exact}")
    return removed, errors, sizes, current
