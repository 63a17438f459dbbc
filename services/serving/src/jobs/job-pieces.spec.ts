import { describe, expect, it } from '@jest/globals';
import { ManualClock, PlatformError } from '@millrace/domain';
import { Tensor } from '@millrace/inference';
import type { ServedModel } from '../models/served-model.js';
import { BatchJob, type InMessage, type OutMessage } from './batch-job.js';
import { JobPieces, type PieceTransport, sendsOf } from './job-pieces.js';

const INPUTS = [{ name: 'size', datatype: 'FP64' as const, shape: [-1] }];

/** A job whose model answers with a text of as many bytes as it is asked for; what was written, by transactions. */
function harness(write: (sends: readonly (readonly OutMessage[])[]) => void = () => undefined) {
  const clock = new ManualClock(1_000);
  const job = new BatchJob(
    { name: 'job', model: 'demo', version: '', input: 'in', output: 'out', follow: true },
    {
      find: () => ({ metadata: { name: 'demo', platform: '', inputs: INPUTS, outputs: [] } }) as unknown as ServedModel,
      infer: (request, _facts, answer) => {
        const size = Number(request.inputs[0]?.toValues()[0]);
        const outputs = [Tensor.of('text', 'BYTES', [1], ['x'.repeat(size)])];
        answer(undefined, { modelName: 'demo', modelVersion: '1', id: '', parameters: {}, outputs }, true);
      },
      pause: async (ms) => clock.advance(ms),
      clock,
    },
  );
  job.begin(new Map([[0, 100]]), new Map());
  const calls: string[] = [];
  let committed: number | undefined;
  const written: (readonly OutMessage[])[][] = [];
  const transport: PieceTransport = {
    settle: async () => void calls.push('settle'),
    committed: async () => {
      calls.push('committed');
      return committed;
    },
    write: async (sends, _partition, next) => {
      calls.push('write');
      written.push(sends.map((answers) => [...answers]));
      // What a lost answer leaves: the transaction stands.
      committed = next;
      write(sends);
    },
  };
  const forget = () => {
    committed = undefined;
  };
  return { job, pieces: new JobPieces(job, transport), written, calls, forget };
}

const row = (offset: number, size: number, key = 'k'): InMessage => ({
  partition: 0,
  offset,
  key: Buffer.from(key),
  value: Buffer.from(JSON.stringify({ size })),
});

describe('JobPieces', () => {
  it('writes large answers in several sends of one transaction, and one that is too large as its error', async () => {
    const { job, pieces, written } = harness();
    const sizes = [400_000, 400_000, 400_000, 2_000_000, 10];
    expect(await pieces.piece(sizes.map((size, i) => row(i, size)))).toBe(5);
    expect(written).toHaveLength(1);
    for (const send of written[0] ?? [])
      expect(send.reduce((sum, { value }) => sum + value.length, 0)).toBeLessThanOrEqual(900_000);
    const answers = (written[0] ?? []).flat().map(({ value }) => JSON.parse(Buffer.from(value).toString()));
    expect(answers.map(({ id }) => id)).toEqual(sizes.map((_, i) => `in/0/${i}`));
    expect(answers[3]).toMatchObject({ model: 'demo', error: expect.stringContaining('bytes, at most 900000') });
    expect(job.view()).toMatchObject({ state: 'running', answered: 5, refused: 1 });
    await pieces.piece([row(5, 10, 'k'.repeat(1_000_000))]);
    expect(written[1]?.flat().map(({ key, refused }) => [key, refused])).toEqual([['in/0/5', true]]);
    expect(sendsOf([])).toEqual([]);
  });

  it('ends with what the broker refuses, and with a fault of the model, which is no broker that is away', async () => {
    const refused = harness(() => {
      throw new PlatformError('invalid_argument', 'Kafka refused it');
    });
    expect(await refused.pieces.piece([row(0, 1)])).toBeUndefined();
    expect(refused.job.view()).toMatchObject({ state: 'failed', error: 'Kafka refused it', answered: 0 });
    const { job, pieces, written } = harness();
    job.predict = async () => {
      throw new PlatformError('unavailable', 'the engine is gone');
    };
    expect(await pieces.piece([row(0, 1)])).toBeUndefined();
    expect(job.view()).toMatchObject({ state: 'failed', error: 'the engine is gone' });
    expect(written).toEqual([]);
  });

  it('answers nothing twice when only the answer of a commit was lost', async () => {
    let away = true;
    const { job, pieces, calls, forget } = harness(() => {
      if (away) throw new PlatformError('unavailable', 'connection lost');
    });
    await expect(pieces.piece([row(0, 1), row(1, 1)])).rejects.toMatchObject({ code: 'unavailable' });
    expect(job.view()).toMatchObject({ state: 'running', error: 'connection lost', answered: 0 });
    await pieces.recall(0);
    expect(calls).toEqual(['write', 'settle', 'committed']);
    expect(job.position(0)).toBe(2);
    expect(job.view()).toMatchObject({ answered: 2, error: '' });
    // Where nothing was committed the same messages are answered again.
    await expect(pieces.piece([row(2, 1)])).rejects.toMatchObject({ code: 'unavailable' });
    forget();
    await pieces.recall(0);
    expect(job.position(0)).toBe(2);
    away = false;
    expect(await pieces.piece([row(2, 1)])).toBe(3);
    await pieces.recall(0);
    expect(calls.filter((call) => call === 'settle')).toHaveLength(2);
    expect(job.view()).toMatchObject({ answered: 3 });
  });
});
