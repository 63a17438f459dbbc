// Rows in columns come back as they were added, whole or in part.

import { describe, expect, it } from '@jest/globals';
import { aPrediction } from '@millrace/testing';
import { ArchiveRows } from './archive-rows.js';
import { PREDICTION_COLUMNS, predictionOf } from './archived.js';

const messages = Array.from({ length: 40 }, (_, i) =>
  aPrediction({
    predictionId: `r${i}/0`,
    entity: i % 3 === 0 ? '' : `e${i % 2}`,
    features: [i, 'ü\n"', null, true, 0.1 * i],
    outputs: [{ name: 'all', value: [i, 0.5] }],
    role: i % 5 === 0 ? 'shadow' : 'live',
    eventTimeMs: i % 4 === 0 ? 0 : 1_700_000_000_000 + i,
    answeredAtMs: 1_700_000_000_500 + i,
  }),
);

function filled(): ArchiveRows {
  const rows = ArchiveRows.of(PREDICTION_COLUMNS);
  for (const [i, message] of messages.entries()) rows.add(PREDICTION_COLUMNS, message, 10 + 2 * i, i);
  return rows;
}

const read = (rows: ArchiveRows) =>
  rows.offsets.map((offset, at) => predictionOf({ value: (column) => rows.column(column)[at], partition: 1, offset }));

const wanted = messages.map(({ project: _, eventTimeMs, ...message }, i) => ({
  ...message,
  eventTimeMs: eventTimeMs > 0 ? eventTimeMs : message.answeredAtMs,
  partition: 1,
  offset: 10 + 2 * i,
}));

describe('rows of the archive in columns', () => {
  it('come back as they were', () => {
    expect(read(filled())).toEqual(wanted);
    expect(filled().writtenAtMs).toEqual(messages.map((_, i) => i));
  });

  it('are parted by place and by offset, and put together again', () => {
    const rows = filled();
    expect(read(rows.part(3, 7))).toEqual(wanted.slice(3, 7));
    for (const [offset, from] of [
      [0, 0],
      [10, 0],
      [11, 1],
      [12, 1],
      [88, 39],
      [89, 40],
    ] as const)
      expect(read(rows.since(offset))).toEqual(wanted.slice(from));
    const front = rows.part(0, 15);
    front.join(rows.part(15));
    expect(read(front)).toEqual(wanted);
    expect(read(rows)).toEqual(wanted);
  });

  it('say what they take: a text that the row before has, too, takes nothing', () => {
    const rows = ArchiveRows.of(PREDICTION_COLUMNS);
    const message = aPrediction({ modelSha256: 'a'.repeat(10_000) });
    expect(rows.add(PREDICTION_COLUMNS, message, 0, 0)).toBeGreaterThan(20_000);
    expect(rows.add(PREDICTION_COLUMNS, message, 1, 0)).toBeLessThan(1_000);
  });
});
