// Copies to a shadow in the real router: set by command, sent under load, compared, and never felt by a caller.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startKafka } from '@millrace/testing';
import { failures, startLoad } from './load.js';
import { Platform } from './platform.js';

let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start((await startKafka()).brokers);
  await platform.rollOut(2);
  await platform.rollOut(1);
}, 90_000);

afterAll(async () => {
  await platform?.stop();
}, 30_000);

const setShadows = (body: object) => platform.router.post('/v1/projects/p/shadows', body);
const shadows = async () => (await platform.router.get('/v1/stats?project=p')).body.shadows;
const stats = async () => (await platform.router.get('/v1/stats?project=p')).body;

describe('shadows', () => {
  it('are refused where they cannot be', async () => {
    expect(await setShadows({ versions: [9] })).toMatchObject({
      status: 409,
      body: {
        error: {
          message: expect.stringContaining('version 9 is not loaded, 1, 2 are: `millrace rollout start p 9` loads it'),
          facts: { reason: 'not_loaded' },
        },
      },
    });
    expect((await setShadows({ versions: [1] })).body.error.facts.reason).toBe('already_live');
    expect((await setShadows({ versions: [2], share: 0 })).status).toBe(400);
    expect((await setShadows({ versions: [2, 2] })).status).toBe(400);
  });

  it('get copies of every request whatever they do, and no caller feels it', async () => {
    const set = await setShadows({ versions: [2], share: 100, reason: 'trial' });
    expect(set).toMatchObject({ status: 200, body: { route: { shadows: [2], shadowShare: 100, reason: 'trial' } } });
    for (const evil of [undefined, 'errs', 'answers NaN', 'hangs'] as const) {
      if (evil !== undefined) platform.serving.broken.set(2, evil);
      const load = startLoad(platform.router.inference(), 100);
      await platform.router.until(() => load.outcomes.length > 100);
      const outcomes = await load.stop();
      expect(failures(outcomes)).toEqual({});
      expect(new Set(outcomes.map(({ version }) => version))).toEqual(new Set(['1']));
    }
    const { byStatus, failures: failed } = await stats();
    expect([Object.keys(byStatus), failed]).toEqual([['OK'], 0]);
    await platform.router.until(async () => (await shadows()).versions[0]?.byStatus.DEADLINE_EXCEEDED > 50);
    const { versions, pairs } = await shadows();
    expect(versions[0]).toMatchObject({ version: 2, byStatus: { INTERNAL: expect.any(Number) } });
    expect(pairs).toMatchObject([{ live: 1, shadow: 2, notFinite: expect.any(Number) }]);
    expect(pairs[0].meanDifference).toBeCloseTo(0.1, 5);
    // A busy machine may leave copies unanswered for their 2 s.
    expect(pairs[0].notFinite).toBeGreaterThan(50);
    const { body } = await platform.router.get('/metrics', platform.router.metricsPort);
    expect(body).toContain('millrace_router_shadow_requests_total{project="p",version="2",status="INTERNAL"}');
    expect(body).not.toMatch(/millrace_router_requests_total\{project="p",version="2",/);
  }, 60_000);

  it('get copies of REST calls, too, and none any more when they are ended', async () => {
    platform.serving.broken.clear();
    const compared = async () => (await shadows()).pairs[0].requests as number;
    const before = await compared();
    const infer = () =>
      platform.router.post(
        '/v2/models/p/infer',
        { inputs: [{ name: 'x', datatype: 'FP64', shape: [1], data: [1] }] },
        platform.router.httpPort,
      );
    expect((await infer()).status).toBe(200);
    await platform.router.until(async () => (await compared()) === before + 1);
    expect((await setShadows({ versions: [] })).body.route).toMatchObject({ shadows: [], shadowShare: 0 });
    const copies = () => platform.serving.frames.filter(({ shadow, cancelled }) => shadow && !cancelled).length;
    const sent = copies();
    for (let i = 0; i < 20; i++) expect((await infer()).status).toBe(200);
    expect(copies()).toBe(sent);
  });
});
