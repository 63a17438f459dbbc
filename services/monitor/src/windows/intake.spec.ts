import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import { aPrediction } from '@millrace/testing';
import { termsOf } from '../quality/task-terms.js';
import { TrafficHistory } from '../software/traffic-history.js';
import { type ClosedOfProject, type Due, Engine } from './engine.js';
import { Intake } from './intake.js';

/** An engine whose windows close whenever `closing` is set; everything else is real. */
class DueEngine extends Engine {
  closing: ClosedOfProject[] = [];

  override due() {
    return this.closing.length === 0 ? undefined : (new Map() as Due);
  }

  override close(): ClosedOfProject[] {
    this.outbox.push(...this.closing);
    return this.closing.splice(0);
  }
}

const window = (startMs: number): ClosedOfProject => ({
  project: 'p',
  window: { startMs, endMs: startMs + 1, revision: 0, metrics: [], drift: [], corrections: [] },
});

function stand() {
  const engine = new DueEngine({
    project: () => undefined,
    metadata: {
      createdAtMs: () => undefined,
      reference: () => undefined,
      inputsWithoutReference: () => undefined,
      evaluation: () => undefined,
    },
    traffic: new TrafficHistory(),
    idleMs: { predictions: 1, labels: 1 },
    joinRowsMax: 10,
    retainedWindows: 1,
    windowsKept: 10,
    terms: termsOf,
  });
  const events: string[] = [];
  const broker = { up: true };
  const intake = new Intake(
    engine,
    {
      reference: (_project, version) =>
        version === 1 ? undefined : Promise.resolve(void events.push(`reference ${version}`)),
      publisher: {
        publish: async ({ window: { startMs } }) => {
          if (!broker.up) throw new Error('broker away');
          events.push(`publish ${startMs}`);
        },
      },
      ends: async () => [],
      recreated: (stream, partition) => events.push(`recreated ${stream} ${partition}`),
      touched: () => undefined,
      checkpoint: async () => void events.push('checkpoint'),
      seen: { prediction: () => events.push('seen'), label: () => events.push('seen') },
    },
    new ManualClock(1),
  );
  return { engine, intake, events, broker };
}

const batch = (...offsets: number[]) =>
  offsets.map((offset) => ({ message: aPrediction({ modelVersion: 2 }), offset, timestampMs: 1 }));

describe('Intake', () => {
  it('waits for references, applies, publishes, then makes a checkpoint', async () => {
    const { engine, intake, events } = stand();
    engine.closing = [window(1), window(2)];
    await intake.predictions(0, 1, batch(0));
    expect(events).toEqual(['reference 2', 'seen', 'publish 1', 'publish 2', 'checkpoint']);
  });

  it('keeps what the broker does not have, and sends it with the retried batch, which counts nothing again', async () => {
    const { engine, intake, events, broker } = stand();
    engine.closing = [window(1)];
    broker.up = false;
    await expect(intake.predictions(0, 2, batch(0, 1))).rejects.toThrow('broker away');
    expect(engine.outbox).toHaveLength(1);
    expect(engine.state().outbox).toEqual([window(1)]);
    broker.up = true;
    await intake.predictions(0, 2, batch(0, 1));
    expect(engine.outbox).toHaveLength(0);
    expect(events.filter((event) => event === 'seen')).toHaveLength(2);
    expect(events.filter((event) => event.startsWith('publish'))).toEqual(['publish 1']);
  });

  it('goes on with a topic that was deleted and created again, which blinded it', async () => {
    const { engine, intake, events } = stand();
    await intake.predictions(0, 7, batch(5, 6));
    await intake.predictions(0, 7, batch(6));
    expect(events.filter((event) => event === 'seen')).toHaveLength(2);
    await intake.predictions(0, 2, batch(0, 1));
    await intake.predictions(0, 4, batch(2, 3));
    expect(events.filter((event) => event === 'seen')).toHaveLength(6);
    expect(events.filter((event) => event.startsWith('recreated'))).toEqual(['recreated predictions 0']);
    expect([engine.positions.next('predictions', 0), engine.positions.lag]).toEqual([4, 0]);
  });

  it('passes the position of a message that cannot be read', async () => {
    const { engine, intake } = stand();
    await intake.labels(3, 8, [{ message: undefined, offset: 7, timestampMs: 1 }]);
    expect(engine.positions.next('labels', 3)).toBe(8);
    expect(engine.positions.lag).toBe(0);
  });
});
