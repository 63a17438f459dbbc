"""Makes clusters.json: the standard error of the difference of two models on rows of entities, by leaving each entity
out, literally: the metric is computed anew without its rows, the AUC over all pairs that are left. For means of which all entities have as
many rows by statsmodels' cluster-robust covariance, which is the same there. The JSON is committed; this script is
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


def auc(p, y):
    return kernel(p, y).mean()


def left_out(number, rows, entities):
    """The jackknife of any number of the rows, each a tuple of columns."""
    names = np.unique(entities)
    without = np.array([number(*(column[entities != g] for column in rows)) for g in names])
    return float(np.sqrt((len(names) - 1) / len(names) * np.sum((without - number(*rows)) ** 2)))


def effective(entities):
    sizes = np.unique(entities, return_counts=True)[1]
    return float(np.sum(sizes) ** 2 / np.sum(sizes**2))


def robust(difference, entities):
    fit = sm.OLS(difference, np.ones(len(difference))).fit(cov_type="cluster", cov_kwds={"groups": entities})
    return float(fit.bse[0])


def case(name, y, first, second, entities, is_even=False):
    errors = {}
    for metric, term in TERMS.items():
        difference = term(first, y) - term(second, y)
        errors[metric] = robust(difference, entities) if is_even else left_out(np.mean, (difference,), entities)
    errors["auc"] = left_out(lambda a, b, of: auc(a, of) - auc(b, of), (first, second, y), entities)
    return {
        "name": name, "y": y.tolist(), "first": first.tolist(), "second": second.tolist(), "entities": entities.tolist(),
        "count": len(np.unique(entities)), "effective": effective(entities),
        "auc_effective": min(effective(entities[y == 1]), effective(entities[y == 0])), "errors": errors,
    }


cases = []
for name, count, rows in (("many", 80, 600), ("few", 6, 300), ("alike", 30, 450), ("each its own", 400, 400)):
    is_even = name in ("alike", "each its own")
    entities = np.arange(rows) % count if is_even else np.floor(count * rng.random(rows) ** 2).astype(int)
    own, theirs = rng.normal(0, 0.8, size=count), rng.normal(0, 0.8, size=count)
    logit = rng.normal(-0.5, 0.8, size=rows) + own[entities]
    y = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    first = np.round(1 / (1 + np.exp(-(logit + rng.normal(0, 0.3, size=rows)))), 6)
    second = np.round(1 / (1 + np.exp(-(logit - own[entities] + theirs[entities] * 0.5 + rng.normal(0, 0.3, size=rows)))), 6)
    cases.append(case(name, y, first, second, entities, is_even))

# Few positives, most of them of one entity, and only of these the first model knows more.
entities = np.arange(420) % 60
y = np.zeros(420, dtype=int)
y[entities == 0] = 1
y[[61, 122, 183]] = 1
second = np.round(1 / (1 + np.exp(-rng.normal(-2, 1, size=420) - y)), 6)
first = np.where((entities == 0) & (y == 1), np.round(np.sqrt(second), 6), second)
entities[:60:7] = np.arange(60, 69)
cases.append(case("positives of one", y, first, second, entities))

out = {"statsmodels": statsmodels.__version__, "cases": cases}
with open("clusters.json", "w") as file:
    json.dump(out, file, separators=(",", ":"), default=float)
    file.write("\n")
