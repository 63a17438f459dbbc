"""The bench's 8-64-64-1 network as an MLServer model: weights from weights.npz beside model-settings.json, numpy only."""

import os

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Network(MLModel):
    async def load(self) -> bool:
        with np.load(os.environ["BENCH_WEIGHTS"]) as arrays:
            self._layers = [(arrays[f"w{i}"], arrays[f"b{i}"]) for i in range(len(arrays.files) // 2)]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        values = NumpyCodec.decode_input(payload.inputs[0])
        for at, (weights, bias) in enumerate(self._layers):
            values = values @ weights + bias
            values = np.maximum(values, 0) if at + 1 < len(self._layers) else 1 / (1 + np.exp(-values))
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[NumpyCodec.encode_output("probability", values.astype(np.float32))],
        )
