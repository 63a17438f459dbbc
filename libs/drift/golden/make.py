"""Makes golden.json: what scipy and statsmodels answer for seeded samples. The JSON is committed; this script is its recipe:
    python3 -m venv /tmp/v && /tmp/v/bin/pip install scipy==1.17.* statsmodels==0.15.* numpy && /tmp/v/bin/python make.py
"""
import json
import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(20010701)
out = {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__, "ks": [], "chi_square": [], "rise": [], "holm": []}

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
    table = np.array([reference, window], dtype=float)
    chi2, p, freedom, _ = stats.chi2_contingency(table, correction=False)
    shares = table / table.sum(axis=1, keepdims=True)
    psi = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    out["chi_square"].append({
        "reference": list(map(int, reference)), "window": list(map(int, window)),
        "statistic": float(chi2), "p": float(p), "freedom": int(freedom), "psi": psi,
        "v_of_shares": float(np.sqrt(stats.chi2_contingency(shares, correction=False)[0] / 2)),
    })

# Rows without a value: reference rows and missing ones, window rows and missing ones.
for m, b, n, a in [(20000, 0, 500, 12), (20000, 2000, 500, 61), (20000, 2000, 5000, 600), (300, 30, 300, 20), (1000000, 5, 10000, 3)]:
    table = [[a, n - a], [b, m - b]]
    out["rise"].append({"m": m, "b": b, "n": n, "a": a, "p": float(stats.fisher_exact(table, alternative="greater").pvalue)})

for p in [
    [0.01, 0.04, 0.03, 0.005],
    [0.5],
    [0.0, 1.0, 0.2, 0.2, 1e-12],
    rounded(rng.random(40) ** 4, 9),
    rounded(rng.random(400), 9),
]:
    out["holm"].append({"p": p, "corrected": multipletests(p, method="holm")[1].tolist()})

with open("golden.json", "w") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
