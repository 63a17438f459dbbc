import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import { aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, heldBy, noArchive } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { ClosedOfProject, Due, Engine } from './engine.js';
import { Intake } from './intake.js';
import type { News } from './reports.js';

const window = (startMs: number): ClosedOfProject => ({
  project: 'p',
  window: { startMs, endMs: startMs + 1, revision: 0, metrics: [], drift: [], corrections: [], ended: [] },
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
      judged: () => void events.push('judged'),
      archive: noArchive,
      seen: { prediction: () => events.push('seen'), label: () => events.push('seen') },
    },
    clock,
  );
  return { engine, intake, reports, clock, events, broker, closing };
}

const batch = (...offsets: number[]) =>
  offsets.map((offset) => ({ message: aPrediction({ modelVersion: 2 }), offset, timestampMs: 1 }));

/** A project whose windows close by themselves; the broker takes what is told when it is let. */
function slowBroker() {
  const metadata = new MetadataCache();
  metadata.setProject(aProject(1_000, 0));
  const engine = anEngine(metadata);
  const clock = new ManualClock(10_000_000);
  const inFlight: { partition: number; text: string; judged: number; taken(): void }[] = [];
  const ports = {
    reference: () => undefined,
    publish: (partition: number, { entries, judgements }: Pick<News, 'entries' | 'judgements'>) =>
      new Promise<void>((taken) => {
        inFlight.push({ partition, text: JSON.stringify(entries), judged: judgements.length, taken });
      }),
    ends: async () => [],
    recreated: () => undefined,
    touched: () => undefined,
    judged: () => undefined,
    archive: noArchive,
    seen: { prediction: () => undefined, label: () => undefined },
  };
  const intake = new Intake(engine, heldBy(engine), ports, clock);
  const row = (offset: number, second: number) => ({
    message: aPrediction({ project: 'p', predictionId: `r${offset}/0`, eventTimeMs: 1_000_000 + second * 1_000 }),
    offset,
    timestampMs: 1,
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const takeAll = async () => {
    for (await turn(); inFlight.length > 0; await turn()) for (const { taken } of inFlight.splice(0)) taken();
  };
  return { engine, intake, inFlight, row, turn, takeAll };
}

describe('reading', () => {
  it('goes on while the broker takes what is told, for which every partition waited seconds under load', async () => {
    const { engine, intake, inFlight, row, turn, takeAll } = slowBroker();
    for (let offset = 0; offset < 5; offset++)
      await intake.predictions(offset % 4, offset + 1, [row(offset, offset === 0 ? 0 : 3)]);
    await turn();
    expect(inFlight.length).toBeGreaterThan(0);
    expect(engine.positions.state().reduce((sum, { next }) => sum + next, 0)).toBe(5 + 2 + 3 + 4);
    await takeAll();
    await Promise.all([intake.settle(), takeAll()]);
    expect([...engine.windowsBefore('p')].map(({ startMs }) => startMs)).toEqual([1_000_000]);
  });

  it('tells of all numbers at the same time, of each what it counted and the positions of that moment', async () => {
    const { intake, inFlight, row, turn, takeAll } = slowBroker();
    for (const partition of [0, 1, 2, 3]) await intake.predictions(partition, partition + 1, [row(partition, 0)]);
    await turn();
    expect(inFlight.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
    for (const partition of [0, 1, 2, 3]) await intake.predictions(partition, 9, [row(8, 0)]);
    for (const { text } of inFlight) {
      const [number, ...parts] = JSON.parse(text);
      for (const { key, value } of parts) expect([key, value.readTo]).toEqual([key, number.value.next.predictions]);
    }
    await takeAll();
  });

  it('tells judges before parts that know of what they said', async () => {
    const { intake, inFlight, row, turn } = slowBroker();
    await intake.predictions(0, 4, [row(0, 0), row(1, 4), row(2, 8), row(3, 12)]);
    await turn();
    expect(inFlight.map(({ judged }) => judged > 0)).toEqual([true]);
    expect(inFlight[0]!.text).not.toContain('p/part/');
  });

  it('waits where more windows wait to be judged than are read ahead', async () => {
    const { engine, intake, row, turn, takeAll } = slowBroker();
    const wait = async (offset: number) => {
      let isRead = false;
      const read = intake.predictions(0, offset + 1, [row(offset, offset)]).then(() => {
        isRead = true;
      });
      await turn();
      return { read, isRead };
    };
    let offset = 0;
    let last = await wait(offset);
    for (; last.isRead && offset < 40; last = await wait(++offset));
    expect(offset).toBeGreaterThan(5);
    expect(offset).toBeLessThan(20);
    await Promise.all([last.read, takeAll()]);
    expect([...engine.windowsBefore('p')]).toHaveLength(offset - 1);
  });
});

describe('Intake', () => {
  it('waits for references, applies, tells what was judged at once and then what was read, and says so', async () => {
    const { intake, events, closing } = stand();
    closing.push(window(1), window(2));
    await intake.predictions(0, 1, batch(0));
    await intake.settle();
    const numbers = [0, 1, 2, 3].map((number) => `publish ${number}: number/${number}`);
    expect(events).toEqual(['reference 2', 'seen', 'publish 0: 1 2', ...numbers, 'judged']);
  });

  it('keeps what the broker does not have, waits while it takes nothing, and sends it again, counting nothing again', async () => {
    const { engine, intake, reports, events, broker, closing } = stand();
    closing.push(window(1));
    broker.up = false;
    await intake.predictions(0, 2, batch(0, 1));
    await expect(intake.settle()).rejects.toThrow('broker away');
    await expect(intake.predictions(0, 3, batch(2))).rejects.toThrow('broker away');
    expect([engine.outbox, reports.isTold()]).toEqual([[window(1)], false]);
    broker.up = true;
    await intake.predictions(0, 3, batch(2));
    expect([engine.outbox, reports.isTold()]).toEqual([[], true]);
    expect(events.filter((event) => event === 'seen')).toHaveLength(3);
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
