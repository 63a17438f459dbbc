// Codec of topic losses.v1: proto millrace.monitoring.v1.RolloutLosses, key "<project>/<partition>". Written by the
// monitor that holds the partition's number, read by every router.

import { PlatformError } from '@millrace/domain';
import { ENTITY_BUCKETS, type EntityLosses, type LossCell } from '@millrace/routing';
import { RolloutLossesSchema } from './gen/millrace/monitoring/v1/monitoring_pb.js';
import { messageCodec } from './message-codec.js';

export interface RolloutLossesMessage {
  project: string;
  createdAtMs: number;
  partition: number;
  fromRevision: number;
  cells: LossCell[];
  /** Absent of monitors of an earlier release: empty. */
  entities: EntityLosses[];
}

const codec = messageCodec<RolloutLossesMessage>(RolloutLossesSchema, {
  RolloutLosses: { required: ['project', 'fromRevision'] },
  LossCell: { required: ['version', 'weight', 'count'] },
  EntityLosses: { required: ['version'] },
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
  for (const { version, counts, sums } of losses.entities) {
    const isOne = counts.length === sums.length && counts.length <= ENTITY_BUCKETS && version > 0;
    if (
      !isOne ||
      !counts.every((n, at) => n >= 0 && (sums[at] as number) >= 0 && (sums[at] as number) <= n * (1 + 1e-9))
    )
      throw new PlatformError('corrupt', `RolloutLosses: losses by entity of version ${version} fit no labels`, {
        facts: { project: losses.project },
      });
  }
  return losses;
}
