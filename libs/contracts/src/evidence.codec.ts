// Codec of topic evidence.v1: proto millrace.route.v1.RolloutEvidence, key "<project>". Written by every router for all
// of them, so that whoever owns the route adds them up.

import { PlatformError } from '@millrace/domain';
import { ENTITY_BUCKETS, type EvidenceState } from '@millrace/routing';
import { RolloutEvidenceSchema } from './gen/millrace/route/v1/route_pb.js';
import { messageCodec } from './message-codec.js';

/** What one router has counted of a rollout, from the rollout's beginning or the router's, whichever came later. */
export interface RolloutEvidence {
  project: string;
  /** The rollout's: the version that it brings in. */
  version: number;
  /** The rollout's: of the route in which the version got its first traffic. */
  fromRevision: number;
  /** A router's name, and when its process started. */
  router: string;
  startedAtMs: number;
  saidAtMs: number;
  versions: EvidenceState[];
}

const codec = messageCodec<RolloutEvidence>(RolloutEvidenceSchema, {
  RolloutEvidence: { required: ['project', 'version', 'fromRevision', 'router', 'startedAtMs'] },
  VersionEvidence: { required: ['version', 'latency'] },
  EntityMarks: { required: ['cut'] },
});

export const encodeEvidence = (evidence: RolloutEvidence): Uint8Array => codec.encode(evidence);

export function decodeEvidence(bytes: Uint8Array): RolloutEvidence {
  const evidence = codec.decode(bytes);
  for (const { answered, failed, unusable, scored, pairs, equalPairs, entities } of evidence.versions) {
    const fault =
      failed > answered
        ? `${failed} of ${answered} answers failed`
        : equalPairs > pairs
          ? `${equalPairs} of ${pairs} pairs are equal`
          : Math.min(failed, answered, unusable, scored, pairs, equalPairs) < 0
            ? 'a count is below 0'
            : entities.some(isNoCount)
              ? `of ${ENTITY_BUCKETS} buckets of entities another number is counted, or more than there are`
              : '';
    if (fault !== '')
      throw new PlatformError('corrupt', `RolloutEvidence says that ${fault}`, {
        facts: { project: evidence.project },
      });
  }
  return evidence;
}

const isNoCount = ({ n, k }: EvidenceState['entities'][number]): boolean =>
  n.length !== ENTITY_BUCKETS || k.length !== ENTITY_BUCKETS || k.some((marked, bucket) => marked > (n[bucket] ?? 0));
