"""Makes the models of this folder and golden.json: inputs, and what the library that made each model answers to them.

Run in a virtual environment of its own (Python 3.11):
    pip install tensorflow-cpu==2.18.1 keras==3.15.1 scikit-learn==1.9.1 skl2onnx onnx==1.22.0 pandas
    python services/serving/test/models/make_models.py
The references are scikit-learn's, Keras's and TensorFlow's own; nothing of ONNX Runtime or tfjs is asked.
"""

import json
import os
import shutil
import struct
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np
import pandas as pd
import sklearn
import tensorflow as tf
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))
DATATYPES = {
    "float16": "FP16", "float32": "FP32", "float64": "FP64", "bfloat16": "BF16", "bool": "BOOL",
    "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
    "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
}
golden = {"versions": {"python": sys.version.split()[0], "scikit-learn": sklearn.__version__, "keras": keras.__version__,
                       "tensorflow": tf.__version__, "numpy": np.__version__}, "models": {}}


def tensor(name, array):
    array = np.asarray(array)
    if array.dtype.kind in "OSU":
        values = [v.decode() if isinstance(v, bytes) else str(v) for v in array.reshape(-1)]
        return {"name": name, "datatype": "BYTES", "shape": list(array.shape), "values": values}
    kind = DATATYPES[array.dtype.name]
    flat = array.reshape(-1)
    # 64-bit integers as texts: JSON's numbers end at 2^53 for most readers.
    if kind in ("INT64", "UINT64"):
        values = [str(int(v)) for v in flat]
    elif kind == "BOOL":
        values = [bool(v) for v in flat]
    elif kind.startswith(("INT", "UINT")):
        values = [int(v) for v in flat]
    else:
        # JSON has no infinity.
        values = [float(v) if np.isfinite(v) else str(float(v)).replace("inf", "Infinity") for v in flat.astype(np.float64)]
    return {"name": name, "datatype": kind, "shape": list(array.shape), "values": values}


def record(model, inputs, outputs, parameters=None):
    golden["models"].setdefault(model, []).append({
        "parameters": parameters or {},
        "inputs": [tensor(name, array) for name, array in inputs.items()],
        "outputs": [tensor(name, array) for name, array in outputs.items()],
    })


def folder(model, *below):
    path = os.path.join(HERE, model, "1", *below)
    shutil.rmtree(os.path.join(HERE, model), ignore_errors=True)
    os.makedirs(path)
    return path


def write_onnx(model, converted):
    with open(os.path.join(folder(model), "model.onnx"), "wb") as out:
        out.write(converted.SerializeToString())


# --- ONNX, from scikit-learn ------------------------------------------------------------------------------------------

def onnx_models():
    iris = load_iris()
    x = iris.data.astype(np.float32)
    probe = x[::17]

    forest = RandomForestClassifier(n_estimators=5, max_depth=4, random_state=1).fit(x, iris.target)
    write_onnx("iris_forest", to_onnx(forest, x[:1], options={id(forest): {"zipmap": False}}, target_opset=17))
    record("iris_forest", {"X": probe},
           {"label": forest.predict(probe).astype(np.int64), "probabilities": forest.predict_proba(probe).astype(np.float32)})

    names = iris.target_names[iris.target]
    named = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(x, names)
    write_onnx("iris_names", to_onnx(named, x[:1], options={"zipmap": False}, target_opset=17))
    record("iris_names", {"X": probe},
           {"label": named.predict(probe).astype(object), "probabilities": named.predict_proba(probe).astype(np.float32)})

    # Two inputs of two types: a text column and a number column.
    rng = np.random.default_rng(2)
    colours = rng.choice(["red", "grün", "青"], size=(60, 1)).astype(object)
    sizes = rng.normal(size=(60, 2)).astype(np.float32)
    target = sizes[:, 0] * 2 - sizes[:, 1] + (colours[:, 0] == "red")
    frame = pd.DataFrame({"colour": colours[:, 0], "a": sizes[:, 0], "b": sizes[:, 1]})
    mixed = make_pipeline(
        ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), ["colour"]), ("n", StandardScaler(), ["a", "b"])]),
        MLPRegressor(hidden_layer_sizes=(8,), max_iter=300, random_state=3),
    ).fit(frame, target)
    types = [("colour", StringTensorType([None, 1])), ("a", FloatTensorType([None, 1])), ("b", FloatTensorType([None, 1]))]
    write_onnx("mixed_columns", to_onnx(mixed, initial_types=types, target_opset=17))
    some = frame.iloc[:6]
    record("mixed_columns",
           {"colour": some[["colour"]].to_numpy(dtype=object), "a": some[["a"]].to_numpy(np.float32),
            "b": some[["b"]].to_numpy(np.float32)},
           {"variable": mixed.predict(some).astype(np.float32).reshape(-1, 1)})


# --- TensorFlow SavedModels ----------------------------------------------------------------------------------------------

