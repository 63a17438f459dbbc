import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import type { IntakeOutcome } from '../records/intake.js';
import { IntakeStream, together } from './intake-stream.js';

interface Request {
  project: string;
  sequence: number;
  items: number[];
}

const request = (sequence: number, records = 1): Request => ({
  project: 'p',
  sequence,
  items: new Array<number>(records).fill(sequence),
});

/** A stream whose turns end, and whose requests are safe, when the test says so. */
function opened(limits = { streamRequestsMax: 4, streamRecordsMax: 100 }) {
  const told: string[] = [];
  const turns: (() => void)[] = [];
  const asked: { requests: readonly Request[]; safe(): void; fail(error: Error): void }[] = [];
  let reads = true;
  const stream = new IntakeStream<Request>(
    {
      answerAll: (requests) =>
        new Promise((resolve, reject) =>
          asked.push({
            requests,
            safe: () => resolve(requests.map(({ items }) => ({ accepted: items.length, rejections: [] }))),
            fail: reject,
          }),
        ),
      write: ({ sequence }, { accepted }) => {
        told.push(`${sequence}: ${accepted}`);
        return reads;
      },
      end: () => told.push('end'),
      fail: ({ code }) => told.push(code),
      pause: () => told.push('pause'),
      resume: () => told.push('resume'),
      endOfTurn: (work) => turns.push(work),
    },
    limits,
  );
  return {
    stream,
    told,
    asked,
    endTurn: () => turns.splice(0).forEach((work) => void work()),
    read: (does: boolean) => {
      reads = does;
    },
    settle: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

describe('a stream of requests', () => {
  it('asks once for the requests of a turn, and answers in their order whatever is safe first', async () => {
    const { stream, told, asked, endTurn, settle } = opened();
    stream.take(request(1));
    stream.take(request(2));
    endTurn();
    stream.take(request(3));
    endTurn();
    stream.end();
    expect(asked.map(({ requests }) => requests.map(({ sequence }) => sequence))).toEqual([[1, 2], [3]]);
    asked[1]?.safe();
    await settle();
    expect(told).toEqual([]);
    asked[0]?.safe();
    await settle();
    expect(told).toEqual(['1: 1', '2: 1', '3: 1', 'end']);
  });

  it.each([
    ['requests', { streamRequestsMax: 2, streamRecordsMax: 100 }, 1],
    ['records', { streamRequestsMax: 9, streamRecordsMax: 10 }, 5],
  ])('is paused while too many %s are unanswered', async (_what, limits, records) => {
    const { stream, told, asked, endTurn, settle } = opened(limits);
    stream.take(request(1, records));
    expect(told).toEqual([]);
    stream.take(request(2, records));
    expect(told).toEqual(['pause']);
    endTurn();
    asked[0]?.safe();
    await settle();
    expect(told.slice(-1)).toEqual(['resume']);
  });

  it('is paused while nobody reads its answers', async () => {
    const { stream, told, asked, endTurn, read, settle } = opened();
    read(false);
    stream.take(request(1));
    endTurn();
    asked[0]?.safe();
    await settle();
    expect(told).toEqual(['1: 1', 'pause']);
    read(true);
    stream.drained();
    expect(told.slice(-1)).toEqual(['resume']);
  });

  it('ends with what a request failed of, after the answers before it, and takes nothing more', async () => {
    const { stream, told, asked, endTurn, settle } = opened();
    stream.take(request(1));
    endTurn();
    stream.take(request(2));
    endTurn();
    asked[1]?.fail(new PlatformError('not_found', 'no such project'));
    asked[0]?.safe();
    await settle();
    stream.take(request(3));
    endTurn();
    stream.end();
    await settle();
    expect(told).toEqual(['1: 1', 'not_found']);
    expect(asked).toHaveLength(2);
  });

  it('tells a sender that is gone nothing, and sends on what it gave', async () => {
    const { stream, told, asked, endTurn, settle } = opened();
    stream.take(request(1));
    stream.cancel();
    endTurn();
    expect(asked).toHaveLength(1);
    asked[0]?.safe();
    await settle();
    expect(told).toEqual([]);
  });
});

describe('requests that are answered together', () => {
  it('get each their own outcome, with their own count of records', async () => {
    const sent: [string, readonly number[]][] = [];
    const bad = (index: number) => ({ index, recordId: `r${index}`, reasons: [] });
    const send = async (project: string, inputs: readonly number[]): Promise<IntakeOutcome> => {
      sent.push([project, inputs]);
      const rejections = project === 'p' ? [bad(0), bad(3), bad(5)] : [];
      return { accepted: inputs.length - rejections.length, rejections };
    };
    const requests = [request(1, 2), request(2, 0), request(3, 3), request(4, 1), { ...request(5, 1), project: 'q' }];
    const outcomes = await together(requests, ({ items }) => items, send);
    expect(sent.map(([project, inputs]) => [project, inputs.length])).toEqual([
      ['p', 6],
      ['q', 1],
    ]);
    expect(outcomes.map(({ accepted, rejections }) => [accepted, rejections.map(({ index }) => index)])).toEqual([
      [1, [0]],
      [0, []],
      [2, [1]],
      [0, [0]],
      [1, []],
    ]);
  });
});
