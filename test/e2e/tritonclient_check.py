"""Asks a Millrace endpoint (router or serving) with the real tritonclient, over gRPC and HTTP, blocking and asyncio.

Usage: tritonclient_check.py --grpc HOST:PORT --http HOST:PORT [--model NAME [--version N] [--event-time-ms MS]] [--repository]
--model: a model of the platform; inputs are made from its own metadata, so that any can be asked. --repository: the models of
examples/model-repository, with streams, sequences, classification, settings, load and unload. Prints one line per check and
exits with 1 at the first that fails.
"""

import argparse
import asyncio
import json
import queue
import sys

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.grpc.aio as grpcaio
import tritonclient.http as httpclient
import tritonclient.http.aio as httpaio
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


def platform_checks(asked):
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
    for algorithm in ("gzip", "deflate"):
        packed = grpc.infer(asked.model, inputs_of(grpcclient, inputs, 17, False), compression_algorithm=algorithm, parameters=parameters)
        check_answer(f"grpc: {algorithm}", packed, 17)
        packed = http.infer(
            asked.model,
            inputs_of(httpclient, inputs, 200, False),
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
            parameters=parameters,
        )
        check_answer(f"http: {algorithm} both ways", packed, 200)
    answers = queue.Queue()
    grpc.start_stream(callback=lambda result, error: answers.put((result, error)))
    for n in range(20):
        grpc.async_stream_infer(asked.model, inputs_of(grpcclient, inputs, 1 + n % 3, False), request_id=f"stream-{n}", parameters=parameters)
    streamed = [answers.get(timeout=10) for _ in range(20)]
    check("grpc: stream", all(error is None for _, error in streamed))
    check("grpc: stream ids in order", [result.get_response().id for result, _ in streamed] == [f"stream-{n}" for n in range(20)])
    check_answer("grpc: stream answer", streamed[1][0], 2)
    grpc.async_stream_infer("no-such-model", inputs_of(grpcclient, inputs, 1, False), request_id="bad")
    result, error = answers.get(timeout=10)
    check("grpc: stream error", result is None and "no-such-model" in str(error), str(error))
    grpc.stop_stream()
    fails(
        "grpc: shared memory is refused",
        lambda: grpc.register_system_shared_memory("region", "/region", 64),
        "UNIMPLEMENTED",
    )
    fails("http: shared memory is refused", lambda: http.register_system_shared_memory("region", "/region", 64), "shared memory")
    check("grpc: repository index", any(one["name"] == asked.model for one in grpc.get_model_repository_index(as_json=True)["models"]))
    check("http: repository index", any(one["name"] == asked.model for one in http.get_model_repository_index()))
    asyncio.run(aio_platform_checks(asked, inputs, parameters, many_probability))
    grpc.close()
    http.close()


async def aio_platform_checks(asked, inputs, parameters, expected):
    async with grpcaio.InferenceServerClient(asked.grpc) as grpc:
        check("grpc aio: ready", await grpc.is_server_ready() and await grpc.is_model_ready(asked.model))
        results = await asyncio.gather(
            *[grpc.infer(asked.model, inputs_of(grpcclient, inputs, 17, False), request_id=f"aio-{n}", parameters=parameters) for n in range(20)]
        )
        check("grpc aio: ids", [result.get_response().id for result in results] == [f"aio-{n}" for n in range(20)])
        check("grpc aio: values", all(np.allclose(result.as_numpy("probability"), expected, atol=1e-6) for result in results))

        async def requests():
            for n in range(5):
                yield {"model_name": asked.model, "inputs": inputs_of(grpcclient, inputs, 1, False), "request_id": f"aio-stream-{n}", "parameters": parameters}

        ids = [result.get_response().id async for result, error in grpc.stream_infer(requests()) if error is None]
        check("grpc aio: stream", ids == [f"aio-stream-{n}" for n in range(5)], str(ids))
    async with httpaio.InferenceServerClient(asked.http) as http:
        check("http aio: ready", await http.is_server_ready() and await http.is_model_ready(asked.model))
        results = await asyncio.gather(
            *[http.infer(asked.model, inputs_of(httpclient, inputs, 17, False), parameters=parameters) for _ in range(20)]
        )
        check("http aio: values", all(np.allclose(result.as_numpy("probability"), expected, atol=1e-6) for result in results))


