"""What ONNX Runtime itself answers for the first rows of examples/own-model/customers.csv with churn.onnx, for
test/e2e/own-model.int-spec.ts. Run by hand, in an environment with onnxruntime and pandas:

    python test/e2e/own_model_answers.py
"""

import json
import pathlib

import numpy as np
import onnxruntime as ort
import pandas as pd

ROWS = 200
OWN = pathlib.Path("examples/own-model")

rows = pd.read_csv(OWN / "customers.csv")[:ROWS]
session = ort.InferenceSession(str(OWN / "churn.onnx"))
feeds = {}
for tensor in session.get_inputs():
    kind = object if tensor.type == "tensor(string)" else np.int64 if tensor.type == "tensor(int64)" else np.float32
    feeds[tensor.name] = rows[tensor.name].to_numpy(dtype=kind).reshape(-1, 1)
answers = session.run(["probabilities"], feeds)[0][:, 1]
path = pathlib.Path("test/e2e/support/own-model-answers.json")
path.write_text(json.dumps([float(x) for x in answers]) + "\n")
