// The analysis of Argo Rollouts in docs/signals.md, read as Argo reads it: address, jsonPath and conditions are held
// against what the monitor answers of a good, a bad and an unknown version. Argo knows three outcomes of a measurement:
// the failure condition first, then the success condition, and inconclusive where neither holds.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { monitorApi } from '@millrace/api';
import { cohortOfVersion } from '@millrace/domain';
import { cloneRoot, codeBlocks } from '@millrace/testing';
import { parse } from 'yaml';
import { versionGoodView } from '../src/api/good-view.js';
import { MetadataCache } from '../src/metadata/metadata-cache.js';
import { TrafficHistory } from '../src/software/traffic-history.js';
import { aProject } from './a-project.js';
import { anEngine } from './an-engine.js';

interface Template {
  kind: string;
  spec: {
    args: { name: string; value?: string }[];
    metrics: {
      successCondition: string;
      failureCondition: string;
      provider: { web: { url: string; jsonPath: string } };
    }[];
  };
}

const document = 'docs/signals.md';
const text = codeBlocks(document, readFileSync(join(cloneRoot(), document), 'utf8')).find(({ text: block }) =>
  block.includes('kind: AnalysisTemplate'),
)?.text;
const template = parse(text ?? '') as Template;
const [metric] = template.spec.metrics as [Template['spec']['metrics'][0]];

/** `{$.name}`: the one form that the document uses of Kubernetes' jsonPath. */
function valueAt(jsonPath: string, answer: object): unknown {
  const name = /^\{\$\.(\w+)\}$/.exec(jsonPath)?.[1];
  if (name === undefined) throw new Error(`${jsonPath} is not {$.name}`);
  return (answer as Record<string, unknown>)[name];
}

function holds(condition: string, result: unknown): boolean {
  const wanted = /^result == (-?\d+|true|false)$/.exec(condition)?.[1];
  if (wanted === undefined) throw new Error(`${condition} is not result == …`);
  return JSON.stringify(result) === wanted;
}

function measured(answer: object): string {
  const result = valueAt(metric.provider.web.jsonPath, answer);
  if (holds(metric.failureCondition, result)) return 'Failed';
  return holds(metric.successCondition, result) ? 'Successful' : 'Inconclusive';
}

const WINDOW_MS = 10_000;
const NOW_MS = 21_000;

/** What the monitor answers of version 2, with these requests of it in the last minute. */
function answerOf({ judged, failures }: { judged: boolean; failures: number }) {
  const metadata = new MetadataCache();
  metadata.setProject(aProject(WINDOW_MS));
  const engine = anEngine(metadata, { judges: () => false });
  engine.monitor('p', 1);
  const traffic = new TrafficHistory();
  traffic.read('p', new Map([[2, { requests: 0, failures: 0 }]]), NOW_MS - 2_000, 'router');
  traffic.read('p', new Map([[2, { requests: 200, failures }]]), NOW_MS - 1_000, 'router');
  const test = { feature: '@software', detector: 'error_share', statistic: 0, threshold: 0.01, pValue: Number.NaN };
  const tests = judged ? [{ ...test, alarm: false, rows: 500 }] : [];
  const row = { cohort: cohortOfVersion(2), predictions: judged ? 500 : 3, labels: 0, tests, closedAtMs: 20_000 };
  const times = { startMs: 10_000, endMs: 20_000, createdAtMs: 0, revision: 0 };
  const record = { kind: 'window', project: 'p', ...times, metrics: [row], drift: [], corrections: [], ended: [] };
  engine.told('p/window/10000', record, NOW_MS);
  const asked = { project: 'p', version: 2, nowMs: NOW_MS, required: ['software' as const] };
  return versionGoodView({ engine, metadata, traffic }, asked);
}

describe('the analysis template of docs/signals.md', () => {
  it('asks a call that there is, with what the call knows', () => {
    expect(template.kind).toBe('AnalysisTemplate');
    const args: Record<string, string> = { project: 'loans', version: '2' };
    for (const { name, value } of template.spec.args) if (value !== undefined) args[name] = value;
    const url = new URL(metric.provider.web.url.replace(/\{\{args\.(\w+)\}\}/g, (_, name: string) => args[name] ?? ''));
    const { path, query } = monitorApi.endpoints.versionGood;
    expect(url.pathname).toBe(path.replace('{project}', 'loans').replace('{version}', '2'));
    for (const [name, value] of url.searchParams) {
      const known = query.properties[name as 'require'] as unknown as { pattern: string };
      expect(value).toMatch(new RegExp(known.pattern));
    }
  });

  it.each([
    ['a good version', { judged: true, failures: 0 }, 'Successful', 1],
    ['a bad version', { judged: true, failures: 200 }, 'Failed', 0],
    ['a version of which nobody knows', { judged: false, failures: 0 }, 'Inconclusive', -1],
  ])('makes of %s what it is', (_name, given, phase, value) => {
    const answer = answerOf(given);
    expect([measured(answer), answer.value, answer.good]).toEqual([phase, value, value === 1]);
  });
});
