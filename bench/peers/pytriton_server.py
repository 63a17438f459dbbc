"""The bench's 8-64-64-1 network behind nvidia-pytriton: Triton's front with its Python backend. Runs until SIGTERM.

Usage: pytriton_server.py GRPC_PORT HTTP_PORT METRICS_PORT WEIGHTS.npz
"""

import signal
import sys

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

grpc_port, http_port, metrics_port = (int(text) for text in sys.argv[1:4])
with np.load(sys.argv[4]) as arrays:
    layers = [(arrays[f"w{i}"], arrays[f"b{i}"]) for i in range(len(arrays.files) // 2)]


@batch
def infer(x):
    values = x
    for at, (weights, bias) in enumerate(layers):
        values = values @ weights + bias
        values = np.maximum(values, 0) if at + 1 < len(layers) else 1 / (1 + np.exp(-values))
    return {"probability": values.astype(np.float32)}


config = TritonConfig(
    grpc_port=grpc_port,
    http_port=http_port,
    metrics_port=metrics_port,
    grpc_address="127.0.0.1",
    http_address="127.0.0.1",
)
with Triton(config=config) as triton:
    triton.bind(
        model_name="mlp",
        infer_func=infer,
        inputs=[Tensor(name="x", dtype=np.float32, shape=(8,))],
        outputs=[Tensor(name="probability", dtype=np.float32, shape=(1,))],
        config=ModelConfig(max_batch_size=64, batcher=DynamicBatcher(max_queue_delay_microseconds=500)),
    )
    signal.signal(signal.SIGTERM, lambda *_: triton.stop())
    triton.serve()
