// Codec of topic predictions.v1: proto millrace.prediction.v1.Prediction. Refuses a prediction without id, project,
// model version or outputs, an unknown role, and outputs without name or value or with numbers that are not finite;
// whether they are the task's is for who knows the project. A feature that is not finite counts as missing (null),
// because a prediction that was answered must not vanish from the log. Bytes of release 0.1.0, which knew binary tasks
// only, are read as outputs.

import { type Output, type OutputValue, PlatformError, type Scalar } from '@millrace/domain';
import type { RolloutDraw } from '@millrace/routing';
import { bytesTag, doubleTag, type WireReader, WireWriter } from '@millrace/wire';
import { readScalar, required, topicReader, writeScalar } from './topic-wire.js';

/** Outputs of one row; the tasks of this platform have two. */
const OUTPUTS_MAX = 64;

export type PredictionRole = 'live' | 'shadow';

/** One answered prediction (one row of a request). */
export interface PredictionMessage {
  /** "<request id>/<row>". */
  predictionId: string;
  project: string;
  /** Empty where the client named none. */
  entity: string;
  modelVersion: number;
  /** From the request parameter event_time_ms; 0 where the client gave none. */
  eventTimeMs: number;
  /** Processing time of the answer. */
  answeredAtMs: number;
  /** In serving, from the request's arrival to the answer. */
  latencyUs: number;
  /** Raw feature values in the order of the model's signature. */
  features: readonly Scalar[];
  /** By the project's task: names, and one value or several each. */
  outputs: readonly Output[];
  /** Hex; empty where the request was not traced. */
  traceId: string;
  modelSha256: string;
  role: PredictionRole;
  /** Of a rollout in steps whose route drew the version; absent: no rollout, or a rule or the client named it. */
  draw?: RolloutDraw | undefined;
}

const writer = WireWriter.growing();

export function encodePrediction(prediction: PredictionMessage): Uint8Array {
  writer.reset();
  writer.text(1, prediction.predictionId);
  writer.text(2, prediction.project);
  writer.text(3, prediction.entity);
  writer.int(4, prediction.modelVersion);
  writer.int(5, prediction.eventTimeMs);
  writer.int(6, prediction.answeredAtMs);
  writer.int(7, prediction.latencyUs);
  for (const feature of prediction.features) writeScalar(writer, 8, feature);
  writer.text(11, prediction.traceId);
  writer.text(12, prediction.modelSha256);
  writer.text(13, prediction.role);
  const { outputs } = prediction;
  for (let i = 0; i < outputs.length; i++) writeOutput(outputs[i] as Output);
  const { draw } = prediction;
  if (draw !== undefined) {
    writer.int(30, draw.fromRevision);
    writer.int(31, draw.weight);
  }
  return writer.finish();
}

function writeOutput({ name, value }: Output): void {
  const start = writer.begin(14);
  writer.textAlways(1, name);
  if (typeof value === 'number') writer.doubleAlways(2, value);
  else if (typeof value === 'string') writer.textAlways(3, value);
  else {
    const texts = typeof value[0] === 'string';
    const values = writer.begin(texts ? 5 : 4);
    if (texts) for (const text of value as readonly string[]) writer.textAlways(1, text);
    else writer.packedDoubles(1, value as readonly number[]);
    writer.end(values);
  }
  writer.end(start);
}

// Filled by one message after the other, each of which takes an array of its length: one that grows as it is pushed to
// has room for 16 more.
const featureSlots: Scalar[] = [];
const outputSlots: Output[] = [];
const NOTHING: readonly Scalar[] = [];
const NO_OUTPUTS: readonly Output[] = [];