class Types(tf.Module):
    """One signature per datatype: y = x + x, and for BOOL and BYTES something that shows order."""

    @staticmethod
    def of(dtype):
        def twice(x):
            if dtype == tf.bool:
                return {"y": tf.math.logical_not(x)}
            if dtype == tf.string:
                return {"y": tf.strings.join([x, x], separator="+")}
            return {"y": tf.bitwise.bitwise_xor(x, tf.constant(1, dtype)) if dtype.is_integer else x + x}
        return tf.function(twice, input_signature=[tf.TensorSpec([None, 2], dtype, name="x")])


class Mixed(tf.Module):
    def __init__(self):
        rng = np.random.default_rng(5)
        self.filters = tf.Variable(rng.normal(size=(3, 3, 1, 4)).astype(np.float32))
        self.weights = tf.Variable(rng.normal(size=(64, 3)).astype(np.float32) / 8)

    @tf.function(input_signature=[
        tf.TensorSpec([None, 8, 8, 1], tf.float32, name="image"),
        tf.TensorSpec([None], tf.int64, name="id"),
        tf.TensorSpec([None], tf.string, name="name"),
    ])
    def __call__(self, image, id, name):
        seen = tf.nn.relu(tf.nn.conv2d(image, self.filters, 1, "SAME"))
        pooled = tf.nn.max_pool2d(seen, 2, 2, "VALID")
        scores = tf.nn.softmax(tf.matmul(tf.reshape(pooled, [-1, 64]), self.weights))
        return {"scores": scores, "next": id + 1, "title": tf.strings.upper(name, encoding="utf-8"),
                "best": tf.argmax(scores, axis=1, output_type=tf.int32), "mean": tf.reduce_mean(scores)}


def saved_models():
    samples = {
        tf.float16: [[0.333251953125, -65504], [2.0 ** -24, 1]], tf.bfloat16: [[0.5, -3], [3.0e38, 1e-3]],
        tf.float32: [[0.1, -1e30], [3, 4]], tf.float64: [[0.1, -1e300], [1 / 3, 4]],
        tf.int8: [[-128, 127], [0, 5]], tf.int16: [[-32768, 32767], [0, 5]], tf.int32: [[-2**31, 2**31 - 1], [0, 5]],
        tf.int64: [[-2**63, 2**63 - 1], [2**53 + 1, 5]], tf.uint8: [[0, 255], [7, 5]], tf.uint16: [[0, 65535], [7, 5]],
        tf.uint32: [[0, 2**32 - 1], [7, 5]], tf.uint64: [[0, 2**64 - 1], [2**53 + 1, 5]],
        tf.bool: [[True, False], [False, False]], tf.string: [["", "grün"], ["青", "b"]],
    }
    module = Types()
    signatures = {dtype.name: Types.of(dtype) for dtype in samples}
    path = folder("tf_types", "model.savedmodel")
    tf.saved_model.save(module, path, signatures=signatures)
    for dtype, values in samples.items():
        x = tf.constant(values, dtype)
        y = signatures[dtype.name](x)["y"]
        as_array = lambda t: t.numpy()
        record("tf_types", {"x": as_array(x)}, {"y": as_array(y)}, {"TF_SIGNATURE_DEF": dtype.name})

    mixed = Mixed()
    path = folder("tf_mixed", "model.savedmodel")
    tf.saved_model.save(mixed, path, signatures={"serving_default": mixed.__call__})
    rng = np.random.default_rng(6)
    inputs = {"image": rng.normal(size=(3, 8, 8, 1)).astype(np.float32),
              "id": np.array([1, 2**60, -5], np.int64), "name": np.array(["ab", "grün", ""], object)}
    outputs = mixed(tf.constant(inputs["image"]), tf.constant(inputs["id"]), tf.constant(list(inputs["name"])))
    record("tf_mixed", inputs, {name: value.numpy() for name, value in outputs.items()})


# --- tfjs layers models: the topology in Keras 2's form, as tfjs writes and reads it --------------------------------------

def write_layers(model, topology, weights):
    path = folder(model)
    manifest, blob = [], b""
    for name, array in weights:
        array = np.ascontiguousarray(array, np.float32)
        manifest.append({"name": name, "shape": list(array.shape), "dtype": "float32"})
        blob += array.tobytes()
    document = {"format": "layers-model", "generatedBy": "make_models.py", "convertedBy": None,
                "modelTopology": {"class_name": topology["class_name"], "config": topology["config"],
                                  "keras_version": "tfjs-layers 4.22.0", "backend": "tensor_flow.js"},
                "weightsManifest": [{"paths": ["weights.bin"], "weights": manifest}]}
    with open(os.path.join(path, "model.json"), "w") as out:
        json.dump(document, out, indent=1)
        out.write("\n")
    with open(os.path.join(path, "weights.bin"), "wb") as out:
        out.write(blob)


def dense(name, units, activation, **more):
    return {"class_name": "Dense",
            "config": {"name": name, "units": units, "activation": activation, "use_bias": True, "trainable": True,
                       "dtype": "float32", **more}}


