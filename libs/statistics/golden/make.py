"""Makes golden.json: what scipy answers for seeded samples. The JSON is committed; this script is its recipe:
    python3 -m venv /tmp/v && /tmp/v/bin/pip install scipy==1.17.* numpy && /tmp/v/bin/python make.py
"""
import json
import numpy as np
import scipy
from scipy import special, stats

rng = np.random.default_rng(20010701)
out = {"scipy": scipy.__version__, "chi2_tail": [], "kolmogorov_tail": [], "hypergeometric_tail": [], "moments": [], "normal_quantile": []}

for freedom in (1, 2, 3, 7, 24, 100, 999):
    for x in (0.001, 0.5, 1, 5, 20, 100, 900, 1500):
        out["chi2_tail"].append({"x": x, "freedom": freedom, "p": float(stats.chi2.sf(x, freedom))})
for x in (0.05, 0.2, 0.5, 0.8, 1.0, 1.17, 1.19, 1.5, 2.0, 3.0, 5.0):
    out["kolmogorov_tail"].append({"x": x, "p": float(special.kolmogorov(x))})

def rounded(values, digits):
    return [round(float(v), digits) for v in values]

# marked among drawn, out of total with this many marked; far into both tails, and large.
for k, drawn, marked, total in ((3, 5, 7, 20), (0, 5, 7, 20), (1, 19, 18, 20), (30, 500, 60, 20500), (5, 500, 300, 20500),
                                (120, 1000, 1000, 10000), (40, 10000, 45, 1010000), (50300, 500000, 100000, 1000000)):
    out["hypergeometric_tail"].append({"k": k, "drawn": drawn, "marked": marked, "total": total,
                                       "p": float(stats.hypergeom.sf(k - 1, total, marked, drawn))})

x = rounded(rng.normal(1e6, 3, size=200), 4)
out["moments"].append({"x": x, "mean": float(np.mean(x)), "std": float(np.std(x))})

for p in (1e-300, 1e-20, 1e-9, 0.001, 0.025, 0.05, 0.07, 0.0750001, 0.3, 0.5, 0.7, 0.925, 0.93, 0.975, 0.999, 1 - 1e-12):
    out["normal_quantile"].append({"p": p, "z": float(stats.norm.ppf(p))})

with open("golden.json", "w") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
