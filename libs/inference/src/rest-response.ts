// The REST form of an inference response: JSON, and after it the bytes of those outputs that were asked for as binary
// (output parameter binary_data, or request parameter binary_data_output for all).

import { encodeText } from '@millrace/wire';
import type { InferRequest } from './infer-request.js';
import type { InferResponse } from './infer-response.js';
import type { Parameters, Tensor } from './tensor.js';

export interface RestResponse {
  body: Uint8Array;
  /** Length of the JSON where binary outputs follow it. */
  headerLength: number | undefined;
}

/** FP16 and BF16 have no JSON form and always travel as binary. */
function isBinary(output: Tensor, request: InferRequest): boolean {
  if (output.datatype === 'FP16' || output.datatype === 'BF16') return true;
  const asked = request.outputs.find((candidate) => candidate.name === output.name)?.parameters.binary_data;
  return asked === undefined ? request.parameters.binary_data_output === true : asked === true;
}

export function encodeRestResponse(response: InferResponse, request: InferRequest): RestResponse {
  const binary: Tensor[] = [];
  const outputs = response.outputs.map((output) => {
    const head = `{"name":${JSON.stringify(output.name)},"datatype":"${output.datatype}","shape":[${output.shape.join(',')}]`;
    if (!isBinary(output, request)) {
      return `${head}${parametersJson(output.parameters)},"data":[${dataJson(output)}]}`;
    }
    binary.push(output);
    return `${head}${parametersJson({ ...output.parameters, binary_data_size: BigInt(output.byteLength) })}}`;
  });
  const id = response.id === '' ? '' : `"id":${JSON.stringify(response.id)},`;
  const json = encodeText(
    `{${id}"model_name":${JSON.stringify(response.modelName)},"model_version":${JSON.stringify(response.modelVersion)}` +
      `${parametersJson(response.parameters)},"outputs":[${outputs.join(',')}]}`,
  );
  if (binary.length === 0) return { body: json, headerLength: undefined };
  const body = new Uint8Array(json.length + binary.reduce((total, output) => total + output.byteLength, 0));
  body.set(json);
  let at = json.length;
  for (const output of binary) {
    output.copyTo(body, at);
    at += output.byteLength;
  }
  return { body, headerLength: json.length };
}

function parametersJson(parameters: Parameters): string {
  const keys = Object.keys(parameters);
  if (keys.length === 0) return '';
  const entries = keys.map((key) => {
    const value = parameters[key]!;
    return `${JSON.stringify(key)}:${typeof value === 'bigint' ? value.toString() : JSON.stringify(value)}`;
  });
  return `,"parameters":{${entries.join(',')}}`;
}

/** 64-bit integers are written with all digits; NaN and infinities, which JSON lacks, as null. */
function dataJson(output: Tensor): string {
  const values = output.toValues();
  if (typeof values[0] === 'bigint') return values.join(',');
  const json = JSON.stringify(values);
  return json.slice(1, -1);
}
