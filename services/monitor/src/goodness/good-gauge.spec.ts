import { describe, expect, it } from '@jest/globals';
import type { WindowMetrics } from '@millrace/contracts';
import { type Cohort, cohortOfVersion } from '@millrace/domain';
import { emptyRoute } from '@millrace/routing';
import { aProject } from '../../test/a-project.js';
import { anEngine } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import { TrafficHistory } from '../software/traffic-history.js';
import type { WindowRecord } from '../windows/history.js';
import { GoodGauge } from './good-gauge.js';
import { goodOf } from './known-of-version.js';

type TestResult = WindowMetrics['tests'][number];

const WINDOW_MS = 10_000;
const TEST: TestResult = {
  ...{ feature: '@software', detector: 'error_share', statistic: 0, threshold: 0.01, pValue: Number.NaN },
  ...{ alarm: false, rows: 500 },
};

function setUp() {
  const metadata = new MetadataCache();
  metadata.setProject(aProject(WINDOW_MS));
  metadata.setRoute({ ...emptyRoute('p'), revision: 1, loadedVersions: [1, 2] });
  const engine = anEngine(metadata, { judges: () => false });
  const monitor = engine.monitor('p', 1);
  if (monitor === undefined) throw new Error('no monitor of p');
  const sources = { engine, metadata, traffic: new TrafficHistory() };
  const series = new Map<string, number>();
  let judged = ['p'];
  const key = ({ project, version }: { project: string; version: number }) => `${project}/${version}`;
  const gauge = new GoodGauge(
    sources,
    { set: (value, labels) => series.set(key(labels), value), remove: (labels) => series.delete(key(labels)) },
    () => judged,
  );
  /** A window in which these versions were judged, closed as it ended. */
  const close = (startMs: number, versions: number[], over: Partial<WindowRecord> & { tests?: TestResult[] } = {}) => {
    const endMs = startMs + WINDOW_MS;
    const { tests = [TEST], ...window } = over;
    const metrics = versions.map((version) => ({
      ...{ cohort: cohortOfVersion(version) as Cohort, predictions: 500, labels: 300, tests, closedAtMs: endMs },
    }));
    const record = { kind: 'window', project: 'p', createdAtMs: 0, startMs, endMs, revision: 0, ...window, metrics };
    engine.told(`p/window/${startMs}`, { drift: [], corrections: [], ended: [], ...record } as never, endMs);
  };
  return { sources, series, gauge, monitor, close, leave: () => (judged = []) };
}

describe('the gauge of good versions', () => {
  it('has no series of what nobody knows, 1 of a good version, 0 of a bad one', () => {
    const { gauge, series, close, monitor } = setUp();
    gauge.refresh(5_000);
    expect(Object.fromEntries(series)).toEqual({});
    close(10_000, [1, 2]);
    gauge.refresh(21_000);
    expect(Object.fromEntries(series)).toEqual({ 'p/1': 1, 'p/2': 1 });
    const verdict = { ...TEST, subject: '@software', alarming: true, value: 0.5, formula: '' };
    monitor.alarms.feed(cohortOfVersion(2), verdict, { startMs: 10_000, endMs: 20_000 });
    gauge.refresh(21_000);
    expect(Object.fromEntries(series)).toEqual({ 'p/1': 1, 'p/2': 0 });
  });

  it('lets a series go when nothing is known any more, or another process judges', () => {
    const { gauge, series, close, leave } = setUp();
    close(10_000, [1, 2]);
    gauge.refresh(21_000);
    for (const startMs of [20_000, 30_000, 40_000]) close(startMs, [2]);
    gauge.refresh(51_000);
    expect(Object.fromEntries(series)).toEqual({ 'p/2': 1 });
    leave();
    gauge.refresh(51_000);
    expect(Object.fromEntries(series)).toEqual({});
  });
});

describe('what is known of a version', () => {
  const quality = { ...TEST, feature: '@quality', detector: 'auc_drop' };

  it('has the newest judged quality, however long labels take', () => {
    const { sources, close } = setUp();
    close(10_000, [1], { revision: 1, tests: [TEST, quality] });
    for (let startMs = 20_000; startMs < 200_000; startMs += WINDOW_MS) close(startMs, [1]);
    const asked = { project: 'p', version: 1, nowMs: 201_000, required: ['quality' as const] };
    expect(goodOf(sources, asked)).toMatchObject({ verdict: 'good', grounds: ['software', 'quality'] });
  });

  it('says of a version that there is not that there is none', () => {
    const { sources, close } = setUp();
    close(10_000, [1]);
    const ask = (project: string, version: number) => () => goodOf(sources, { project, version, nowMs: 21_000 });
    expect(ask('p', 9)).toThrow('p has no version 9');
    expect(ask('q', 1)).toThrow("no project 'q'");
    expect(ask('p', 1)).not.toThrow();
  });
});
