"""Models that Millrace did not train, and what they answer: birdstrikes.onnx takes a tensor for each column (texts and
numbers with gaps, as skl2onnx writes a pipeline), forest.onnx one float tensor of all numbers. answers.json holds
scikit-learn's own probabilities for the first rows of the table, and ONNX Runtime's for the same. hungry.onnx is quick
on zeros; a row whose 'loop' is above 100 never ends, one whose 'size' is above 1 takes 4 bytes for each of so many
million numbers.

    python -m venv v && v/bin/pip install scikit-learn==1.9.1 skl2onnx==1.20.0 onnxruntime==1.32.0 pandas==3.1.1
    v/bin/python services/serving/test/own-models/make_models.py
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = pathlib.Path(__file__).parent
TABLE = "node_modules/vega-datasets/data/birdstrikes.csv"
TEXTS = ["Phase of flight", "Wildlife Size", "Time of day", "Origin State"]
NUMBERS = ["Speed IAS in knots", "Cost Other"]
ROWS = 400

table = pd.read_csv(TABLE, dtype={name: "object" for name in TEXTS}, keep_default_na=True)
labels = table["Effect Amount of damage"].notna().astype(int)
train = slice(0, 6000)


def tensor(name):
    return name.replace(" ", "_")


def feeds(rows):
    texts = {tensor(n): rows[n].fillna("").to_numpy(dtype=object).reshape(-1, 1) for n in TEXTS}
    numbers = {tensor(n): rows[n].to_numpy(dtype=np.float32).reshape(-1, 1) for n in NUMBERS}
    return {**texts, **numbers}


columns = table[TEXTS + NUMBERS].rename(columns=tensor)
columns[[tensor(n) for n in NUMBERS]] = columns[[tensor(n) for n in NUMBERS]].astype(np.float32)
pipeline = make_pipeline(
    ColumnTransformer(
        [
            ("texts", OneHotEncoder(handle_unknown="ignore"), [tensor(n) for n in TEXTS]),
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), [tensor(n) for n in NUMBERS]),
        ]
    ),
    GradientBoostingClassifier(n_estimators=40, max_depth=3, random_state=7),
)
pipeline.fit(columns[train], labels[train])
initial = [(tensor(n), StringTensorType([None, 1])) for n in TEXTS]
initial += [(tensor(n), FloatTensorType([None, 1])) for n in NUMBERS]
graph = to_onnx(pipeline, initial_types=initial, options={"zipmap": False}, target_opset=17)
(HERE / "birdstrikes.onnx").write_bytes(graph.SerializeToString())

numbers = table[["Speed IAS in knots", "Cost Other"]].fillna(-1).to_numpy(dtype=np.float32)
forest = RandomForestClassifier(n_estimators=30, max_depth=5, random_state=7).fit(numbers[train], labels[train])
graph = to_onnx(
    forest, initial_types=[("X", FloatTensorType([None, 2]))], options={"zipmap": False}, target_opset=17
)
(HERE / "forest.onnx").write_bytes(graph.SerializeToString())

hungry = onnx.parser.parse_model(
    """
<ir_version: 8, opset_import: ["" : 17]>
hungry (float[N,1] x, float[N,1] loop, float[N,1] size) => (float[N,1] probability) {
  hundred = Constant <value = float {100.0}> ()
  million = Constant <value = float {1000000.0}> ()
  zero = Constant <value = float {0.0}> ()
  one = Constant <value = float {1.0}> ()
  forever = Constant <value = int64 {9223372036854775807}> ()
  longest = ReduceMax <keepdims = 0> (loop)
  goes_on = Greater (longest, hundred)
  count = Loop (forever, goes_on, zero) <body = rounds (int64 i, bool given, float before) => (bool again, float after)
    { again = Identity (given) after = Add (before, one) }>
  largest = ReduceMax <keepdims = 0> (size)
  numbers = Mul (largest, million)
  range = Range (zero, numbers, one)
  sum = ReduceSum <keepdims = 0> (range)
  none = Add (sum, count)
  nothing = Mul (none, zero)
  moved = Add (x, nothing)
  probability = Sigmoid (moved)
}
"""
)
onnx.checker.check_model(hungry)
(HERE / "hungry.onnx").write_bytes(hungry.SerializeToString())


def answers(path, fed, sklearn):
    session = ort.InferenceSession(str(HERE / path))
    own = session.run(["probabilities"], fed)[0][:, 1]
    assert np.abs(own - sklearn).max() < 1e-5, np.abs(own - sklearn).max()
    return {"sklearn": [round(float(x), 7) for x in sklearn], "onnxruntime": [float(np.float32(x)) for x in own]}


head = table[:ROWS]
rows = head[TEXTS + NUMBERS].astype(object)
rows = rows.where(rows.notna(), None)
result = {
    "columns": TEXTS + NUMBERS,
    "rows": rows.values.tolist(),
    "birdstrikes": answers("birdstrikes.onnx", feeds(head), pipeline.predict_proba(columns[:ROWS])[:, 1]),
    "forest": answers("forest.onnx", {"X": numbers[:ROWS]}, forest.predict_proba(numbers[:ROWS])[:, 1]),
}
(HERE / "answers.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
