// Codec of topic profiles.v1: proto millrace.monitoring.v1.PartialProfile, what the monitors that share partition
// numbers tell each other. What the keys are and what `profile` holds is the monitor's
// (services/monitor/src/windows/board.ts); the other fields say of which project, partition and window it is, 0 and
// empty where it is of none.

import { PlatformError } from '@millrace/domain';
import { PartialProfileSchema } from './gen/millrace/monitoring/v1/monitoring_pb.js';
import { messageCodec } from './message-codec.js';

export interface PartialProfile {
  project: string;
  windowStartMs: number;
  windowEndMs: number;
  partition: number;
  firstOffset: number;
  lastOffset: number;
  modelVersion: number;
  profile: Uint8Array;
}

const codec = messageCodec<PartialProfile>(PartialProfileSchema, {});

export const encodePartialProfile = codec.encode;

export function decodePartialProfile(bytes: Uint8Array): PartialProfile {
  const message = codec.decode(bytes);
  if (message.profile.length === 0) throw new PlatformError('corrupt', 'a PartialProfile that holds nothing');
  return message;
}
