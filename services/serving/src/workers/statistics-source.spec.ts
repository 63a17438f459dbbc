import { describe, expect, it } from '@jest/globals';
import { VersionStatistics } from '@millrace/inference';
import type { ModelSet } from '../models/model-set.js';
import { WorkersStatistics } from './statistics-source.js';
import type { Question, Reply, WorkerModel } from './worker-messages.js';

function model(name: string, version: number, requests: number): WorkerModel {
  const statistics = new VersionStatistics();
  for (let i = 0; i < requests; i++) {
    statistics.batch(2, 1, 1, 1, 1);
    statistics.succeeded(1, 5, 1);
  }
  return { name, version, waiting: requests, decoupled: false, responseCache: false, statistics };
}

const reply = (worker: string, models: WorkerModel[], written: number): Reply => ({
  worker,
  value: structuredClone({ models, log: { written, dropped: 1, queued: 0 } }),
});

const replies: Reply[] = [
  reply('0', [model('a', 1, 2), model('b', 1, 1)], 3),
  reply('1', [model('a', 1, 3), model('a', 2, 7)], 4),
  { worker: '2', error: { code: 'unavailable', reason: 'the worker ended' } },
];

const models = {
  isReady: (name: string) => name === 'a',
  select: (name: string) => [{ name: 'a', version: 1 }, ...(name === '' ? [{ name: 'b', version: 1 }] : [])],
} as unknown as ModelSet;

const source = new WorkersStatistics(models, async ({ kind }: Question) =>
  kind === 'metrics' ? [{ worker: '0', value: '# TYPE up gauge\nup 1\n' }] : replies,
);

describe('WorkersStatistics', () => {
  it('adds up what the workers counted, of the versions that are meant', async () => {
    const one = await source.select('a', '1');
    expect(
      one.map(({ name, version, waiting, statistics }) => [name, version, waiting, statistics.success.count]),
    ).toEqual([['a', 1, 5, 5]]);
    expect((await source.select('', '')).map(({ name, statistics }) => [name, statistics.inferenceCount])).toEqual([
      ['a', 10],
      ['b', 2],
    ]);
  });

  it('calls a version ready when every worker has it', async () => {
    const answers: unknown[] = [true, true];
    const asked = new WorkersStatistics(models, async () => answers.map((value, i) => ({ worker: String(i), value })));
    expect(await asked.isReady('a', '1')).toBe(true);
    expect(await asked.isReady('b', '1')).toBe(false);
    answers[1] = false;
    expect(await asked.isReady('a', '1')).toBe(false);
    expect(await source.isReady('a', '1')).toBe(false);
  });

  it('gives the service’s own numbers and one scrape for all', async () => {
    expect(await source.service()).toMatchObject({ logged: 7, dropped: 2, byVersion: { 'a/1': { predictions: 10 } } });
    const text = await source.metricsText();
    expect(text).toContain('up{worker="0"} 1');
    expect(text).toContain('nv_inference_count{model="a",version="1"} 10');
  });
});
