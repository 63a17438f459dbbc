"""The same sum behind nvidia-pytriton, Triton with its Python backend. Runs until SIGTERM.

Usage: upstream_pytriton.py GRPC_PORT HTTP_PORT METRICS_PORT
"""

import signal
import sys

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

grpc_port, http_port, metrics_port = (int(text) for text in sys.argv[1:4])


@batch
def infer(x):
    return {"sum": x.sum(axis=1, keepdims=True).astype(np.float32)}


config = TritonConfig(
    grpc_port=grpc_port,
    http_port=http_port,
    metrics_port=metrics_port,
    grpc_address="127.0.0.1",
    http_address="127.0.0.1",
)
with Triton(config=config) as triton:
    triton.bind(
        model_name="Sum_Model",
        infer_func=infer,
        inputs=[Tensor(name="x", dtype=np.float32, shape=(4,))],
        outputs=[Tensor(name="sum", dtype=np.float32, shape=(1,))],
        config=ModelConfig(max_batch_size=64),
    )
    signal.signal(signal.SIGTERM, lambda *_: triton.stop())
    triton.serve()