export function decodePrediction(bytes: Uint8Array): PredictionMessage {
  const reader = topicReader(bytes);
  let features = 0;
  let outputs = 0;
  let role = '';
  // Of release 0.1.0.
  let probability = 0;
  let label = '';
  let fromRevision = 0;
  let weight = 0;
  const prediction: PredictionMessage = {
    predictionId: '',
    project: '',
    entity: '',
    modelVersion: 0,
    eventTimeMs: 0,
    answeredAtMs: 0,
    latencyUs: 0,
    features: NOTHING,
    outputs: NO_OUTPUTS,
    traceId: '',
    modelSha256: '',
    role: 'live',
  };
  while (reader.more()) {
    const tag = reader.tag();
    switch (tag) {
      case 10: // 1 prediction_id
        prediction.predictionId = reader.text();
        break;
      case 18: // 2 project
        prediction.project = reader.name();
        break;
      case 26: // 3 entity
        prediction.entity = reader.text();
        break;
      case 32: // 4 model_version
        prediction.modelVersion = reader.int();
        break;
      case 40: // 5 event_time_ms
        prediction.eventTimeMs = reader.int();
        break;
      case 48: // 6 answered_at_ms
        prediction.answeredAtMs = reader.int();
        break;
      case 56: // 7 latency_us
        prediction.latencyUs = reader.int();
        break;
      case 66: {
        // 8 features
        const value = readScalar(reader);
        featureSlots[features++] = typeof value === 'number' && !Number.isFinite(value) ? null : value;
        break;
      }
      case 73: // 9 probability
        probability = reader.double();
        break;
      case 82: // 10 label
        label = reader.name();
        break;
      case 90: // 11 trace_id
        prediction.traceId = reader.text();
        break;
      case 98: // 12 model_sha256
        prediction.modelSha256 = reader.name();
        break;
      case 106: // 13 role
        role = reader.name();
        break;
      case 114: // 14 outputs
        if (outputs === OUTPUTS_MAX) reader.fault(`more than ${OUTPUTS_MAX} outputs`);
        outputSlots[outputs++] = readOutput(reader, reader.lengthEnd());
        break;
      case 240: // 30 rollout_revision
        fromRevision = reader.int();
        break;
      case 248: // 31 rollout_weight
        weight = reader.int();
        break;
      default:
        reader.skip(tag);
    }
  }
  required(prediction.predictionId, 'Prediction', 'prediction_id');
  required(prediction.project, 'Prediction', 'project');
  if (prediction.modelVersion < 1) throw new PlatformError('corrupt', 'Prediction without model_version');
  prediction.features = featureSlots.slice(0, features);
  prediction.outputs = outputs === 0 ? formerOutputs(probability, label) : outputSlots.slice(0, outputs);
  if (role !== 'live' && role !== 'shadow') throw new PlatformError('corrupt', `Prediction role "${role}" is unknown`);
  prediction.role = role;
  // A weight of 0 or 100 draws nothing.
  if (fromRevision > 0 && weight > 0 && weight < 100) prediction.draw = drawOf(fromRevision, weight);
  return prediction;
}

let lastDraw: RolloutDraw = { fromRevision: 0, weight: 0 };

/** Nearly always that of the message before: one object for all of them, so that rows can be told apart by it. */
function drawOf(fromRevision: number, weight: number): RolloutDraw {
  if (lastDraw.fromRevision !== fromRevision || lastDraw.weight !== weight)
    lastDraw = Object.freeze({ fromRevision, weight });
  return lastDraw;
}

function readOutput(reader: WireReader, end: number): Output {
  let name = '';
  let value: OutputValue | undefined;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) name = reader.name(end);
    else if (tag === doubleTag(2)) value = reader.double();
    else if (tag === bytesTag(3)) value = reader.name(end);
    else if (tag === bytesTag(4)) value = readNumbers(reader, reader.lengthEnd(end));
    else if (tag === bytesTag(5)) value = readTexts(reader, reader.lengthEnd(end));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  required(name, 'Output', 'name');
  if (value === undefined) throw new PlatformError('corrupt', `Output ${name} without value`);
  if (!finite(value)) throw new PlatformError('corrupt', `Output ${name} is ${value}`);
  return { name, value };
}

function finite(value: OutputValue): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'string' || value.every((one) => typeof one === 'string' || Number.isFinite(one));
}

function readNumbers(reader: WireReader, end: number): number[] {
  const values: number[] = [];
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag >>> 3 === 1) reader.doubles(values, tag, end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return values;
}

function readTexts(reader: WireReader, end: number): string[] {
  const values: string[] = [];
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) values.push(reader.name(end));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return values;
}

function formerOutputs(probability: number, label: string): Output[] {
  required(label, 'Prediction', 'outputs');
  if (!(probability >= 0 && probability <= 1))
    throw new PlatformError('corrupt', `Prediction probability ${probability} is outside [0, 1]`);
  return [
    { name: 'probability', value: probability },
    { name: 'label', value: label },
  ];
}
