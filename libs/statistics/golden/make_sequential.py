"""Makes sequential.json: what confseq (Howard, Waudby-Smith, Ramdas) and scipy answer. The JSON is committed; this
script is its recipe, and nothing of the platform uses it. confseq is C++ and needs the headers of Boost 1.70 or later:
    python3 -m venv /tmp/v
    /tmp/v/bin/pip install "numpy<2" "scipy==1.17.*" "pybind11<3" scikit-build cmake ninja "setuptools<70" wheel multiprocess matplotlib pytest
    /tmp/v/bin/pip install --no-build-isolation --no-deps confseq==0.0.11 && /tmp/v/bin/python make_sequential.py
"""
import json
import math
from importlib.metadata import version

import numpy as np
from confseq import boundaries
from confseq.predmix import lambda_predmix_eb, predmix_lower_cs
from scipy import optimize, special, stats

rng = np.random.default_rng(20010702)
out = {"confseq": version("confseq"), "scipy": version("scipy")}
WEIGHT = 20


def share_log_e(k, n, p):
    """Beta(WEIGHT p, WEIGHT (1 - p)) mixture against p, by scipy."""
    a, b = WEIGHT * p, WEIGHT * (1 - p)
    return special.betaln(a + k, b + n - k) - special.betaln(a, b) - special.xlogy(k, p) - special.xlog1py(n - k, -p)


def confseq_log_e(k, n, p):
    """The same by confseq, which takes the intrinsic time that its mixture is best for: WEIGHT + 1 is rho / (p (1 - p))."""
    bar = -2 * math.log(0.05)
    v_opt = (WEIGHT + 1) * p * (1 - p) * (bar + math.log1p(bar))
    return float(boundaries.beta_binomial_log_mixture(k - n * p, n * p * (1 - p), v_opt, p, 1 - p, 0.05, False))


# The evidence by confseq, the bounds by scipy's root finding.
out["share_log_e"] = []
for p in (0.001, 0.02, 0.3, 0.5, 0.99):
    for k, n in ((0, 1), (1, 1), (0, 300), (5, 300), (40, 2000), (1000, 2000), (3000, 100000)):
        out["share_log_e"].append({"k": k, "n": n, "p": p, "log_e": confseq_log_e(k, n, p)})
out["share_bounds"] = []
for alpha in (0.05, 0.01, 1e-4):
    for k, n in ((0, 1), (0, 1000), (1, 1000), (17, 400), (200, 400), (399, 400), (400, 400), (25, 50000)):
        bar = -math.log(alpha)
        # An end that is not refused is the bound: one failure in 1,000 does not refuse even the smallest share.
        ends = (1e-14, 1 - 1e-12)
        f = lambda p: share_log_e(k, n, p) - bar
        seen = min(max(k / n, ends[0]), ends[1])
        lower, upper = (optimize.brentq(f, seen, end, xtol=1e-15) if f(end) > 0 and k != n * round(end) else round(end)
                        for end in ends)
        out["share_bounds"].append({"k": k, "n": n, "alpha": alpha, "lower": lower, "upper": upper})

# Counts of values up to a quantile that are neither too few nor too many.
out["quantile_counts"] = []
for q, n, alpha in ((0.5, 200, 0.01), (0.99, 3000, 0.05), (0.9, 50, 0.01)):
    kept = [k for k in range(n + 1) if confseq_log_e(k, n, q) < -math.log(alpha)]
    out["quantile_counts"].append({"q": q, "n": n, "alpha": alpha, "least": kept[0], "most": kept[-1]})


# The nearest point of the null, by minimising the divergence itself; the e-value by scipy's binomial densities.
def divergence(first, second, margin, share, p):
    def kl(a, b):
        return special.rel_entr(a, b) + special.rel_entr(1 - a, 1 - b)
    return (1 - share) * kl(first, p) + share * kl(second, p + margin)


