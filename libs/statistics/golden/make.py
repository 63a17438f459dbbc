"""Makes golden.json: what scipy answers for seeded samples. The JSON is committed; this script is its recipe:
    python3 -m venv /tmp/v && /tmp/v/bin/pip install scipy==1.17.* numpy && /tmp/v/bin/python make.py
"""
import json
import numpy as np
import scipy
from scipy import special, stats

rng = np.random.default_rng(20010701)
out = {"scipy": scipy.__version__, "chi2_tail": [], "kolmogorov_tail": [], "ks": [], "chi_square": [], "moments": [], "normal_quantile": []}

for freedom in (1, 2, 3, 7, 24, 100, 999):
    for x in (0.001, 0.5, 1, 5, 20, 100, 900, 1500):
        out["chi2_tail"].append({"x": x, "freedom": freedom, "p": float(stats.chi2.sf(x, freedom))})
for x in (0.05, 0.2, 0.5, 0.8, 1.0, 1.17, 1.19, 1.5, 2.0, 3.0, 5.0):
    out["kolmogorov_tail"].append({"x": x, "p": float(special.kolmogorov(x))})

def rounded(values, digits):
    return [round(float(v), digits) for v in values]

cases = [
    (rng.normal(size=900), rng.normal(0.3, 1, size=300), 3),
    (rng.normal(size=50), rng.normal(size=40), 3),
    (rng.integers(0, 12, size=1200), rng.integers(0, 12, size=500), 0),   # many ties
    (rng.integers(0, 5, size=800), rng.integers(2, 7, size=300), 0),
    (np.ones(20), np.ones(10), 0),                                        # constant
    (np.zeros(20), np.ones(10), 0),                                       # disjoint
    (rng.lognormal(6, 0.7, size=4000), rng.lognormal(6.2, 0.7, size=900), 0),  # more than 1,000 reference rows
]
for reference, window, digits in cases:
    r, w = rounded(reference, digits), rounded(window, digits)
    result = stats.ks_2samp(r, w, method="asymp")
    out["ks"].append({"reference": r, "window": w, "statistic": float(result.statistic), "p_asymp": float(result.pvalue)})

for reference, window in [
    ([100, 200, 300], [30, 70, 80]),
    ([500, 500], [400, 600]),
    ([1000, 2000, 500, 700, 90], [100, 180, 60, 75, 12]),
    (rng.poisson(400, size=24).tolist(), rng.poisson(40, size=24).tolist()),
]:
    table = np.array([reference, window])
    chi2, p, freedom, _ = stats.chi2_contingency(table, correction=False)
    out["chi_square"].append({
        "reference": list(map(int, reference)), "window": list(map(int, window)),
        "statistic": float(chi2), "p": float(p), "freedom": int(freedom),
        "cramers_v": float(stats.contingency.association(table, method="cramer")),
    })

x = rounded(rng.normal(1e6, 3, size=200), 4)
out["moments"].append({"x": x, "mean": float(np.mean(x)), "std": float(np.std(x))})

for p in (1e-300, 1e-20, 1e-9, 0.001, 0.025, 0.05, 0.07, 0.0750001, 0.3, 0.5, 0.7, 0.925, 0.93, 0.975, 0.999, 1 - 1e-12):
    out["normal_quantile"].append({"p": p, "z": float(stats.norm.ppf(p))})

with open("golden.json", "w") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
