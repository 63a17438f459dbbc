// A closed window as it came out of a saved file, made whole: JSON has null where a number does not exist, and a
// release that judged quality at the closing said nothing of later judgements. Done once, at restoring; nobody else
// knows of it.

import type { WindowMetrics } from '@millrace/contracts';
import type { Evaluation } from '@millrace/evaluation';
import type { ClosedWindow } from './closed-window.js';

type Saved<W extends ClosedWindow> = Omit<W, 'revision' | 'corrections' | 'ended'> &
  Partial<Pick<ClosedWindow, 'revision' | 'corrections' | 'ended'>>;

export function revivedWindow<W extends ClosedWindow>(saved: Saved<W>): W {
  const { revision = 1, corrections = [], ended = [] } = saved;
  return {
    ...saved,
    revision,
    corrections,
    ended,
    metrics: saved.metrics.map((row) => revivedRow(row)),
  } as unknown as W;
}

export function revivedRow(row: WindowMetrics): WindowMetrics {
  return {
    ...row,
    revision: row.revision ?? 1,
    labelsDueMs: row.labelsDueMs ?? 0,
    tests: row.tests.map(withNumbers),
    quality: row.quality === undefined ? undefined : revivedQuality(row.quality),
    // A release that did not say how many requests it had counted said 0 where it had none.
    software:
      row.software === undefined ? undefined : { ...withNumbers(row.software), requests: row.software.requests ?? 0 },
  };
}

function revivedQuality(saved: Evaluation): Evaluation {
  return { ...withNumbers(saved), metrics: withNumbers(saved.metrics) };
}

function withNumbers<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).map(([key, x]) => [key, x === null ? Number.NaN : x])) as T;
}
