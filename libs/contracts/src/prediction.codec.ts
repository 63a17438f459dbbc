// Codec of topic predictions.v1: proto millrace.prediction.v1.Prediction. Refuses a prediction without id, project or
// model version, an unknown role and a probability outside [0, 1]; a feature that is not finite counts as missing (null),
// because a prediction that was answered must not vanish from the log.

import { PlatformError, type Scalar } from '@millrace/domain';
import { WireWriter } from '@millrace/wire';
import { readScalar, required, topicReader, writeScalar } from './topic-wire.js';

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
  probability: number;
  label: string;
  /** Hex; empty where the request was not traced. */
  traceId: string;
  modelSha256: string;
  role: PredictionRole;
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
  writer.doubleField(9, prediction.probability);
  writer.text(10, prediction.label);
  writer.text(11, prediction.traceId);
  writer.text(12, prediction.modelSha256);
  writer.text(13, prediction.role);
  return writer.finish();
}

export function decodePrediction(bytes: Uint8Array): PredictionMessage {
  const reader = topicReader(bytes);
  const features: Scalar[] = [];
  let role = '';
  const prediction: PredictionMessage = {
    predictionId: '',
    project: '',
    entity: '',
    modelVersion: 0,
    eventTimeMs: 0,
    answeredAtMs: 0,
    latencyUs: 0,
    features,
    probability: 0,
    label: '',
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
        features.push(typeof value === 'number' && !Number.isFinite(value) ? null : value);
        break;
      }
      case 73: // 9 probability
        prediction.probability = reader.double();
        break;
      case 82: // 10 label
        prediction.label = reader.name();
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
      default:
        reader.skip(tag);
    }
  }
  required(prediction.predictionId, 'Prediction', 'prediction_id');
  required(prediction.project, 'Prediction', 'project');
  if (prediction.modelVersion < 1) throw new PlatformError('corrupt', 'Prediction without model_version');
  if (!(prediction.probability >= 0 && prediction.probability <= 1))
    throw new PlatformError('corrupt', `Prediction probability ${prediction.probability} is outside [0, 1]`);
  if (role !== 'live' && role !== 'shadow') throw new PlatformError('corrupt', `Prediction role "${role}" is unknown`);
  prediction.role = role;
  return prediction;
}
