import { describe, expect, it } from '@jest/globals';
import { encodeInferResponse, NO_PARAMETERS, Tensor } from '@millrace/inference';
import { entityBucket, GRPC_STATUS } from '@millrace/routing';
import { EvidenceBook, WATCHED_MAX } from './evidence-book.js';

const ROLLOUT = { project: 'p', version: 2, fromRevision: 7 };
const NOTHING = new Uint8Array(0);

function scored(value: number): Uint8Array {
  const outputs = [Tensor.of('score', 'FP64', [1], [value], NO_PARAMETERS)];
  return encodeInferResponse({ modelName: 'p', modelVersion: '2', id: 'a', parameters: NO_PARAMETERS, outputs });
}

const ok = (response: Uint8Array, elapsedMs = 4) => ({
  status: GRPC_STATUS.OK,
  elapsedMs,
  response,
  isStream: false,
  drawnBy: 'a',
});

describe('what a router counts of a rollout', () => {
  it('nothing where none is under way, and of others than the watched project and versions', () => {
    const book = new EvidenceBook();
    expect(book.isCounting).toBe(false);
    book.watch(ROLLOUT, [1, 2]);
    expect(book.isCounting).toBe(true);
    book.answered('other', 2, ok(scored(1)));
    book.answered('p', 3, ok(scored(1)));
    expect(book.of(ROLLOUT)?.answers).toBe(0);
    book.forget('p');
    expect(book.isCounting).toBe(false);
  });

  it('answers, what is the platform’s fault of them, latencies and first numbers by version', () => {
    const book = new EvidenceBook();
    book.watch(ROLLOUT, [1, 2]);
    for (const value of [0.5, 0.5, 0.25, 0.75, Number.NaN, Number.POSITIVE_INFINITY])
      book.answered('p', 2, ok(scored(value)));
    for (const status of [GRPC_STATUS.INTERNAL, GRPC_STATUS.UNAVAILABLE, GRPC_STATUS.INVALID_ARGUMENT])
      book.answered('p', 2, { status, elapsedMs: 50, response: NOTHING, isStream: false, drawnBy: 'a' });
    const [first, second] = book.of(ROLLOUT)?.versions ?? [];
    expect(first?.state()).toMatchObject({ version: 1, answered: 0 });
    expect(second?.state()).toMatchObject({
      ...{ version: 2, answered: 9, failed: 2, scored: 4, unusable: 2, pairs: 2, equalPairs: 1 },
      ...{ mean: 0.5, min: 0.25, max: 0.75 },
    });
    expect(second?.latency.countAbove(10_000)).toBe(3);
  });

  it('by entity, at the cuts that it is told, also for a version that comes later', () => {
    const book = new EvidenceBook();
    book.watch(ROLLOUT, [1]);
    book.aim(ROLLOUT, [{ name: 'errors/0', counts: ({ isFailed }) => isFailed }]);
    book.watch(ROLLOUT, [1, 2]);
    for (const drawnBy of ['a', 'b', 'c', 'c'])
      book.answered('p', 2, { ...ok(NOTHING), drawnBy, status: drawnBy === 'c' ? GRPC_STATUS.INTERNAL : 0 });
    const marks = book.of(ROLLOUT)?.versions[1]?.entities.of('errors/0');
    const at = (drawnBy: string) => [marks?.n[entityBucket(drawnBy)], marks?.k[entityBucket(drawnBy)]];
    expect([at('a'), at('b'), at('c')]).toEqual([
      [1, 0],
      [1, 0],
      [2, 2],
    ]);
  });

  it('of an entity that asks for more than all others not every answer', () => {
    const book = new EvidenceBook();
    book.watch(ROLLOUT, [1, 2]);
    for (let i = 0; i < 1_000; i++) {
      book.answered('p', 2, { ...ok(NOTHING), drawnBy: 'loud' });
      if (i % 10 === 0) book.answered('p', 2, { ...ok(NOTHING), drawnBy: `quiet-${i}` });
    }
    expect(book.of(ROLLOUT)?.answers).toBeLessThan(130);
    expect(book.of(ROLLOUT)?.answers).toBeGreaterThanOrEqual(100);
  });

  it('a further step goes on counting, another rollout begins at 0', () => {
    const book = new EvidenceBook();
    book.watch(ROLLOUT, [1, 2]);
    book.answered('p', 2, ok(scored(1)));
    book.watch(ROLLOUT, [1, 2, 3]);
    expect(book.of(ROLLOUT)?.versions.map(({ answered }) => answered)).toEqual([0, 1, 0]);
    book.watch({ ...ROLLOUT, fromRevision: 9 }, [1, 2]);
    expect(book.of(ROLLOUT)).toBeUndefined();
    expect(book.of({ ...ROLLOUT, fromRevision: 9 })?.versions.map(({ answered }) => answered)).toEqual([0, 0]);
  });

  it('in a check only requests that both versions were asked, and then both answers', () => {
    const book = new EvidenceBook();
    const live = { version: 1, answer: ok(scored(0.5)) };
    const shadow = { version: 2, answer: { ...ok(NOTHING), status: GRPC_STATUS.INTERNAL } };
    book.bothAnswered('p', live, shadow);
    book.watch(ROLLOUT, [1, 2]);
    book.bothAnswered('p', live, shadow);
    expect(book.of(ROLLOUT)?.answers).toBe(0);
    book.watch(ROLLOUT, [1, 2], true);
    book.answered('p', 1, ok(scored(1)));
    // Another live version, or another shadow of somebody else's.
    book.bothAnswered('p', { ...live, version: 3 }, shadow);
    book.bothAnswered('p', live, { ...shadow, version: 4 });
    expect(book.of(ROLLOUT)?.answers).toBe(0);
    book.bothAnswered('p', live, shadow);
    book.bothAnswered('p', { ...shadow, version: 2 }, live);
    expect(book.of(ROLLOUT)?.versions.map(({ answered, failed, scored: n }) => [answered, failed, n])).toEqual([
      [2, 0, 2],
      [2, 2, 0],
    ]);
  });

  it('of more projects than there is room for nothing is counted', () => {
    const book = new EvidenceBook();
    for (let i = 0; i < WATCHED_MAX; i++) expect(book.watch({ ...ROLLOUT, project: `p${i}` }, [1, 2])).toBe(true);
    expect(book.watch(ROLLOUT, [1, 2])).toBe(false);
    book.forget('p0');
    expect(book.watch(ROLLOUT, [1, 2])).toBe(true);
  });
});
