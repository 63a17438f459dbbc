// When open spans close because nobody sends anything any more, or because somebody who lags held them back for long
// enough; and when silence says nothing.

import { afterEach, describe, expect, it } from '@jest/globals';
import type { DatasetVersion } from '@millrace/contracts';
import {
  entryOf,
  label,
  PARTITIONS,
  Process,
  record,
  SPAN_MS,
  START_MS,
  TEXT,
  type World,
  world,
} from './live-process.js';

describe('open spans of a project that is silent', () => {
  const started: Process[] = [];
  async function begin(target: World): Promise<Process> {
    const process = await Process.start(target);
    started.push(process);
    return process;
  }
  afterEach(() => {
    for (const process of started.splice(0)) process.end();
  });

  it('close after the time that in real time were theirs, when nobody sends anything any more', async () => {
    const target = await world();
    target.entry = entryOf(TEXT.replace('closeAfterIdle: 30d', 'closeAfterIdle: 10m'));
    const process = await begin(target);
    for (const partition of [0, 1]) target.send(record(target, `r${partition}`, partition * SPAN_MS), partition);
    await process.catchUp();
    target.clock.advance(9 * SPAN_MS);
    await process.catchUp();
    expect(target.announced).toEqual([]);
    target.clock.advance(SPAN_MS);
    await process.catchUp();
    expect(target.announced.map(({ rows }) => rows)).toEqual([1, 1]);
    // Whoever comes late is in the next version, as always.
    target.send(record(target, 'late', 1), 0);
    await process.catchUp();
    target.clock.advance(10 * SPAN_MS);
    await process.catchUp();
    expect(target.announced.slice(2)).toMatchObject([{ rows: 1, lateRows: 1 }]);
  });

  it('close where processes are replaced more often than closeAfterIdle', async () => {
    const target = await world();
    target.entry = entryOf(TEXT.replace('closeAfterIdle: 30d', 'closeAfterIdle: 2h'));
    let process = await begin(target);
    for (const partition of [0, 1]) target.send(record(target, `r${partition}`, 0), partition);
    await process.catchUp();
    for (let hour = 0; hour < 2; hour++) {
      process.end();
      target.clock.advance(45 * SPAN_MS);
      process = await begin(target);
      await process.catchUp();
      target.clock.advance(15 * SPAN_MS);
      await process.catchUp();
      expect(target.announced).toHaveLength(hour);
    }
    expect(target.announced).toMatchObject([{ rows: 2 }]);
  });

  it('stay open after a time in which nobody could be heard: senders come back first', async () => {
    const target = await world();
    target.entry = entryOf(TEXT.replace('closeAfterIdle: 30d', 'closeAfterIdle: 10m'));
    const first = await begin(target);
    for (const partition of [0, 1]) target.send(record(target, `r${partition}`, 0), partition);
    await first.catchUp();
    first.end();
    target.clock.advance(60 * SPAN_MS);
    const second = await begin(target);
    await second.catchUp();
    target.send(record(target, 'waited', 1), 0);
    await second.catchUp();
    expect(target.announced).toEqual([]);
    target.clock.advance(10 * SPAN_MS);
    await second.catchUp();
    expect(target.announced).toMatchObject([{ rows: 3, lateRows: 0 }]);
  });
});

/** Of the spans that live senders fill, when they closed first. */
const liveOnes = (announced: readonly DatasetVersion[]) =>
  announced.filter(({ windowStartMs, rowsOf }) => windowStartMs >= START_MS && rowsOf === 0);

