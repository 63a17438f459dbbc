// When open spans close because nobody sends anything any more, and when that says nothing.

import { afterEach, describe, expect, it } from '@jest/globals';
import { entryOf, Process, record, SPAN_MS, TEXT, type World, world } from './live-process.js';

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
