// What `millrace serve` says once it serves: which models, with which tensors, and a command that asks one of them.

import { table } from '../table.js';

export interface ServedTensor {
  name: string;
  datatype: string;
  shape: readonly number[];
}

export interface ServedRow {
  name: string;
  version: string;
  state: string;
  reason: string;
  /** Where it is ready. */
  platform?: string;
  inputs?: readonly ServedTensor[];
  outputs?: readonly ServedTensor[];
  /** One request, one answer: no sequence, no stream of answers. */
  plain?: boolean;
}

export interface ServeReport {
  repository: string;
  http: string;
  grpc: string;
  metrics: string;
  log: string;
  models: readonly ServedRow[];
}

/** A request with more elements is no example that one types. */
const EXAMPLE_ELEMENTS_MAX = 64;
const REASON_CHARACTERS_MAX = 300;

export function serveReportText({ repository, http, grpc, metrics, log, models }: ServeReport): string {
  const ready = models.filter(({ state }) => state === 'READY');
  const refused = models.filter(({ state }) => state !== 'READY');
  const lines = [
    `Serving ${ready.length} of ${models.length} model version${models.length === 1 ? '' : 's'} of ${repository}, alone: no Kafka, no Redis.`,
    '',
    `REST     ${http}/v2`,
    `gRPC     ${grpc}  (inference.GRPCInferenceService)`,
    `Metrics  ${metrics}`,
    `Log      ${log}`,
    '',
    table(
      ['model', 'version', 'platform', 'inputs', 'outputs'],
      ready.map((model) => [
        model.name,
        model.version,
        model.platform ?? '',
        shapes(model.inputs),
        shapes(model.outputs),
      ]),
    ),
  ];
  for (const { name, version, reason } of refused) {
    lines.push('', `not served: ${name}/${version}: ${reason.slice(0, REASON_CHARACTERS_MAX)}`);
  }
  const example = ready
    .filter(({ plain }) => plain !== false)
    .map((model) => exampleRequest(model))
    .find((request) => request !== undefined);
  if (example) lines.push('', 'Ask one:', ...commands(http, grpc, example));
  return lines.join('\n');
}

function commands(http: string, grpc: string, { model, body }: { model: string; body: string }): string[] {
  return [
    `  curl ${http}/v2/models/${encodeURIComponent(model)}/infer -d '${body}'`,
    `  python -c "import tritonclient.grpc as g; print(g.InferenceServerClient('${grpc}').get_model_metadata('${model}'))"`,
  ];
}

function shapes(tensors: readonly ServedTensor[] | undefined): string {
  return (tensors ?? []).map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join(',')}]`).join(' ');
}

/** Ones in the smallest shape that the model takes; undefined where that is large. */
export function exampleRequest({ name, inputs = [] }: ServedRow): { model: string; body: string } | undefined {
  let elements = 0;
  const tensors = inputs.map((input) => {
    const shape = input.shape.map((size) => (size < 0 ? 1 : size));
    const count = shape.reduce((product, size) => product * size, 1);
    elements += count;
    const value = input.datatype === 'BYTES' ? '1' : input.datatype === 'BOOL' ? true : 1;
    return {
      name: input.name,
      datatype: input.datatype,
      shape,
      data: count > EXAMPLE_ELEMENTS_MAX ? [] : Array(count).fill(value),
    };
  });
  if (inputs.length === 0 || elements > EXAMPLE_ELEMENTS_MAX) return undefined;
  // FP16 and BF16 have no JSON form.
  if (inputs.some(({ datatype }) => datatype === 'FP16' || datatype === 'BF16')) return undefined;
  return { model: name, body: JSON.stringify({ inputs: tensors }) };
}
