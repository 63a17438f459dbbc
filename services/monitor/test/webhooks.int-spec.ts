// Webhooks of a real monitor through the real Kafka: signed, in order, at least once over a kill, and to no address
// of this machine that its operator has not named. The receiver checks each message with the library of Standard
// Webhooks.

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeModelVersion, encodeProject, encodeRoute, encodeTrainerEntry } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { emptyRoute } from '@millrace/routing';
import { aModelVersion, eventually, startKafka, type TestKafka, uniquePrefix } from '@millrace/testing';
import { Webhook } from 'standardwebhooks';
import { type MonitorProcess, PROJECT_FILE, preparePlatform, startMonitor } from './monitor-process.js';

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

let kafka: TestKafka;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  kafka = await startKafka();
}, 90_000);

afterAll(async () => {
  for (const end of ends.reverse()) await end();
}, 60_000);

interface Got {
  id: string;
  type: string;
  subject: string;
}

/** Takes what is signed with SECRET, and answers `status`. */
class Receiver {
  readonly got: Got[] = [];
  readonly faults: string[] = [];
  status = 204;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        try {
          const headers = request.headers as Record<string, string>;
          const event = new Webhook(SECRET).verify(Buffer.concat(parts).toString(), headers) as Got;
          if (headers['webhook-id'] !== event.id || headers['x-team'] !== 'ops') this.faults.push(event.id);
          this.got.push(event);
        } catch (thrown) {
          this.faults.push(String(thrown));
        }
        response.writeHead(this.status).end('a word that nobody is to read');
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook?token=t`;
  }

  close(): Promise<unknown> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  get types(): string[] {
    return this.got.map(({ type, subject }) => `${type.replace(/^dev\.millrace\.|\.v1$/g, '')} ${subject}`);
  }
}

async function aWorld(env: Record<string, string>) {
  const home = await mkdtemp(join(tmpdir(), 'millrace-webhooks-'));
  ends.push(() => rm(home, { recursive: true, force: true }));
  const prefix = uniquePrefix();
  const platform = await preparePlatform(kafka.brokers, prefix, home);
  ends.push(() => platform.close());
  const receiver = new Receiver();
  ends.push(() => receiver.close());
  const url = await receiver.listen();
  const notify = `notify: { webhooks: [{ url: "${url}", secret: { env: WEBHOOK_SECRET_TEST }, headers: { x-team: ops } }] }`;
  const parsed = parseProject(`${PROJECT_FILE}\n${notify}\n`, 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const applied = { name: 'demo', revision: 2, document: parsed.document, documentSha256: 'y' };
  const value = encodeProject({
    ...{ ...applied, appliedAtMs: systemClock.nowMs() },
    ...{ labelRuleSinceMs: 0, earlierSchemas: [], createdAtMs: 0 },
  });
  await platform.producer.send('projects.v1', [{ key: 'demo', value }]);
  const start = () =>
    startMonitor({
      ...{ home, brokers: kafka.brokers, topicPrefix: prefix },
      env: { WEBHOOK_SECRET_TEST: SECRET, ...env },
    });
  const started = await start();
  const world = { monitor: started, receiver, platform, start };
  ends.push(() => world.monitor.stop());
  await sends(started);
  return world;
}

/** It holds the topics, and knows the receiver. */
async function sends(monitor: MonitorProcess): Promise<void> {
  await eventually(
    'the monitor sends webhooks',
    async () => ((await monitor.get('/v1/projects/demo/webhooks')).webhooks ?? []).length === 1,
  );
}

const webhook = async (monitor: MonitorProcess) => (await monitor.get('/v1/projects/demo/webhooks')).webhooks[0];

async function trial(monitor: MonitorProcess) {
  const answer = await fetch(`${monitor.url}/v1/projects/demo/webhooks/test`, { method: 'POST' });
  return ((await answer.json()) as { webhooks: { taken: boolean; says: string }[] }).webhooks[0];
}

const ALLOWED = { MILLRACE_MONITOR_WEBHOOK_ALLOW: '127.0.0.1' };

describe('webhooks', () => {
  it('come signed and in order, once more over a kill, and say what they wait for', async () => {
    const world = await aWorld(ALLOWED);
    const { receiver, platform } = world;
    const announce = async (version: number, blessed: boolean) => {
      const model = aModelVersion({ project: 'demo', version, blessed, createdAtMs: systemClock.nowMs() });
      await platform.producer.send('models.v1', [{ key: `demo/${version}`, value: encodeModelVersion(model) }]);
    };
    expect(await trial(world.monitor)).toMatchObject({ taken: true });
    await announce(7, true);
    await eventually('the first event', () => receiver.got.length === 2);
    const route = { ...emptyRoute('demo'), revision: 1, changedAtMs: systemClock.nowMs() };
    const promoted = {
      ...{ ...route, targets: [{ version: 7, weight: 100, name: 'v7' }], loadedVersions: [7] },
      rollout: { phase: 'promoted' as const, version: 7, message: '' },
    };
    await platform.producer.send('routes.v1', [{ key: 'demo', value: encodeRoute(promoted) }]);
    await eventually('the route', () => receiver.got.length === 3);
    receiver.status = 503;
    await announce(8, false);
    await eventually('a failed try', async () => (await webhook(world.monitor)).state === 'resting');
    expect(await webhook(world.monitor)).toMatchObject({ waiting: 1, delivered: 2, failures: 1, says: 'status 503' });
    expect((await webhook(world.monitor)).url).not.toContain('token=t');
    await world.monitor.kill();
    receiver.status = 204;
    world.monitor = await world.start();
    await sends(world.monitor);
    await eventually('what waited', async () => (await webhook(world.monitor)).delivered === 3);
    expect(receiver.types).toEqual([
      expect.stringMatching(/^webhook\.test /),
      'version.blessed 7',
      'rollout.promoted 7',
      'version.refused 8',
      'version.refused 8',
    ]);
    expect(receiver.got[3]?.id).toBe(receiver.got[4]?.id);
    expect(receiver.faults).toEqual([]);
  }, 120_000);

  it('tell a rollout that is paused, goes on and makes room, and what the loop asks people', async () => {
    const { receiver, platform } = await aWorld(ALLOWED);
    const targets = [
      { version: 1, weight: 90, name: 'stable' },
      { version: 2, weight: 10, name: 'canary' },
    ];
    const steps = {
      ...{ plan: [{ weight: 10 }], at: 0, sinceMs: 1, fromRevision: 1, salt: 1 },
      baseline: [{ version: 1, weight: 100 }],
    };
    const rollout = { phase: 'progressing' as const, version: 2, message: '', steps };
    const pause = { sinceMs: 5, reason: 'latency looks odd', by: 'bob' };
    const routes = [
      { targets, rollout },
      { targets, rollout: { ...rollout, steps: { ...steps, pause } } },
      { targets, rollout },
      {
        targets: [{ version: 1, weight: 100, name: 'stable' }],
        rollout: { phase: 'loading' as const, version: 3, message: '' },
      },
    ];
    for (const [i, over] of routes.entries()) {
      const at = { revision: i + 1, changedAtMs: systemClock.nowMs() + i };
      const value = encodeRoute({ ...emptyRoute('demo'), ...at, ...over });
      await platform.producer.send('routes.v1', [{ key: 'demo', value }]);
    }
    await eventually('the routes', () => receiver.got.length === 6);
    const asked = { about: 'retraining e since 7', what: 'the retraining', sinceMs: 7, expiresAtMs: 99, approvers: 2 };
    const anna = { key: 'retraining e', by: 'anna', reason: 'a storm', atMs: 8 };
    const answered = { about: asked.about, what: asked.what, outcome: 'refused', by: 'bob', reason: 'no', atMs: 9 };
    const asks = { phase: 'approval', episode: { id: 'e' }, askedSinceMs: 7, approvals: [] };
    for (const state of [
      { ...asks, asked: { ...asked, wanted: 2, given: [] } },
      { ...asks, approvals: [anna], asked: { ...asked, wanted: 1, given: [anna] } },
      { phase: 'cooling', approvals: [anna], asked: null, answered },
    ]) {
      const entry = { project: 'demo', projectCreatedAtMs: 0, trainingId: '', document: JSON.stringify(state) };
      await platform.producer.send('trainer.v1', [{ key: 'demo', value: encodeTrainerEntry(entry) }]);
    }
    await eventually('the loop', () => receiver.got.length === 10);
    expect(receiver.types).toEqual([
      ...['rollout.step 2', 'rollout.paused 2', 'rollout.resumed 2'],
      ...['rollout.superseded 2', 'rollout.rolled_back 1', 'rollout.started 3'],
      ...['approval.asked the retraining', 'loop.waiting approval', 'approval.given retraining e'],
      'approval.refused the retraining',
    ]);
    expect(receiver.faults).toEqual([]);
  }, 120_000);

  it('reach no address of this machine that the operator has not named', async () => {
    const { monitor, receiver } = await aWorld({});
    const refused = { taken: false, says: '127.0.0.1: not an address of the public Internet' };
    expect(await trial(monitor)).toMatchObject(refused);
    expect([receiver.got, receiver.faults]).toEqual([[], []]);
  }, 60_000);
});
