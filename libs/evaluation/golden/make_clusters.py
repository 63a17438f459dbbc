"""Makes clusters.json: the standard error of the difference of two models on rows of entities. For metrics that are means by
leaving each entity out, literally, and where all have as many rows by statsmodels' cluster-robust covariance, which is the
same there; for the AUC by the definition over all pairs. The JSON is committed; this script is
its recipe:
    python3 -m venv /tmp/v && /tmp/v/bin/pip install statsmodels==0.15.* numpy && /tmp/v/bin/python make_clusters.py
"""
import json
import numpy as np
import statsmodels
import statsmodels.api as sm

rng = np.random.default_rng(19860401)
CLIP = 1e-7
TERMS = {
    "log_loss": lambda p, y: -np.log(np.where(y == 1, np.clip(p, CLIP, 1 - CLIP), 1 - np.clip(p, CLIP, 1 - CLIP))),
    "brier": lambda p, y: (p - y) ** 2,
    "accuracy": lambda p, y: ((p >= 0.5) == (y == 1)).astype(float),
}


def kernel(p, y):
    over, under = p[y == 1][:, None], p[y == 0][None, :]
    return (over > under) + 0.5 * (over == under)


def auc_error(first, second, y, entities):
    """Obuchowski's sums, each raised by its own share of the rows."""
    difference = kernel(first, y) - kernel(second, y)
    value = difference.mean()
    influence = np.empty(len(y))
    influence[y == 1] = (difference.mean(axis=1) - value) / np.sum(y == 1)
    influence[y == 0] = (difference.mean(axis=0) - value) / np.sum(y == 0)
    sums = [influence[entities == g].sum() / np.mean(entities != g) for g in np.unique(entities)]
    return float(np.sqrt((len(sums) - 1) / len(sums) * np.sum(np.square(sums))))


def left_out(difference, entities):
    names = np.unique(entities)
    without = np.array([difference[entities != g].mean() for g in names])
    return float(np.sqrt((len(names) - 1) / len(names) * np.sum((without - difference.mean()) ** 2)))


def robust(difference, entities):
    fit = sm.OLS(difference, np.ones(len(difference))).fit(cov_type="cluster", cov_kwds={"groups": entities})
    return float(fit.bse[0])


cases = []
for name, count, rows in (("many", 80, 600), ("few", 6, 300), ("alike", 30, 450), ("each its own", 400, 400)):
    is_even = name in ("alike", "each its own")
    entities = np.arange(rows) % count if is_even else np.floor(count * rng.random(rows) ** 2).astype(int)
    own, theirs = rng.normal(0, 0.8, size=count), rng.normal(0, 0.8, size=count)
    logit = rng.normal(-0.5, 0.8, size=rows) + own[entities]
    y = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    first = np.round(1 / (1 + np.exp(-(logit + rng.normal(0, 0.3, size=rows)))), 6)
    second = np.round(1 / (1 + np.exp(-(logit - own[entities] + theirs[entities] * 0.5 + rng.normal(0, 0.3, size=rows)))), 6)
    errors = {}
    for metric, term in TERMS.items():
        difference = term(first, y) - term(second, y)
        errors[metric] = (robust if is_even else left_out)(difference, entities)
    errors["auc"] = auc_error(first, second, y, entities)
    sizes = np.unique(entities, return_counts=True)[1]
    cases.append({
        "name": name, "y": y.tolist(), "first": first.tolist(), "second": second.tolist(), "entities": entities.tolist(),
        "count": len(sizes), "effective": float(rows**2 / np.sum(sizes**2)), "errors": errors,
    })

out = {"statsmodels": statsmodels.__version__, "cases": cases}
with open("clusters.json", "w") as file:
    json.dump(out, file, separators=(",", ":"), default=float)
    file.write("\n")
