// Labels that no record is found for: how long they wait, and what becomes of them then.

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  entryOf,
  Killed,
  label,
  PARTITIONS,
  Process,
  record,
  SPAN_MS,
  TEXT,
  type World,
  world,
} from './live-process.js';

const HOUR_MS = 3_600_000;
const WAITING = TEXT.replace('delay: 30s', 'delay: 30s, wait: 1h');

describe('labels that wait for a record', () => {
  const started: Process[] = [];
  async function begin(target: World, ...how: [] | [(point: string) => void]): Promise<Process> {
    const process = await Process.start(target, ...how);
    started.push(process);
    return process;
  }
  afterEach(() => {
    for (const process of started.splice(0)) process.end();
  });

  async function later(target: World, process: Process, ms: number): Promise<void> {
    target.clock.advance(ms);
    await process.catchUp();
    expect(process.failures).toEqual([]);
  }
  const sent = (target: World, id: string, atMs: number) => {
    const { topic, message } = label(id, atMs, 1);
    target.send({ topic, message: { ...message, ingestedAtMs: target.clock.nowMs() } } as never, 0);
  };
  const ids = (target: World) => target.expired.map(({ recordId }) => recordId);

  it('of rows that retention deleted do not wait for ever and fill the quota: they become dead letters', async () => {
    const target = await world();
    target.entry = entryOf(`${WAITING}retrain: { versions: 1 }\nretention: { datasets: { keep: 1 } }\n`);
    const process = await begin(target);
    for (const [id, atMs] of [
      ['a', 0],
      ['b', SPAN_MS],
    ] as const) {
      target.send(record(target, id, atMs), 0);
      await process.catchUp();
      await process.closeAll();
    }
    expect(await process.asked(() => process.live.collect('p'))).toBe(1);
    sent(target, 'a', 1_000);
    sent(target, 'b', SPAN_MS);
    await later(target, process, SPAN_MS);
    // The one of the row that is there has found it.
    expect(process.live.waitingLabels('p')).toMatchObject([{ count: 1 }]);
    expect(process.live.bytesOnDisk).toBeGreaterThan(0);
    await later(target, process, HOUR_MS - SPAN_MS);
    expect(target.expired).toEqual([]);
    await later(target, process, SPAN_MS);
    expect(target.expired).toMatchObject([{ recordId: 'a', entity: 'ea', value: 1, partition: 0, offset: 0 }]);
    expect(process.live.waitingLabels('p')).toEqual([]);
    expect(process.live.bytesOnDisk).toBe(0);
    await later(target, process, HOUR_MS);
    expect(target.expired).toHaveLength(1);
  });

  it('of a span that nothing closes, for no record of it comes, go too', async () => {
    const target = await world();
    target.entry = entryOf(WAITING);
    const process = await begin(target);
    target.send(record(target, 'a', 0), 0);
    await process.catchUp();
    await process.closeAll();
    sent(target, 'nobody', 5 * SPAN_MS);
    await later(target, process, SPAN_MS);
    await later(target, process, HOUR_MS + SPAN_MS);
    expect(ids(target)).toEqual(['nobody']);
    expect(process.live.bytesOnDisk).toBe(0);
  });

  it('that came at different times go each in its own, those that find a record in time not at all', async () => {
    const target = await world();
    target.entry = entryOf(WAITING);
    const process = await begin(target);
    target.send(record(target, 'a', 0), 0);
    await process.catchUp();
    await process.closeAll();
    sent(target, 'early', 0);
    sent(target, 'found', 0);
    await later(target, process, HOUR_MS / 2);
    sent(target, 'late', 0);
    await later(target, process, SPAN_MS);
    target.send(record(target, 'found', 0), 1);
    await process.catchUp();
    await process.closeAll();
    expect(target.announced.at(-1)).toMatchObject({ lateRows: 1, labelledRows: 1 });
    await later(target, process, HOUR_MS / 2);
    expect(ids(target)).toEqual(['early']);
    await later(target, process, HOUR_MS / 2);
    expect(ids(target)).toEqual(['early', 'late']);
  });

  it('of a late row wait on for its version, however long that takes', async () => {
    const target = await world();
    target.entry = entryOf(WAITING);
    const process = await begin(target);
    target.send(record(target, 'a', 0), 0);
    await process.catchUp();
    await process.closeAll();
    sent(target, 'late', 0);
    sent(target, 'nobody', 0);
    await later(target, process, SPAN_MS);
    // No version is to be expected: it waits.
    target.send(record(target, 'late', 0), 1);
    await process.catchUp();
    await later(target, process, HOUR_MS);
    await later(target, process, HOUR_MS);
    expect(ids(target)).toEqual(['nobody']);
    await process.closeAll();
    expect(target.announced.at(-1)).toMatchObject({ lateRows: 1, labelledRows: 1 });
  });

  it('wait on while there are records that nobody has read: after a standstill theirs may be among them', async () => {
    const target = await world();
    target.entry = entryOf(WAITING);
    const process = await begin(target);
    target.send(record(target, 'a', 0), 0);
    await process.catchUp();
    await process.closeAll();
    sent(target, 'late', 0);
    target.clock.advance(2 * HOUR_MS);
    target.send(record(target, 'late', 0), 1);
    // The partition of the label is read before that of the record.
    for (const topic of ['records.v1', 'labels.v1']) await process.fetch(`${topic}/0`);
    await process.live.flush();
    process.live.closeDue();
    await process.live.settled();
    expect([ids(target), process.failures]).toEqual([[], []]);
    await later(target, process, HOUR_MS);
    expect(ids(target)).toEqual([]);
    await process.closeAll();
    expect(target.announced.at(-1)).toMatchObject({ lateRows: 1, labelledRows: 1 });
  });

  it.each(['before expire', 'after expire', 'before tell', 'after tell'])(
    'are lost to nobody where the process dies %s: each is told again as the same letter, then gone',
    async (point) => {
      const target = await world();
      target.entry = entryOf(WAITING);
      let process = await begin(target);
      target.send(record(target, 'a', 0), 0);
      await process.catchUp();
      await process.closeAll();
      sent(target, 'nobody', 0);
      await later(target, process, SPAN_MS);
      process.end();
      let isDeadly = false;
      process = await begin(target, (passed) => {
        if (isDeadly && passed === point) throw new Killed(point);
      });
      await process.catchUp();
      target.clock.advance(2 * HOUR_MS);
      isDeadly = true;
      process.live.closeDue();
      await process.live.settled();
      expect(process.dead).toBe(true);
      process.end();
      process = await begin(target);
      await later(target, process, SPAN_MS);
      expect(new Set(target.expired.map(({ partition, offset }) => `${partition}/${offset}`))).toEqual(
        new Set(['0/0']),
      );
      expect(target.expired.length).toBeLessThanOrEqual(PARTITIONS);
      // Of one that dies right after that was told nobody counts it.
      expect(target.expiredTold).toBe(point === 'after tell' ? 0 : 1);
      expect(process.live.waitingLabels('p')).toEqual([]);
      expect(process.live.bytesOnDisk).toBe(0);
    },
  );
});
