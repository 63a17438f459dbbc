// Codec of topic losses.v1: proto millrace.monitoring.v1.RolloutLosses, key "<project>/<partition>". Written by the
// monitor that holds the partition's number, read by every router.

import { PlatformError } from '@millrace/domain';
import type { LossCell } from '@millrace/routing';
import { RolloutLossesSchema } from './gen/millrace/monitoring/v1/monitoring_pb.js';
import { messageCodec } from './message-codec.js';

export interface RolloutLossesMessage {
  project: string;
  createdAtMs: number;
  partition: number;
  fromRevision: number;
  cells: LossCell[];
}

const codec = messageCodec<RolloutLossesMessage>(RolloutLossesSchema, {
  RolloutLosses: { required: ['project', 'fromRevision'] },
  LossCell: { required: ['version', 'weight', 'count'] },
});

export const encodeRolloutLosses = (losses: RolloutLossesMessage): Uint8Array => codec.encode(losses);

export function decodeRolloutLosses(bytes: Uint8Array): RolloutLossesMessage {
  const losses = codec.decode(bytes);
  for (const { version, weight, count, mean, m2 } of losses.cells) {
    const isCell = version > 0 && weight >= 1 && weight <= 99 && count > 0 && mean >= 0 && mean <= 1 && m2 >= 0;
    if (!isCell)
      throw new PlatformError('corrupt', `RolloutLosses: ${count} labels at ${weight} % have a mean loss of ${mean}`, {
        facts: { project: losses.project },
      });
  }
  return losses;
}
