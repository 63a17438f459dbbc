import { describe, expect, it } from '@jest/globals';
import { ManualClock, type PlatformEvent, seededRng } from '@millrace/domain';
import type { WebhookSpec } from '@millrace/project';
import { emptyRoute } from '@millrace/routing';
import type { Delivery, Sent } from '@millrace/webhooks';
import { type DeskState, WebhookDesk } from './desk.http.js';
import type { ProjectEvent } from './platform-events.js';

const NOW_MS = 1_000_000;
const APPLIED_MS = 500_000;
const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const TAKEN: Sent = { kind: 'answered', status: 204, retryAfter: undefined };

const hook = (url: string, over: Partial<WebhookSpec> = {}): WebhookSpec => ({
  ...{ url, events: [], secretEnv: 'WEBHOOK_SECRET_A', headers: {} },
  ...over,
});
const event = (id: string, name: PlatformEvent = 'drift.detected', project = 'p'): ProjectEvent => ({
  ...{ project, event: name, id, subject: 's', data: {} },
});
const project = (webhooks: WebhookSpec[], name = 'p') => ({ name, notify: { webhooks } });

/** A desk whose sender answers as `answers` says by URL, and whose file is `disk`. */
function aDesk(disk: { state: DeskState }, { failSave = false } = {}) {
  const clock = new ManualClock(NOW_MS);
  const sent: { url: string; id: string }[] = [];
  const answers = new Map<string, Sent>();
  const held: (() => void)[] = [];
  let hold = false;
  const fails = { save: failSave };
  const desk = new WebhookDesk({
    ...{ clock, rng: seededRng(1) },
    sender: {
      send: async ({ url, headers }: Delivery) => {
        sent.push({ url, id: headers['webhook-id'] as string });
        if (hold) await new Promise<void>((resolve) => held.push(resolve));
        return answers.get(url) ?? TAKEN;
      },
    },
    variable: (name) => (name === 'WEBHOOK_SECRET_A' ? SECRET : undefined),
    save: async (state) => {
      if (fails.save) throw new Error('the disk is full');
      disk.state = JSON.parse(JSON.stringify(state));
    },
  });
  desk.restore(JSON.parse(JSON.stringify(disk.state)));
  /** What is due is sent, and its outcome settled. */
  const work = async (times = 5) => {
    for (let i = 0; i < times; i++) {
      desk.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const holdAll = () => {
    hold = true;
    return () => {
      hold = false;
      for (const release of held.splice(0)) release();
    };
  };
  return { desk, clock, sent, answers, work, holdAll, fails, ids: () => sent.map(({ id }) => id) };
}

const disk = () => ({ state: { endpoints: {}, routes: {}, loops: {} } as DeskState });

function begun(webhooks: WebhookSpec[], on = disk()) {
  const made = aDesk(on);
  made.desk.declare(project(webhooks), APPLIED_MS);
  made.desk.begin();
  return { ...made, on };
}

describe('the desk of webhooks', () => {
  it('tells what happened in its order, to each receiver what it wants', async () => {
    const { desk, sent, work } = begun([hook('http://a/'), hook('http://b/', { events: ['version.blessed'] })]);
    await desk.take([event('1'), event('2', 'version.blessed'), event('3')], NOW_MS);
    await desk.take([event('x', 'drift.detected', 'another')], NOW_MS);
    await work();
    const to = (url: string) => sent.filter((one) => one.url === url).map(({ id }) => id);
    expect([to('http://a/'), to('http://b/')]).toEqual([['1', '2', '3'], ['2']]);
  });

  it('sends one at a time to a receiver, and is held up by none of the others', async () => {
    const { desk, sent, work, holdAll } = begun([hook('http://a/'), hook('http://b/')]);
    const release = holdAll();
    await desk.take([event('1'), event('2')], NOW_MS);
    await work();
    expect(sent).toEqual([
      { url: 'http://a/', id: '1' },
      { url: 'http://b/', id: '1' },
    ]);
    release();
    await work();
    expect(sent).toHaveLength(4);
  });

  it('has an event durable before it is taken over, and says so where it has not', async () => {
    const { desk, fails, on } = begun([hook('http://a/')]);
    await desk.take([event('1')], NOW_MS);
    expect(on.state.endpoints.p?.['http://a/']?.waiting.map(({ id }) => id)).toEqual(['1']);
    fails.save = true;
    await expect(desk.take([event('2')], NOW_MS)).rejects.toThrow('the disk is full');
  });

  it('goes on where a process died: what was not delivered is sent, what is read again is known', async () => {
    const first = begun([hook('http://a/')]);
    await first.desk.take([event('1'), event('2')], NOW_MS);
    const second = aDesk(first.on);
    second.desk.declare(project([]), APPLIED_MS - 1);
    second.desk.declare(project([hook('http://a/')]), APPLIED_MS);
    second.desk.begin();
    await second.desk.take([event('1'), event('2'), event('3')], NOW_MS);
    await second.work();
    expect(second.ids()).toEqual(['1', '2', '3']);
  });

  it('tries again after a rest, and says what is wrong meanwhile', async () => {
    const { desk, clock, answers, work, ids } = begun([hook('http://a/')]);
    answers.set('http://a/', { kind: 'answered', status: 500, retryAfter: '60' });
    await desk.take([event('1')], NOW_MS);
    await work();
    expect(ids()).toEqual(['1']);
    expect(desk.of('p')[0]?.state).toMatchObject({
      failures: 1,
      lastFailure: 'status 500',
      nextTryMs: NOW_MS + 60_000,
    });
    answers.delete('http://a/');
    clock.advance(59_999);
    await work();
    expect(ids()).toEqual(['1']);
    clock.advance(1);
    await work();
    expect(ids()).toEqual(['1', '1']);
    expect(desk.of('p')[0]?.state).toMatchObject({ failures: 0, delivered: 1, waiting: [] });
  });

  it('leaves a receiver alone that is gone, until its project is applied again', async () => {
    const { desk, clock, answers, work, ids } = begun([hook('http://a/')]);
    answers.set('http://a/', { kind: 'answered', status: 410, retryAfter: undefined });
    await desk.take([event('1')], NOW_MS);
    await work();
    await desk.take([event('2')], NOW_MS);
    clock.advance(100_000_000);
    await work();
    expect(ids()).toEqual(['1']);
    answers.delete('http://a/');
    desk.declare(project([hook('http://a/')]), clock.nowMs());
    await desk.take([event('3')], clock.nowMs());
    await work();
    expect(ids()).toEqual(['1', '3']);
  });

  it('tells nothing of what happened before a receiver was declared, nor anything of one that is no more', async () => {
    const { desk, work, ids, on } = begun([hook('http://a/')]);
    await desk.take([event('old')], APPLIED_MS - 1);
    await desk.take([event('new')], NOW_MS);
    desk.declare(project([]), NOW_MS);
    await work();
    expect(ids()).toEqual([]);
    await desk.end();
    expect(on.state.endpoints).toEqual({});
  });

  it('sends nothing unsigned: without its secret it says which variable is missing', async () => {
    const { desk, sent, work } = begun([hook('http://a/', { secretEnv: 'WEBHOOK_SECRET_NONE' })]);
    await desk.take([event('1')], NOW_MS);
    await work();
    expect(sent).toEqual([]);
    expect(desk.of('p')[0]?.fault).toContain('WEBHOOK_SECRET_NONE is not set');
    expect(await desk.test('p')).toMatchObject([{ outcome: { kind: 'again' } }]);
  });

  it('remembers routes over a restart, so that a rollback is told as one', async () => {
    const target = (version: number) => ({ version, weight: 100, name: `v${version}` });
    const route = (version: number, revision: number, previousVersion: number) => ({
      ...{ ...emptyRoute('p'), revision, changedAtMs: revision, previousVersion, targets: [target(version)] },
      rollout: { phase: 'promoted' as const, version, message: '' },
    });
    const first = begun([hook('http://a/')]);
    await first.desk.takeRoute(route(2, 5, 1), NOW_MS);
    const second = begun([hook('http://a/')], first.on);
    await second.desk.takeRoute(route(2, 5, 1), NOW_MS);
    await second.desk.takeRoute(route(1, 6, 0), NOW_MS);
    const told = Object.values(first.on.state.endpoints.p ?? {}).flatMap(({ waiting }) =>
      waiting.map(({ type }) => type),
    );
    expect(told).toEqual(['dev.millrace.rollout.promoted.v1', 'dev.millrace.rollout.rolled_back.v1']);
  });

  it('has no trial for a project without receivers', async () => {
    await expect(begun([]).desk.test('p')).rejects.toThrow('p declares no webhooks: add notify.webhooks');
    expect(await begun([hook('http://a/')]).desk.test('p')).toEqual([{ url: 'http://a/', outcome: { kind: 'taken' } }]);
  });
});
