import { describe, expect, it, jest } from '@jest/globals';
import { ManualClock, systemClock } from '@millrace/domain';
import type { Project } from '@millrace/project';
import type { ReplayRows } from './replay-rows.duckdb.js';
import { type OutgoingLabel, type OutgoingRecord, Traffic, type TrafficOptions, traceparentOf } from './traffic.js';

const project = {
  name: 'p',
  data: { entity: 'key', eventTime: 'at', columns: [], label: { delayMs: 1_000 } },
} as unknown as Project;

const rows = {
  length: 50,
  at: (i: number) => ({ recordId: `${i}`, eventTimeMs: i * 100, values: { key: `k${i}`, size: i }, outcome: i % 2 }),
} as unknown as ReplayRows;

function traffic(answer: (done: () => void) => void, over: Partial<TrafficOptions> = {}) {
  const records: OutgoingRecord[] = [];
  const labels: OutgoingLabel[] = [];
  const sent = new Traffic({
    project,
    rows,
    ratePerSecond: over.ratePerSecond ?? 10_000,
    shiftFrom: over.shiftFrom ?? Number.POSITIVE_INFINITY,
    operations: [{ feature: 'size', operation: 'multiply', value: 10 }],
    clock: over.clock ?? systemClock,
    traceEvery: 10,
    reserve: over.reserve ?? { from: 50, to: 50 },
    endpoints: {
      predict: (request, onDone) =>
        answer(() =>
          request.id === '7'
            ? onDone({ code: 14, message: 'gone' }, null)
            : onDone(null, { version: 3, probability: 0.5, label: '1' }),
        ),
      records: (batch) => records.push(...batch),
      labels: (batch) => labels.push(...batch),
    },
  });
  return { sent, records, labels };
}

describe('Traffic', () => {
  it.each<[string, (done: () => void) => void]>([
    ['at once', (done) => done()],
    ['later', (done) => setTimeout(done, 5)],
  ])('sends each record, request and label once when answers come %s', async (_when, answer) => {
    const { sent, records, labels } = traffic(answer);
    await sent.run();
    expect(records.map((record) => record.recordId)).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
    expect(labels.map((label) => label.predictionId)).toEqual(Array.from({ length: 50 }, (_, i) => `${i}/0`));
    expect(labels[3]).toMatchObject({ entity: 'k3', eventTimeMs: 300, knownAtMs: 1_300, raw: 1 });
    expect(sent).toMatchObject({ requests: 50, failures: 1, answered: 49, labelsSent: 50 });
    expect(sent.versions[7]).toBe(0);
    expect(sent.newestVersion()).toBe(3);
  });

  it('has sent every label when it ends, also when the last answer came before the stop was noticed', async () => {
    const { sent, labels } = traffic((done) => done());
    const over = sent.run();
    sent.stop();
    await over;
    expect(labels).toHaveLength(sent.sent);
    expect(sent.labelsSent).toBe(sent.requests);
  });

  it('makes the reserve last while the loop is at work, and goes on at full rate when it is through', () => {
    jest.useFakeTimers();
    try {
      const clock = new ManualClock(0);
      const { sent } = traffic((done) => done(), { clock, ratePerSecond: 10, reserve: { from: 30, to: 40 } });
      void sent.run();
      const turnAfter = (ms: number) => {
        clock.advance(ms);
        jest.advanceTimersByTime(1);
      };
      // 27.5 in the ramp of 5 s, then 10 a second: the 41st is due at 6.25 s.
      turnAfter(6_150);
      expect(sent.sent).toBe(40);
      turnAfter(0);
      // One in 10 s.
      turnAfter(60_000);
      expect(sent.sent).toBe(46);
      sent.paced = false;
      turnAfter(0);
      turnAfter(1_000);
      expect(sent.sent).toBe(50);
    } finally {
      jest.useRealTimers();
    }
  });

  it('shifts from the given row on', async () => {
    const { sent, records } = traffic((done) => done(), { shiftFrom: 20 });
    await sent.run();
    expect(records[19]?.values.size).toBe(19);
    expect(records[20]?.values.size).toBe(200);
  });

  it('makes sampled trace ids that can be found again', () => {
    expect(traceparentOf(1_001)).toBe('00-000000000000000000000000000003e9-00000000000003e9-01');
  });
});
