"""Makes golden.json: what scikit-learn and scipy answer for seeded samples, and DeLong's variance by its definition over all
pairs. The JSON is committed; this script is its recipe:
    python3 -m venv /tmp/v && /tmp/v/bin/pip install scipy==1.17.* scikit-learn==1.9.* numpy && /tmp/v/bin/python make.py
"""
import json
import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

rng = np.random.default_rng(20010702)
out = {"scipy": scipy.__version__, "sklearn": sklearn.__version__, "cases": []}
CLIP = 1e-7


def figures(p, y, weights):
    """Every metric, by the name it has in the registry."""
    return {
        "auc": metrics.roc_auc_score(y, p, sample_weight=weights),
        "log_loss": metrics.log_loss(y, np.clip(p, CLIP, 1 - CLIP), sample_weight=weights),
        "accuracy": metrics.accuracy_score(y, p >= 0.5, sample_weight=weights),
        "brier": metrics.brier_score_loss(y, p, sample_weight=weights),
        "calibration": abs(np.average(p, weights=weights) - np.average(y, weights=weights)),
    }


def mean_interval(terms):
    return [float(x) for x in stats.norm.interval(0.95, np.mean(terms), np.std(terms, ddof=1) / np.sqrt(len(terms)))]


def wins(p, y):
    """1, 1/2 or 0 for each pair of a positive and a negative."""
    over, under = p[y == 1][:, None], p[y == 0][None, :]
    return (over > under) + 0.5 * (over == under)


def delong(kernel):
    v10, v01 = kernel.mean(axis=1), kernel.mean(axis=0)
    return float(np.var(v10, ddof=1) / len(v10) + np.var(v01, ddof=1) / len(v01))


for name, n, digits in (("smooth", 500, 6), ("tied", 500, 1), ("long", 2000, 7), ("certain", 300, 0)):
    logit = rng.normal(-1.2, 0.7, size=n)
    p = 1 / (1 + np.exp(-logit))
    y = (rng.random(n) < p).astype(int)
    other = np.round(1 / (1 + np.exp(-(logit + rng.normal(0, 0.8, size=n)))), max(digits, 2))
    p = np.round(p, digits)
    weights = rng.integers(0, 4, size=n)
    clipped = np.clip(p, CLIP, 1 - CLIP)
    difference = mean_interval(p - y)
    wilson = stats.binomtest(int(np.sum((p >= 0.5) == y)), n).proportion_ci(0.95, method="wilson")
    variance = delong(wins(p, y))
    area = metrics.roc_auc_score(y, p)
    reach = stats.norm.ppf(0.975) * np.sqrt(variance)
    out["cases"].append({
        "name": name,
        "p": p.tolist(), "y": y.tolist(), "other": other.tolist(), "weights": weights.tolist(),
        "exact": figures(p, y, None),
        "weighted": figures(p, y, weights),
        "intervals": {
            "auc": [max(0.0, area - reach), min(1.0, area + reach)],
            "log_loss": mean_interval(-np.log(np.where(y == 1, clipped, 1 - clipped))),
            "accuracy": [float(wilson.low), float(wilson.high)],
            "brier": mean_interval((p - y) ** 2),
            "calibration": sorted(map(abs, difference)) if difference[0] * difference[1] > 0
            else [0.0, max(map(abs, difference))],
        },
        "auc_difference": float(area - metrics.roc_auc_score(y, other)),
        "auc_difference_variance": delong(wins(p, y) - wins(other, y)),
    })

with open("golden.json", "w") as file:
    json.dump(out, file, separators=(",", ":"), default=float)
    file.write("\n")
