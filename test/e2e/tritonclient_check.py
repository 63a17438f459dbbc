"""Asks a Millrace door (router or serving) with the real tritonclient, over gRPC and HTTP.

Usage: tritonclient_check.py --grpc HOST:PORT --http HOST:PORT --model NAME [--version N] [--event-time-ms MS]
Inputs are made from the model's own metadata, so that any model of the platform can be asked. Prints one line per check and
exits with 1 at the first that fails.
"""

import argparse
import sys

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

NUMPY = {
    "BOOL": np.bool_,
    "FP32": np.float32,
    "FP64": np.float64,
    "INT32": np.int32,
    "INT64": np.int64,
    "BYTES": np.object_,
}


def values(datatype, rows, column_shape):
    if datatype == "BYTES":
        data = np.array([f"value-{row}".encode() for row in range(rows)], dtype=np.object_)
    elif datatype == "BOOL":
        data = np.array([row % 2 == 0 for row in range(rows)], dtype=np.bool_)
    else:
        data = np.arange(1, rows + 1).astype(NUMPY[datatype])
    return data.reshape(column_shape)


def check(name, condition, detail=""):
    if not condition:
        print(f"FAILED {name} {detail}")
        sys.exit(1)
    print(f"ok {name}")


def fails(name, call, words):
    try:
        call()
    except InferenceServerException as error:
        check(name, words in str(error), str(error))
        return
    check(name, False, "nothing was raised")


def inputs_of(module, metadata, rows, two_dimensional, binary=None):
    made = []
    for tensor in metadata:
        shape = [rows, 1] if two_dimensional else [rows]
        one = module.InferInput(tensor["name"], shape, tensor["datatype"])
        data = values(tensor["datatype"], rows, shape)
        if binary is None:
            one.set_data_from_numpy(data)
        else:
            one.set_data_from_numpy(data, binary_data=binary)
        made.append(one)
    return made


def check_answer(name, result, rows):
    probability = result.as_numpy("probability")
    label = result.as_numpy("label")
    check(f"{name}: probability", probability is not None and probability.dtype == np.float32 and probability.shape == (rows,))
    check(f"{name}: in [0, 1]", bool(np.all((probability >= 0) & (probability <= 1))))
    check(f"{name}: label", [l.decode() if isinstance(l, bytes) else l for l in label.tolist()] == ["1" if p >= 0.5 else "0" for p in probability])
    return probability


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--grpc", required=True)
    parser.add_argument("--http", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--version", default="")
    parser.add_argument("--event-time-ms", type=int, default=990_000_000_000)
    asked = parser.parse_args()
    parameters = {"entity": "tritonclient", "event_time_ms": asked.event_time_ms}

    grpc = grpcclient.InferenceServerClient(asked.grpc)
    check("grpc: live", grpc.is_server_live())
    check("grpc: ready", grpc.is_server_ready())
    check("grpc: model ready", grpc.is_model_ready(asked.model, asked.version))
    check("grpc: unknown model is not ready", not grpc.is_model_ready("no-such-model"))
    server = grpc.get_server_metadata(as_json=True)
    check("grpc: server metadata", server["name"] != "" and "binary_tensor_data" in server["extensions"])
    metadata = grpc.get_model_metadata(asked.model, asked.version, as_json=True)
    check("grpc: model metadata", metadata["name"] == asked.model and len(metadata["inputs"]) > 0 and len(metadata["versions"]) > 0)
    config = grpc.get_model_config(asked.model, asked.version, as_json=True)
    check("grpc: model config", config["config"]["name"] == asked.model)

    # gRPC leaves an empty shape out of its JSON; all inputs of the platform are [-1].
    inputs = [{"name": tensor["name"], "datatype": tensor["datatype"]} for tensor in metadata["inputs"]]
    one = grpc.infer(asked.model, inputs_of(grpcclient, inputs, 1, False), model_version=asked.version, request_id="grpc-one", parameters=parameters)
    check("grpc: request id", one.get_response().id == "grpc-one")
    first = check_answer("grpc: one row", one, 1)
    many = grpc.infer(asked.model, inputs_of(grpcclient, inputs, 17, True), model_version=asked.version, parameters=parameters)
    many_probability = check_answer("grpc: 17 rows", many, 17)
    check("grpc: same row, same answer", abs(float(first[0]) - float(many_probability[0])) < 1e-6)
    only = grpc.infer(asked.model, inputs_of(grpcclient, inputs, 2, False), outputs=[grpcclient.InferRequestedOutput("label")], parameters=parameters)
    check("grpc: requested output only", [output.name for output in only.get_response().outputs] == ["label"])
    fails("grpc: unknown model", lambda: grpc.infer("no-such-model", inputs_of(grpcclient, inputs, 1, False)), "NOT_FOUND")
    fails("grpc: unknown input", lambda: grpc.infer(asked.model, inputs_of(grpcclient, [{"name": "no_such_input", "datatype": "FP32"}], 1, False)), "no_such_input")
    asynchronous = []
    for n in range(20):
        grpc.async_infer(
            asked.model,
            inputs_of(grpcclient, inputs, 1 + n % 3, False),
            callback=lambda result, error: asynchronous.append((result, error)),
            request_id=f"async-{n}",
            parameters=parameters,
        )

    http = httpclient.InferenceServerClient(asked.http)
    check("http: live", http.is_server_live())
    check("http: ready", http.is_server_ready())
    check("http: model ready", http.is_model_ready(asked.model, asked.version))
    check("http: server metadata", http.get_server_metadata()["name"] == server["name"])
    rest = http.get_model_metadata(asked.model, asked.version)
    check("http: model metadata", [t["name"] for t in rest["inputs"]] == [t["name"] for t in inputs])
    check("http: model config", http.get_model_config(asked.model, asked.version)["name"] == asked.model)
    for binary in (True, False):
        for rows in (1, 17):
            name = f"http: {'binary' if binary else 'json'}, {rows} rows"
            result = http.infer(
                asked.model,
                inputs_of(httpclient, inputs, rows, False, binary),
                model_version=asked.version,
                request_id="http-one",
                parameters=parameters,
            )
            check(f"{name}: request id", result.get_response()["id"] == "http-one")
            probability = check_answer(name, result, rows)
            check(f"{name}: as over gRPC", float(np.max(np.abs(probability - many_probability[:rows]))) < 1e-6)
    asked_json = http.infer(
        asked.model,
        inputs_of(httpclient, inputs, 2, False, True),
        outputs=[httpclient.InferRequestedOutput("probability", binary_data=False), httpclient.InferRequestedOutput("label", binary_data=True)],
        parameters=parameters,
    )
    check_answer("http: outputs as asked", asked_json, 2)
    fails("http: unknown model", lambda: http.infer("no-such-model", inputs_of(httpclient, inputs, 1, False, False)), "no-such-model")

    statistics = grpc.get_inference_statistics(asked.model, as_json=True)["model_stats"]
    counted = sum(int(one.get("inference_count", 0)) for one in statistics)
    executed = sum(int(one.get("execution_count", 0)) for one in statistics)
    check("grpc: statistics", counted >= 18 and executed >= 1, str(statistics))
    check("http: statistics", len(http.get_inference_statistics(asked.model)["model_stats"]) >= 1)
    for _ in range(500):
        if len(asynchronous) == 20:
            break
        grpc.is_server_live()
    check("grpc: async", len(asynchronous) == 20 and all(error is None for _, error in asynchronous))
    grpc.close()
    http.close()
    print("all checks passed")


main()
