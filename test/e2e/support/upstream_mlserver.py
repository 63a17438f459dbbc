"""A model of an MLServer that Millrace did not start: the sum of the four numbers of a row, and "busy" at BUSY."""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.errors import InferenceError, MLServerError
from mlserver.types import InferenceRequest, InferenceResponse

BUSY = 429.0


class Sum(MLModel):
    async def load(self) -> bool:
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        values = NumpyCodec.decode_input(payload.inputs[0])
        if values.ndim != 2 or values.shape[1] != 4:
            raise InferenceError(f"x has shape {list(values.shape)}, not [N, 4]")
        if values[0, 0] == BUSY:
            raise MLServerError("the model is busy", 429)
        sums = values.sum(axis=1, keepdims=True).astype(np.float32)
        return InferenceResponse(
            id=payload.id,
            model_name=self.name,
            model_version=self.version,
            outputs=[NumpyCodec.encode_output("sum", sums)],
        )