def tensors(module, **arrays):
    made = []
    for name, (datatype, array) in arrays.items():
        one = module.InferInput(name, list(array.shape), datatype)
        one.set_data_from_numpy(array)
        made.append(one)
    return made


def fp32(*values):
    return ("FP32", np.array([values], dtype=np.float32))


def texts(*values):
    return ("BYTES", np.array([values], dtype=np.object_))


def int32(*values):
    return ("INT32", np.array([values], dtype=np.int32))


def repository_checks(asked):
    grpc = grpcclient.InferenceServerClient(asked.grpc)
    http = httpclient.InferenceServerClient(asked.http)
    for name, client, module in (("grpc", grpc, grpcclient), ("http", http, httpclient)):
        result = client.infer("add_sub", tensors(module, INPUT0=fp32(3, 5), INPUT1=fp32(1, 2)))
        check(f"{name}: add_sub", result.as_numpy("OUTPUT0").tolist() == [[4, 7]] and result.as_numpy("OUTPUT1").tolist() == [[2, 3]])
        result = client.infer("string", tensors(module, INPUT0=texts("40", "-1"), INPUT1=texts("2", "1")))
        check(f"{name}: BYTES", [text.decode() for text in result.as_numpy("OUTPUT0").flatten()] == ["42", "0"])
        large = np.random.default_rng(1).random((1, 262_144), dtype=np.float32)
        result = client.infer("identity", tensors(module, INPUT0=("FP32", large)))
        check(f"{name}: 1 MiB", bool(np.array_equal(result.as_numpy("OUTPUT0"), large)))
        wanted = [module.InferRequestedOutput("OUTPUT0", class_count=2)]
        result = client.infer("identity", tensors(module, INPUT0=fp32(0.1, 0.7, 0.2)), outputs=wanted)
        top = [text.decode() for text in result.as_numpy("OUTPUT0").flatten()]
        check(f"{name}: classification", [text.split(":")[1] for text in top] == ["1", "2"], str(top))
        for id in (4711, "text-id"):
            steps = [(1, True, False), (10, False, False), (100, False, True)]
            sums = [
                client.infer("accumulator", tensors(module, INPUT=int32(value)), sequence_id=id, sequence_start=start, sequence_end=end).as_numpy("OUTPUT").item()
                for value, start, end in steps
            ]
            check(f"{name}: sequence {id}", sums == [1, 11, 111], str(sums))
        fails(f"{name}: a model that answers many times needs a stream", lambda: client.infer("repeat", tensors(module, IN=("INT32", np.array([1], dtype=np.int32)))), "decoupled")
        config = client.get_model_config("add_sub", **({"as_json": True} if name == "grpc" else {}))
        config = config.get("config", config)
        check(f"{name}: config", int(config["max_batch_size"]) == 64 and len(config["input"]) == 2)
        settings_checks(name, client)
        repository_control_checks(name, client, module)
    fails("grpc: client timeout", lambda: grpc.infer("delay", tensors(grpcclient, INPUT0=fp32(1)), client_timeout=0.0001), "DEADLINE_EXCEEDED")
    stream_checks(grpc)
    asyncio.run(aio_repository_checks(asked))
    grpc.close()
    http.close()


def setting(value):
    """gRPC answers in messages, HTTP in JSON."""
    if isinstance(value, dict):
        (value,) = value.values() if value else ("",)
    return value[0] if isinstance(value, list) else value


def settings_checks(name, client):
    as_json = {"as_json": True} if name == "grpc" else {}
    read = lambda answer: answer.get("settings", answer)
    before = read(client.get_log_settings(**as_json))
    changed = read(client.update_log_settings({"log_verbose_level": 1}, **as_json))
    check(f"{name}: log settings", int(setting(changed["log_verbose_level"])) == 1, str(changed))
    client.update_log_settings({"log_verbose_level": 0}, **as_json)
    check(f"{name}: log settings come back", read(client.get_log_settings(**as_json)) == before)
    changed = read(client.update_trace_settings("identity", {"trace_level": ["TIMESTAMPS"], "trace_rate": "100"}, **as_json))
    check(f"{name}: trace settings", setting(changed["trace_level"]) == "TIMESTAMPS" and setting(changed["trace_rate"]) == "100", str(changed))
    client.update_trace_settings("identity", {"trace_level": None, "trace_rate": None})
    check(f"{name}: trace settings of all", setting(read(client.get_trace_settings(**as_json))["trace_level"]) == "OFF")
    fails(f"{name}: an unknown setting", lambda: client.update_log_settings({"nonsense": True}), "nonsense")


