// Codec of topic profiles.v1: proto millrace.monitoring.v1.PartialProfile, key "<project>/<window>": mergeable
// statistics of one partition's part of one window. The statistics' own bytes belong to libs/statistics.

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

const codec = messageCodec<PartialProfile>(PartialProfileSchema, {
  PartialProfile: { required: ['project', 'windowEndMs'] },
});

export const encodePartialProfile = codec.encode;
export const decodePartialProfile = codec.decode;