describe('open spans that somebody who lags holds back', () => {
  const started: Process[] = [];
  afterEach(() => {
    for (const process of started.splice(0)) process.end();
  });

  // Symptom: one sender of labels that were 299 days old held back every close of its project.
  it.each([
    ['labels of an old time, one after the other', (at: number) => label(`old${at}`, at - 299 * 1_440 * SPAN_MS, 1)],
    ['records of a clock that is a day slow', (at: number) => ({ slow: at - 1_440 * SPAN_MS })],
  ])('close after closeAfterIdle for each, and no later the longer it lasts: %s', async (_who, of) => {
    const target = await world();
    target.entry = entryOf(TEXT.replace('closeAfterIdle: 30d', 'closeAfterIdle: 10m'));
    const process = await Process.start(target);
    started.push(process);
    const closedAt: number[] = [];
    for (let minute = 0; minute < 30; minute++) {
      const old = of(minute * SPAN_MS);
      const isLabel = 'topic' in old;
      for (let partition = isLabel ? 0 : 1; partition < PARTITIONS; partition++)
        target.send(record(target, `r${minute}-${partition}`, minute * SPAN_MS), partition);
      target.send(isLabel ? old : record(target, `slow${minute}`, old.slow), 0);
      await process.catchUp();
      closedAt.push(liveOnes(target.announced).length);
      target.clock.advance(SPAN_MS);
    }
    // Due a span, its label's delay of half a span and the allowance after its start; then held for ten minutes more.
    expect(closedAt.slice(0, 12).every((count) => count === 0)).toBe(true);
    for (let minute = 14; minute < 30; minute++) expect(closedAt[minute]).toBeGreaterThanOrEqual(minute - 13);
  });

  it('are not closed by a partition whose clock is ahead, before they are over', async () => {
    const target = await world();
    target.entry = entryOf(
      TEXT.replace('closeAfterIdle: 30d', 'closeAfterIdle: 2m').replace('versionEvery: 1m', 'versionEvery: 1h'),
    );
    const process = await Process.start(target);
    started.push(process);
    const beganMs = target.clock.nowMs() - START_MS;
    // Two senders of partition 0 are six hours ahead, and believed.
    for (let minute = 0; minute < 50; minute++) {
      for (const who of ['a', 'b'])
        target.send(record(target, `${who}${minute}`, beganMs + (360 + minute) * SPAN_MS), 0);
      target.send(record(target, `r${minute}`, beganMs + minute * SPAN_MS), 1);
      await process.catchUp();
      target.clock.advance(SPAN_MS);
    }
    expect(target.announced.map(({ lateRows }) => lateRows)).toEqual(target.announced.map(() => 0));
    const closed = target.announced.reduce((sum, { rows }) => sum + rows, 0);
    expect(closed).toBeLessThanOrEqual(50);
  });

  it('stay open after a time in which nobody could write: who lags could not send either', async () => {
    const target = await world();
    target.entry = entryOf(TEXT.replace('closeAfterIdle: 30d', 'closeAfterIdle: 10m'));
    const process = await Process.start(target);
    started.push(process);
    target.send(record(target, 'early', 0), 0);
    target.send(record(target, 'slow', 0), 1);
    target.send(record(target, 'passed', 5 * SPAN_MS), 0);
    await process.catchUp();
    expect(target.announced).toEqual([]);
    // A process that takes over has heard nobody yet, whatever was held before.
    process.end();
    target.clock.advance(60 * SPAN_MS);
    const second = await Process.start(target);
    started.push(second);
    await second.catchUp();
    target.send(record(target, 'late sender', 30_000), 1);
    await second.catchUp();
    expect(target.announced).toEqual([]);
    target.send(record(target, 'still', 5 * SPAN_MS + 1), 0);
    target.clock.advance(10 * SPAN_MS);
    target.send(record(target, 'still there', 5 * SPAN_MS + 2), 0);
    await second.catchUp();
    await second.catchUp();
    expect(target.announced[0]).toMatchObject({ rows: 3, lateRows: 0 });
  });

  it('wait for labels that come along, as long as that is', async () => {
    const target = await world();
    target.entry = entryOf(TEXT.replace('closeAfterIdle: 30d', 'closeAfterIdle: 10m'));
    const process = await Process.start(target);
    started.push(process);
    // Five minutes late, which is less than ten.
    for (let minute = 0; minute < 20; minute++) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        target.send(record(target, `r${minute}-${partition}`, minute * SPAN_MS), partition);
        target.send(label(`r${minute - 5}-${partition}`, (minute - 5) * SPAN_MS, 1), partition);
      }
      await process.catchUp();
      target.clock.advance(SPAN_MS);
    }
    const closed = liveOnes(target.announced);
    expect(closed.length).toBeGreaterThan(8);
    for (const { rows, labelledRows } of closed) expect([rows, labelledRows]).toEqual([PARTITIONS, PARTITIONS]);
  });
});