def layers_models():
    rng = np.random.default_rng(7)
    keras.utils.set_random_seed(7)

    layers = [keras.layers.Conv2D(4, 3, activation="relu", padding="same"), keras.layers.MaxPooling2D(2),
              keras.layers.Flatten(), keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(3, activation="softmax")]
    net = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    conv, _, _, first, last = layers
    for layer in (conv, first, last):
        layer.set_weights([rng.normal(size=w.shape).astype(np.float32) / 3 for w in layer.get_weights()])
    topology = {"class_name": "Sequential", "config": {"name": "image", "layers": [
        {"class_name": "Conv2D", "config": {
            "name": "conv", "filters": 4, "kernel_size": [3, 3], "strides": [1, 1], "padding": "same",
            "data_format": "channels_last", "dilation_rate": [1, 1], "activation": "relu", "use_bias": True,
            "trainable": True, "batch_input_shape": [None, 8, 8, 1], "dtype": "float32"}},
        {"class_name": "MaxPooling2D", "config": {"name": "pool", "pool_size": [2, 2], "strides": [2, 2],
                                                  "padding": "valid", "data_format": "channels_last", "trainable": True}},
        {"class_name": "Flatten", "config": {"name": "flat", "trainable": True}},
        dense("first", 5, "tanh"), dense("scores", 3, "softmax"),
    ]}}
    weights = [(f"{name}/{part}", array) for name, layer in (("conv", conv), ("first", first), ("scores", last))
               for part, array in zip(("kernel", "bias"), layer.get_weights())]
    write_layers("layers_image", topology, weights)
    x = rng.normal(size=(40, 8, 8, 1)).astype(np.float32)
    record("layers_image", {"conv_input": x}, {"scores": np.asarray(net(x))})

    words = keras.Input((6,), dtype="int32")
    sizes = keras.Input((2,))
    embed = keras.layers.Embedding(10, 4)
    lstm = keras.layers.LSTM(3)
    up, prob = keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1, activation="sigmoid")
    size_out = keras.layers.Dense(2)
    joined = keras.layers.Concatenate()([lstm(embed(words)), up(sizes)])
    net = keras.Model([words, sizes], [prob(joined), size_out(joined)])
    for layer in (embed, lstm, up, prob, size_out):
        layer.set_weights([rng.normal(size=w.shape).astype(np.float32) / 2 for w in layer.get_weights()])
    node = lambda *names: [[[name, 0, 0, {}] for name in names]]
    place = lambda layer, *names: {**layer, "name": layer["config"]["name"], "inbound_nodes": node(*names) if names else []}
    entry = lambda name, size, dtype: {"class_name": "InputLayer", "config": {
        "batch_input_shape": [None, size], "dtype": dtype, "sparse": False, "name": name}}
    topology = {"class_name": "Model", "config": {"name": "text", "layers": [
        place(entry("words", 6, "int32")), place(entry("sizes", 2, "float32")),
        place({"class_name": "Embedding", "config": {
            "name": "embed", "input_dim": 10, "output_dim": 4, "mask_zero": False, "input_length": 6, "trainable": True,
            "batch_input_shape": [None, 6], "dtype": "float32"}}, "words"),
        place({"class_name": "LSTM", "config": {
            "name": "lstm", "units": 3, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True,
            "unit_forget_bias": True, "return_sequences": False, "return_state": False, "go_backwards": False,
            "stateful": False, "unroll": False, "implementation": 1, "trainable": True}}, "embed"),
        place(dense("up", 4, "relu"), "sizes"),
        place({"class_name": "Concatenate", "config": {"name": "joined", "axis": -1, "trainable": True}}, "lstm", "up"),
        place(dense("probability", 1, "sigmoid"), "joined"), place(dense("plan", 2, "linear"), "joined"),
    ], "input_layers": [["words", 0, 0], ["sizes", 0, 0]],
        "output_layers": [["probability", 0, 0], ["plan", 0, 0]]}}
    weights = [("embed/embeddings", embed.get_weights()[0])]
    weights += [(f"lstm/{part}", array) for part, array in zip(("kernel", "recurrent_kernel", "bias"), lstm.get_weights())]
    for name, layer in (("up", up), ("probability", prob), ("plan", size_out)):
        weights += [(f"{name}/{part}", array) for part, array in zip(("kernel", "bias"), layer.get_weights())]
    write_layers("layers_text", topology, weights)
    inputs = {"words": rng.integers(0, 10, size=(5, 6)).astype(np.int32), "sizes": rng.normal(size=(5, 2)).astype(np.float32)}
    first, second = net([inputs["words"], inputs["sizes"]])
    record("layers_text", inputs, {"probability": np.asarray(first), "plan": np.asarray(second)})


onnx_models()
saved_models()
layers_models()
with open(os.path.join(HERE, "golden.json"), "w") as out:
    json.dump(golden, out, ensure_ascii=False, indent=None, separators=(",", ":"))
    out.write("\n")
print("made", ", ".join(golden["models"]))
