"""Makes the models and rows that the registration is tried with: what people bring. Run by hand, in an environment with
scikit-learn, skl2onnx, lightgbm, xgboost, onnxmltools and onnx; with tensorflow beside them, the SavedModel too. What it wrote
is committed, so that no test needs any of them."""

import pathlib
import sys

import lightgbm
import numpy as np
import onnx
import pandas as pd
import xgboost
from onnx import TensorProto, helper, numpy_helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as BoosterFloats
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

HERE = pathlib.Path(__file__).parent
NUMBERS = ["age", "income", "debt", "tenure"]
rng = np.random.default_rng(7)


def rows(count):
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, count),
            "income": np.round(rng.lognormal(10, 0.5, count), 2),
            "debt": np.round(rng.gamma(2, 3000, count), 2),
            "city": rng.choice(["Leeds", "York", "Hull", "Łódź"], count),
            "tenure": rng.integers(0, 30, count),
        }
    )
    city = frame.city.map({"Leeds": 0.6, "York": -1.0, "Hull": 1.4, "Łódź": 0})
    z = 0.05 * (frame.age - 45) - 0.00004 * (frame.income - 25_000) + 0.00015 * (frame.debt - 6_000) + city - 0.6
    frame["churned"] = np.where(rng.random(count) < 1 / (1 + np.exp(-z)), "yes", "no")
    return frame


def write(name, model):
    (HERE / name).write_bytes(model.SerializeToString())


def constant_answer(name, value):
    """One that answers `value` to every row: sum of the row times 0, and the value."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", ["X", "axis"], ["sum"], keepdims=1),
            helper.make_node("Mul", ["sum", "zero"], ["none"]),
            helper.make_node("Add", ["none", "value"], ["probability"]),
        ],
        "constant",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", 1])],
        [
            numpy_helper.from_array(np.array([1], np.int64), "axis"),
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
            numpy_helper.from_array(np.array(value, np.float32), "value"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    write(name, model)
    return model


train = rows(4_000)
rows(1_200).to_csv(HERE / "customers.csv", index=False)
y = (train.churned == "yes").astype(int)
X = train[NUMBERS].astype(np.float32).values
matrix = [("float_input", FloatTensorType([None, 4]))]
logistic = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())]).fit(X, y)
write("logistic.onnx", convert_sklearn(logistic, initial_types=matrix, options={"zipmap": False}))
write("refused/zipmap.onnx", convert_sklearn(logistic, initial_types=matrix))
boosted = GradientBoostingClassifier(n_estimators=20, max_depth=3).fit(X, y)
write("boosted.onnx", convert_sklearn(boosted, initial_types=[("X", FloatTensorType([None, 4]))], options={"zipmap": False}))

columns = ColumnTransformer([("n", StandardScaler(), NUMBERS), ("c", OneHotEncoder(handle_unknown="ignore"), ["city"])])
pipeline = Pipeline([("columns", columns), ("model", LogisticRegression(max_iter=500))]).fit(train[[*NUMBERS, "city"]], y)
types = [(name, FloatTensorType([None, 1])) for name in NUMBERS] + [("city", StringTensorType([None, 1]))]
write("churn.onnx", convert_sklearn(pipeline, initial_types=types, options={"zipmap": False}))

gbm = lightgbm.LGBMClassifier(n_estimators=8, num_leaves=8, verbose=-1).fit(X, y)
write("lightgbm.onnx", convert_lightgbm(gbm, initial_types=[("input", BoosterFloats([None, 4]))], zipmap=False))
xgb = xgboost.XGBClassifier(n_estimators=20, max_depth=3).fit(X, y)
write("xgboost.onnx", convert_xgboost(xgb, initial_types=[("input", BoosterFloats([None, 4]))]))

constant_answer("refused/out-of-range.onnx", 3.2)
external = constant_answer("refused/nan.onnx", np.nan)
for name, location in [("refused/external.onnx", "weights.bin"), ("refused/outside.onnx", "../../../../../../etc/passwd")]:
    weights = external.graph.initializer[2]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    del weights.external_data[:]
    weights.external_data.add(key="location", value=location)
    write(name, external)

try:
    import tensorflow as tf
except ImportError:
    sys.exit("without tensorflow no SavedModel is written")

scale = StandardScaler().fit(X)
weights = LogisticRegression().fit(scale.transform(X), y)


class Churn(tf.Module):
    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable((weights.coef_[0] / scale.scale_).astype(np.float32))
        self.bias = tf.Variable(np.float32(weights.intercept_[0] - (weights.coef_[0] * scale.mean_ / scale.scale_).sum()))

    @tf.function(
        input_signature=[tf.TensorSpec([None, 1], tf.float32, name=name) for name in NUMBERS]
    )
    def answer(self, age, income, debt, tenure):
        z = tf.linalg.matvec(tf.concat([age, income, debt, tenure], axis=1), self.kernel) + self.bias
        return {"churn_logit": z[:, None]}


model = Churn()
tf.saved_model.save(model, str(HERE / "churn_saved_model"), signatures=model.answer)
