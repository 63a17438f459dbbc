import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import { aPrediction } from '@millrace/testing';
import { anEngine, heldBy, noArchive } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { ClosedOfProject, Due, Engine } from './engine.js';
import { Intake } from './intake.js';

const window = (startMs: number): ClosedOfProject => ({
  project: 'p',
  window: { startMs, endMs: startMs + 1, revision: 0, metrics: [], drift: [], corrections: [] },
});

/** Windows close whenever `closing` is set; everything else is real. */
function stand() {
  const engine: Engine = anEngine(new MetadataCache());
  const closing: ClosedOfProject[] = [];
  engine.due = () => (closing.length === 0 ? undefined : (new Map() as Due));
  engine.close = () => {
    engine.outbox.push(...closing);
    return closing.splice(0);
  };
  const events: string[] = [];
  const broker = { up: true };
  const clock = new ManualClock(1);
  const reports = heldBy(engine);
  const intake = new Intake(
    engine,
    reports,
    {
      reference: (_project, version) =>
        version === 1 ? undefined : Promise.resolve(void events.push(`reference ${version}`)),
      publish: async (partition, { entries, judgements }) => {
        if (!broker.up) throw new Error('broker away');
        const told = entries.map(({ key }) => key).join(' ');
        events.push(`publish ${partition}: ${judgements.map((one) => one.window.startMs).join(' ') || told}`);
      },
      ends: async () => [],
      recreated: (stream, partition) => events.push(`recreated ${stream} ${partition}`),
      touched: () => undefined,
      checkpoint: async () => void events.push('checkpoint'),
      archive: noArchive,
      seen: { prediction: () => events.push('seen'), label: () => events.push('seen') },
    },
    clock,
  );
  return { engine, intake, reports, clock, events, broker, closing };
}

const batch = (...offsets: number[]) =>
  offsets.map((offset) => ({ message: aPrediction({ modelVersion: 2 }), offset, timestampMs: 1 }));

describe('Intake', () => {
  it('waits for references, applies, tells what was judged at once and then what was read, then makes a checkpoint', async () => {
    const { intake, events, closing } = stand();
    closing.push(window(1), window(2));
    await intake.predictions(0, 1, batch(0));
    const numbers = [0, 1, 2, 3].map((number) => `publish ${number}: number/${number}`);
    expect(events).toEqual(['reference 2', 'seen', 'publish 0: 1 2', ...numbers, 'checkpoint']);
  });

  it('keeps what the broker does not have, and sends it with the retried batch, which counts nothing again', async () => {
    const { engine, intake, reports, events, broker, closing } = stand();
    closing.push(window(1));
    broker.up = false;
    await expect(intake.predictions(0, 2, batch(0, 1))).rejects.toThrow('broker away');
    expect([engine.outbox, reports.isTold()]).toEqual([[window(1)], false]);
    broker.up = true;
    await intake.predictions(0, 2, batch(0, 1));
    expect([engine.outbox, reports.isTold()]).toEqual([[], true]);
    expect(events.filter((event) => event === 'seen')).toHaveLength(2);
    expect(events.filter((event) => event.startsWith('publish 0'))).toEqual(['publish 0: 1', 'publish 0: number/0']);
  });

  it('applies nothing of a number that another process holds', async () => {
    const { intake, reports, events } = stand();
    reports.release(0);
    await intake.predictions(0, 1, batch(0));
    await intake.labels(0, 1, [{ message: undefined, offset: 0, timestampMs: 1 }]);
    expect(events).toEqual(['reference 2']);
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
