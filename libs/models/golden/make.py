# Makes golden.json: numbers of scikit-learn and of a plain float64 Adam, which the tests compare with.
# Run: python make.py > golden.json   (numpy 2.4, scikit-learn 1.9)
import json

import numpy as np
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(5)

w = np.array([0.5, -1.0, 2.0])
m = np.zeros(3)
v = np.zeros(3)
steps = []
for t in range(1, 6):
    g = np.array([0.1 * t, -0.2, 0.05 * (-1) ** t])
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    w = w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    steps.append(w.tolist())

x = np.stack([rng.integers(0, 4, 300), rng.integers(0, 3, 300)], axis=1)
y = (rng.random(300) < 1 / (1 + np.exp(-(x[:, 0] - 1.5) - 0.5 * (x[:, 1] - 1)))).astype(int)
onehot = np.concatenate([np.eye(4)[x[:, 0]], np.eye(3)[x[:, 1]]], axis=1)
model = LogisticRegression(C=1e6, max_iter=5000, tol=1e-10).fit(onehot, y)

print(
    json.dumps(
        {
            "adam": steps,
            "logistic": {
                "a": x[:, 0].tolist(),
                "b": x[:, 1].tolist(),
                "labels": y.tolist(),
                "probabilities": model.predict_proba(onehot)[:, 1].tolist(),
            },
        }
    )
)
