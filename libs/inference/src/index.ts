// The V2 inference protocol: tensors, messages on the gRPC and REST wire, relay frames, metadata and statistics.

export { type Binding, type BoundUpstream, boundColumns, parseBinding } from './binding/binding.js';
export { type BindableColumns, bindingFor } from './binding/binding-for.js';
export { scoresOfAnswer } from './binding/bound-answers.js';
export { tensorsOfRows } from './binding/bound-rows.js';
export { RowsOfCall } from './binding/rows-of-call.js';
export { classify } from './classification.js';
export { acceptedCoding, type Coding, codingOf } from './content-coding.js';
export {
  CONFIG_DATATYPE,
  DATATYPES,
  type Datatype,
  ELEMENT_BYTES,
  isDatatype,
} from './datatype.js';
export { firstScore } from './first-score.js';
export {
  decodeInferRequest,
  encodeInferRequest,
  type InferRequest,
  peekModel,
  type RequestedOutput,
  type RequestHead,
  wantsEmptyFinal,
} from './infer-request.js';
export {
  decodeInferResponse,
  encodeInferResponse,
  encodeStreamResponse,
  type InferResponse,
  inferResponseOf,
} from './infer-response.js';
export {
  EXTENSIONS,
  type ModelMetadata,
  type RepositoryEntry,
  type RepositoryState,
  type ServerMetadata,
  type TensorSpec,
} from './metadata.js';
export { FLOATS, firstNullRow, hasNulls, tensorOfValues } from './nulls.js';
export { integerParameter, ROW_ENTITIES, ROW_IDS, rowTexts, textParameter } from './parameters.js';
export { plainOutputs } from './plain-outputs.js';
export {
  decodeExchangeRequest,
  decodeExchangeResponse,
  encodeExchangeRequest,
  encodeExchangeResponse,
  REFUSAL,
  type RequestFrame,
  type ResponseFrame,
} from './relay-frames.js';
export { restError, restStatus } from './rest-errors.js';
export {
  decodeRestRequest,
  decodeRestResponse,
  parseHeaderLength,
  parseRestJson,
  rawRestRequest,
} from './rest-request.js';
export { encodeRestResponse, type RestResponse } from './rest-response.js';
export {
  type DurationStatistic,
  FAILURE_REASONS,
  type FailureReason,
  FIRST_RESPONSE_EDGES_MS,
  type ResponseOutcome,
  statisticsJson,
  VersionStatistics,
} from './statistics.js';
export {
  type ElementValue,
  NO_PARAMETERS,
  type Parameters,
  type ParameterValue,
  Tensor,
  type TypedValues,
} from './tensor.js';
