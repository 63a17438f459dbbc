// Symptom: windows and drift events were made of all windows that are kept, and answered in one piece: a project of 500
// features and 64 cohorts has tens of thousands of tests a window, and nothing was read while they were written.

import { describe, expect, it } from '@jest/globals';
import { ALL } from '@millrace/domain';
import { aProject } from '../../test/a-project.js';
import { anEngine } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { WindowRecord } from '../windows/history.js';
import { driftEventsView, type ViewSources, windowsView } from './views.js';

const WINDOWS = 7;

/** `tests`, `events`: of each window. */
function sourcesOf(tests: number, events: number): ViewSources {
  const metadata = new MetadataCache();
  metadata.setProject(aProject(1_000));
  const engine = anEngine(metadata, { judges: () => false });
  engine.monitor('p', 1);
  for (let startMs = 1_000; startMs <= WINDOWS * 1_000; startMs += 1_000) {
    const test = { feature: 'x', alarm: false, pValue: 0.5 };
    const row = { cohort: ALL, predictions: 1, labels: 0, tests: Array.from({ length: tests }, () => test) };
    const drift = Array.from({ length: events }, (_, i) => ({ id: `${startMs}/${i}`, data: { detector: 'ks' } }));
    const window = { kind: 'window', project: 'p', createdAtMs: 0, startMs, endMs: startMs + 1_000, revision: 0 };
    engine.told(
      `p/window/${startMs}`,
      { ...window, metrics: [row], drift, corrections: [] } as unknown as WindowRecord,
      1,
    );
  }
  return { engine } as ViewSources;
}

/** Every page, by what `itemsOf` says of one. */
function pages<Page extends { nextBeforeMs: number | null }, Item>(
  ask: (beforeMs: number | undefined) => Page,
  itemsOf: (page: Page) => Item[],
): Item[][] {
  const all: Item[][] = [];
  for (let beforeMs: number | null | undefined; beforeMs !== null; ) {
    const page: Page = ask(beforeMs);
    all.push(itemsOf(page));
    beforeMs = page.nextBeforeMs;
  }
  return all;
}

describe('pages', () => {
  const starts = (sources: ViewSources, limit: number) =>
    pages(
      (beforeMs) => windowsView(sources, 'p', limit, beforeMs),
      ({ windows }) => windows.map(({ startMs }) => startMs / 1_000),
    );

  it('of windows end where they have many tests, and go on there', () => {
    expect(starts(sourcesOf(4_000, 0), 100)).toEqual([[7, 6], [5, 4], [3, 2], [1]]);
    expect(starts(sourcesOf(50_000, 0), 100)).toEqual([[7], [6], [5], [4], [3], [2], [1]]);
  });

  it('of windows have no more than was asked for', () => {
    expect(starts(sourcesOf(1, 0), 3)).toEqual([[7, 6, 5], [4, 3, 2], [1]]);
    expect(starts(sourcesOf(1, 0), 7)).toEqual([[7, 6, 5, 4, 3, 2, 1]]);
  });

  it('of drift events have all of a window', () => {
    const sources = sourcesOf(1, 2);
    const asked = pages(
      (beforeMs) => driftEventsView(sources, 'p', 5, beforeMs),
      ({ driftEvents }) => driftEvents.map(({ id }) => id),
    );
    expect(asked.map((page) => page.length)).toEqual([4, 4, 4, 2]);
    expect(new Set(asked.flat()).size).toBe(2 * WINDOWS);
    expect(driftEventsView(sources, 'p', 1).driftEvents.map(({ id }) => id)).toEqual(['7000/0', '7000/1']);
  });
});
