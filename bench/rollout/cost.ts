// CPU of counting the evidence of a rollout, per 1,000 answers: what a router does with each answer while a rollout is
// under way, against the same loop without (there the router looks at one number). Answers of 16 FP32 scores, two
// versions; the least of ROUNDS each, in turns, in ms of process CPU time.

import { encodeInferResponse, firstScore, NO_PARAMETERS, Tensor } from '@millrace/inference';
import { aimedCuts, criteriaOf, DEFAULT_ANALYSIS, entityBucket, isFailure, VersionEvidence } from '@millrace/routing';

const ROUNDS = 9;
const ANSWERS = 200_000;
const ENTITIES = Array.from({ length: 5_000 }, (_, i) => `customer-${i}`);

export function evidenceCost(): { counting: number; without: number } {
  const answers = Array.from({ length: 512 }, (_, i) => {
    const values = Array.from({ length: 16 }, (_, k) => ((i * 31 + k) % 97) / 97);
    const outputs = [Tensor.of('scores', 'FP32', [1, 16], values, NO_PARAMETERS)];
    const head = { modelName: 'p', modelVersion: '2', id: `request-${i}`, parameters: NO_PARAMETERS };
    return encodeInferResponse({ ...head, outputs });
  });
  const counted = new Map([1, 2].map((version) => [version, new VersionEvidence(version)]));
  for (let i = 0; i < 100; i++) counted.get(1)?.add(false, 1_000 * i, i);
  const cuts = aimedCuts(criteriaOf(DEFAULT_ANALYSIS), counted.get(1) as VersionEvidence);
  for (const version of counted.values()) version.entities.aim(cuts);
  const loop = (evidence: ReadonlyMap<number, VersionEvidence>): number => {
    const before = process.cpuUsage();
    for (let i = 0; i < ANSWERS; i++) {
      if (evidence.size === 0) continue;
      const of = evidence.get(i % 5 === 0 ? 2 : 1);
      const bucket = entityBucket(ENTITIES[i % ENTITIES.length] as string);
      if (of?.takes(bucket) !== true) continue;
      of.add(isFailure(0), 1_000 * (1 + (i % 40)), bucket);
      const score = firstScore(answers[i % answers.length] as Uint8Array, false);
      if (score !== undefined) of.addScore(score, bucket);
    }
    const { user, system } = process.cpuUsage(before);
    // µs an answer are ms a thousand.
    return (user + system) / ANSWERS;
  };
  const none = new Map<number, VersionEvidence>();
  const best = { counting: Number.POSITIVE_INFINITY, without: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    best.counting = Math.min(best.counting, loop(counted));
    best.without = Math.min(best.without, loop(none));
  }
  return best;
}