out["nearest"] = []
for first, second, margin, share in ((0.005, 0.03, 0.01, 0.1), (0.01, 0.01, -0.02, 0.3), (0.2, 0.9, 0.5, 0.5),
                                     (0.001, 0.5, 0.0, 0.05), (0.9, 0.3, -0.7, 0.9)):
    low, high = max(first, -margin) + 1e-12, min(second - margin, 1 - margin) - 1e-12
    found = optimize.minimize_scalar(lambda p: divergence(first, second, margin, share, p), bounds=(low, high),
                                     method="bounded", options={"xatol": 1e-13, "maxiter": 10000})
    out["nearest"].append({"first": first, "second": second, "margin": margin, "share": share, "p": float(found.x),
                           "divergence": float(found.fun)})

# Bounds of a mean: the normal mixture of confseq, whose variance is the sample's.
out["mean"] = []
for alpha in (0.05, 0.01):
    for count, m2, tuned in ((100, 250.0, 1000), (1000, 90.0, 1000), (50000, 7e5, 1000)):
        variance = m2 / count
        half = float(boundaries.normal_mixture_bound(count * variance, alpha, tuned * variance, alpha, False)) / count
        out["mean"].append({"alpha": alpha, "count": count, "m2": m2, "tuned_for": tuned, "half": half})

# The mean of bounded values, value by value: confseq's bets and bounds, with the predictions of theorem 2, which start
# at 1/2 (confseq's own predmix_empbern_lower_cs starts them at 0).
def empirical_bernstein(x, alpha):
    before = (0.5 + np.concatenate([[0], np.cumsum(x)[:-1]])) / np.arange(1, len(x) + 1)
    return predmix_lower_cs(x, v=(x - before) ** 2, lambdas_fn=lambda y: lambda_predmix_eb(y, truncation=0.5, alpha=alpha),
                            psi_fn=lambda bets: -np.log(1 - bets) - bets, alpha=alpha)


out["bounded"] = []
for name, x in (("uniform", rng.random(300)), ("rare", (rng.random(300) < 0.03).astype(float)), ("constant", np.full(60, 0.25))):
    x = np.round(x, 6)
    lower, upper = empirical_bernstein(x, 0.025), 1 - empirical_bernstein(1 - x, 0.025)
    out["bounded"].append({"name": name, "x": x.tolist(), "at": [1, 2, 10, len(x)],
                           "lower": [float(lower[i - 1]) for i in (1, 2, 10, len(x))],
                           "upper": [float(upper[i - 1]) for i in (1, 2, 10, len(x))]})

# Splits: the beta-binomial probability over the binomial one, both by scipy.
out["split"] = []
for first, second, share in ((90, 10, 0.1), (10, 12, 0.1), (200, 0, 0.1), (3, 4, 0.5), (5000, 700, 0.12)):
    parts = [stats.betabinom.logpmf(second, first + second, c * share, c * (1 - share))
             - stats.binom.logpmf(second, first + second, share) for c in (3, 30, 300)]
    out["split"].append({"first": first, "second": second, "share": share,
                         "log_e": float(special.logsumexp(parts) - math.log(3))})
out["same_counts"] = []
for first, second in (([500, 300, 150, 50], [40, 80, 60, 20]), ([500, 300, 150, 50], [100, 60, 30, 10]), ([7, 0, 3], [0, 2, 0])):
    share = sum(second) / (sum(first) + sum(second))
    parts = [sum(stats.betabinom.logpmf(b, a + b, c * share, c * (1 - share)) - stats.binom.logpmf(b, a + b, share)
                 for a, b in zip(first, second)) for c in (3, 30, 300)]
    out["same_counts"].append({"first": first, "second": second, "log_e": float(special.logsumexp(parts) - math.log(3))})

out["log_beta"] = [{"a": a, "b": b, "value": float(special.betaln(a, b))}
                   for a, b in ((1e-9, 2), (0.02, 19.98), (0.5, 0.5), (20, 300), (1e5, 3), (1e6, 1e7))]

with open("sequential.json", "w") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
