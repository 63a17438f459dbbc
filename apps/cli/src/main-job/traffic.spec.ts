import { describe, expect, it } from '@jest/globals';
import { type Clock, systemClock } from '@millrace/domain';
import type { Project } from '@millrace/project';
import type { ReplayRows } from './replay-rows.duckdb.js';
import { type OutgoingLabel, type OutgoingRecord, Traffic, traceparentOf } from './traffic.js';

const project = {
  name: 'p',
  data: { entity: 'key', eventTime: 'at', columns: [], label: { delayMs: 1_000 } },
} as unknown as Project;

const rows = {
  length: 50,
  at: (i: number) => ({ recordId: `${i}`, eventTimeMs: i * 100, values: { key: `k${i}`, size: i }, outcome: i % 2 }),
} as unknown as ReplayRows;

function traffic(answer: (done: () => void) => void, over: { clock?: Clock; shiftFrom?: number } = {}) {
  const records: OutgoingRecord[] = [];
  const labels: OutgoingLabel[] = [];
  const sent = new Traffic({
    project,
    rows,
    ratePerSecond: 10_000,
    shiftFrom: over.shiftFrom ?? Number.POSITIVE_INFINITY,
    operations: [{ feature: 'size', operation: 'multiply', value: 10 }],
    clock: over.clock ?? systemClock,
    traceEvery: 10,
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