MODULE = b"""export default () => ({
  inputs: [{ name: 'X', datatype: 'FP32', shape: [-1] }],
  outputs: [{ name: 'Y', datatype: 'FP32', shape: [-1] }],
  run: ({ X }) => ({ Y: { shape: X.shape, data: X.data.map((x) => 2 * x) } }),
});
"""


def repository_control_checks(name, client, module):
    client.unload_model("delay")
    check(f"{name}: unload", not client.is_model_ready("delay"))
    client.load_model("delay")
    check(f"{name}: load", client.is_model_ready("delay"))
    tensor = lambda tensor_name: [{"name": tensor_name, "data_type": "TYPE_FP32", "dims": [-1]}]
    config = {"name": "sent", "backend": "typescript", "max_batch_size": 0, "input": tensor("X"), "output": tensor("Y")}
    client.load_model("sent", config=json.dumps(config), files={"file:1/model.js": MODULE})
    result = client.infer("sent", tensors(module, X=("FP32", np.array([1.5, 2], dtype=np.float32))))
    check(f"{name}: load with files", result.as_numpy("Y").tolist() == [3, 4])
    client.unload_model("sent", unload_dependents=True)
    check(f"{name}: unload what was sent", not client.is_model_ready("sent"))
    fails(f"{name}: load an unknown model", lambda: client.load_model("no-such-model"), "no-such-model")


def stream_checks(grpc):
    answers = queue.Queue()
    grpc.start_stream(callback=lambda result, error: answers.put((result, error)))
    grpc.async_stream_infer(
        "repeat",
        tensors(grpcclient, IN=("INT32", np.array([7, 8, 9], dtype=np.int32)), DELAY=("UINT32", np.array([0, 1, 1], dtype=np.uint32))),
        request_id="many",
        enable_empty_final_response=True,
    )
    values = []
    while True:
        result, error = answers.get(timeout=10)
        check("grpc: decoupled answer", error is None, str(error))
        if result.get_response().outputs:
            values.append(result.as_numpy("OUT").item())
        if result.get_response().parameters["triton_final_response"].bool_param:
            break
    check("grpc: decoupled answers", values == [7, 8, 9], str(values))
    for value, start, end in [(1, True, False), (2, False, True)]:
        grpc.async_stream_infer("accumulator", tensors(grpcclient, INPUT=int32(value)), sequence_id=99, sequence_start=start, sequence_end=end)
    sums = [answers.get(timeout=10)[0].as_numpy("OUTPUT").item() for _ in range(2)]
    check("grpc: sequence in a stream", sums == [1, 3], str(sums))
    grpc.async_stream_infer("repeat", tensors(grpcclient, IN=("INT32", np.arange(1000, dtype=np.int32)), DELAY=("UINT32", np.full(1000, 50, dtype=np.uint32))))
    answers.get(timeout=10)
    grpc.stop_stream(cancel_requests=True)
    check("grpc: a stream is cancelled", grpc.is_server_live())


async def aio_repository_checks(asked):
    async with grpcaio.InferenceServerClient(asked.grpc) as grpc, httpaio.InferenceServerClient(asked.http) as http:

        async def requests():
            yield {"model_name": "repeat", "inputs": tensors(grpcclient, IN=("INT32", np.array([4, 5], dtype=np.int32)))}

        values = [result.as_numpy("OUT").item() async for result, error in grpc.stream_infer(requests()) if error is None]
        check("grpc aio: decoupled", values == [4, 5], str(values))
        result = await http.infer("add_sub", tensors(httpclient, INPUT0=fp32(1), INPUT1=fp32(2)))
        check("http aio: add_sub", result.as_numpy("OUTPUT0").tolist() == [[3]])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--grpc", required=True)
    parser.add_argument("--http", required=True)
    parser.add_argument("--model", default="")
    parser.add_argument("--version", default="")
    parser.add_argument("--event-time-ms", type=int, default=990_000_000_000)
    parser.add_argument("--repository", action="store_true")
    asked = parser.parse_args()
    if asked.model:
        platform_checks(asked)
    if asked.repository:
        repository_checks(asked)
    print("all checks passed")


main()
