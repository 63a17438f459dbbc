"""Asks a router with tritonclient, over gRPC and HTTP with kept connections, until its input ends.

Usage: end_client.py GRPC HTTP OTHER_GRPC OTHER_HTTP (ports). Where a connection is refused or was told to end before the
request was sent, the other router is asked from then on. Prints "asks" when both have answers, and at its end one line of
JSON: how many were answered, and what failed.
"""

import json
import sys
import threading

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

over = threading.Event()
answered = {"grpc": 0, "http": 0}
failed = []


def inputs(module):
    tensor = module.InferInput("x", [1], "FP64")
    tensor.set_data_from_numpy(np.zeros(1))
    return [tensor]


def was_not_sent(kind, error):
    """No connection: nobody has seen the request."""
    if kind == "http":
        return isinstance(error, ConnectionRefusedError)
    return isinstance(error, InferenceServerException) and "Connection refused" in str(error)


def ask(kind, module, ports):
    made = None
    while not over.is_set():
        try:
            made = made or module.InferenceServerClient(f"127.0.0.1:{ports[0]}")
            made.infer("p", inputs(module))
            answered[kind] += 1
        except Exception as error:  # whatever the client raises is a caller's failure
            if was_not_sent(kind, error) and len(ports) > 1:
                ports, made = ports[1:], None
                continue
            failed.append(f"{kind}: {type(error).__name__} {error}")
        if answered[kind] == 5:
            first[kind].set()


first = {"grpc": threading.Event(), "http": threading.Event()}
ports = sys.argv[1:]
threads = [
    threading.Thread(target=ask, args=("grpc", grpcclient, [ports[0], ports[2]])),
    threading.Thread(target=ask, args=("http", httpclient, [ports[1], ports[3]])),
]
for thread in threads:
    thread.start()
for event in first.values():
    event.wait(20)
print("asks", flush=True)
sys.stdin.read()
over.set()
for thread in threads:
    thread.join()
print(json.dumps({"answered": answered, "failed": failed[:20]}), flush=True)
