// People steer at the dashboard, in a real Chromium, over a real monitor, router, trainer and Kafka: what they say
// is done with their name and reason, a page that is behind is refused and told so, and no page of another origin
// says anything.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeModelVersion, encodeProject, encodeRoute } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { emptyRoute } from '@millrace/routing';
import {
  aModelVersion,
  cloneRoot,
  eventually,
  freePort,
  openChromium,
  startKafka,
  uniquePrefix,
} from '@millrace/testing';
import type { Browser, Page } from 'playwright-core';
import { type MonitorProcess, PROJECT_FILE, preparePlatform, startMonitor } from './monitor-process.js';
import { startOther } from './other-process.js';

const FILE = `${PROJECT_FILE}
retrain: { approvers: 2 }
rollout:
  automatic: false
  strategy: canary
  steps: [{ weight: 5, until: promoted }, { weight: 20, until: promoted }]
`;

const ends: (() => Promise<unknown>)[] = [];
let browser: Browser;
let monitor: MonitorProcess;
let platform: Awaited<ReturnType<typeof preparePlatform>>;

beforeAll(async () => {
  browser = await openChromium();
  ends.push(() => browser.close());
  const { brokers } = await startKafka();
  const home = await mkdtemp(join(tmpdir(), 'millrace-steering-'));
  ends.push(() => rm(home, { recursive: true, force: true }));
  const topicPrefix = uniquePrefix();
  platform = await preparePlatform(brokers, topicPrefix, home);
  ends.push(() => platform.close());
  const parsed = parseProject(FILE, 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const applied = { name: 'demo', revision: 2, document: parsed.document, documentSha256: '', appliedAtMs: 2 };
  const value = encodeProject({ ...applied, labelRuleSinceMs: 0, earlierSchemas: [], createdAtMs: 0 });
  await platform.producer.send('projects.v1', [{ key: 'demo', value }]);
  await platform.producer.send('routes.v1', [{ key: 'demo', value: encodeRoute(firstStep()) }]);
  const others = {
    MILLRACE_ROUTER_HTTP_PORT: String(await freePort()),
    MILLRACE_ROUTER_GRPC_PORT: String(await freePort()),
    MILLRACE_ROUTER_METRICS_PORT: String(await freePort()),
    MILLRACE_ROUTER_CONTROL_PORT: String(await freePort()),
    MILLRACE_ROUTER_CONTROL_GRPC_PORT: String(await freePort()),
    MILLRACE_TRAINER_HTTP_PORT: String(await freePort()),
    MILLRACE_TRAINER_GRPC_PORT: String(await freePort()),
  };
  const world = { home, brokers, topicPrefix };
  for (const service of ['router', 'trainer'] as const) {
    const other = await startOther(service, { ...world, env: others });
    ends.push(() => other.stop());
  }
  monitor = await startMonitor({ ...world, env: others });
  ends.push(() => monitor.stop());
}, 180_000);

afterAll(async () => {
  for (const end of ends.reverse()) await end();
}, 60_000);

/** Version 2 has its first step; version 1 the rest. */
function firstStep() {
  const route = { ...emptyRoute('demo'), revision: 4, loadedVersions: [1, 2], changedAtMs: systemClock.nowMs() };
  const targets = [
    { version: 1, weight: 95, name: 'stable' },
    { version: 2, weight: 5, name: 'canary' },
  ];
  const steps = {
    ...{ plan: [{ weight: 5 }, { weight: 20 }], at: 0, sinceMs: systemClock.nowMs(), fromRevision: 4, salt: 7 },
    baseline: [{ version: 1, weight: 100 }],
  };
  return { ...route, targets, rollout: { phase: 'progressing' as const, version: 2, message: '', steps } };
}

async function open(): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  await page.goto(`${monitor.url}/#demo`);
  await page.locator('#loop-words button').first().waitFor();
  return page;
}

/** Opens the dialog by its button; the answer is given with `answer`. */
const press = (page: Page, name: string) => page.getByRole('button', { name: `${name}…`, exact: true }).click();

async function answer(page: Page, by: string, reason: string): Promise<void> {
  await page.getByLabel('Your name').fill(by);
  await page.getByLabel('Reason').fill(reason);
  await page.locator('#steer button[type="submit"]').click();
}

const isClosed = (page: Page) => page.locator('#steer').waitFor({ state: 'hidden' });
const refused = async (page: Page, text: string) => page.locator('#steer-refused').filter({ hasText: text }).waitFor();
const head = (page: Page, text: string) => page.locator('#rollout-head').filter({ hasText: text }).waitFor();
const fact = (page: Page, text: string) => page.locator('#rollout-facts').filter({ hasText: text }).waitFor();
const route = async () => (await monitor.get('/v1/projects/demo/now')).route;

describe('a rollout at the dashboard', () => {
  it('is paused, goes on and is taken back by people who say who they are and why', async () => {
    const page = await open();
    await fact(page, 'Step1 of 2');
    await press(page, 'Pause');
    await answer(page, ' ', 'a look');
    await refused(page, 'Name and reason are kept');
    // The router holds its partition of commands some seconds after its start.
    await eventually(
      'the router takes commands',
      async () => {
        await answer(page, 'ada', 'a look');
        await page.locator('#steer button[type="submit"]:not([disabled])').waitFor({ state: 'attached' });
        return !(await page.locator('#steer').isVisible());
      },
      60_000,
    );
    await head(page, 'paused');
    await fact(page, 'by ada (said)');
    await fact(page, 'a look');

    const behind = await open();
    await press(behind, 'Resume');
    await press(page, 'Resume');
    await answer(page, 'ada', 'looked');
    await isClosed(page);
    await head(page, 'in steps');
    await press(page, 'Next step');
    await answer(page, 'ada', 'all is well');
    await isClosed(page);
    await fact(page, 'Step2 of 2');
    await behind.locator('#steer-meanwhile').filter({ hasText: 'step 2 of 2' }).waitFor();
    const { revision } = await route();
    await answer(behind, 'bob', 'I have seen nothing');
    await refused(behind, 'The rollout has moved on since you opened this');
    expect((await route()).revision).toBe(revision);
    await behind.close();

    // An abort is meant for every step of the rollout: one that came meanwhile does not save it.
    await press(page, 'Abort');
    await answer(page, 'ada', 'too slow after all');
    await isClosed(page);
    await head(page, 'failed');
    expect((await route()).targets).toMatchObject([{ version: 1, weight: 100 }]);
    await fact(page, 'aborted by ada: too slow after all');
    await page.close();
  }, 120_000);
});

describe('the loop at the dashboard', () => {
  it('is answered by two different people, and stopped', async () => {
    const model = aModelVersion({ project: 'demo', version: 4, blessed: true, createdAtMs: systemClock.nowMs() });
    await platform.producer.send('models.v1', [{ key: 'demo/4', value: encodeModelVersion(model) }]);
    const page = await open();
    const loop = page.locator('#loop');
    await loop.filter({ hasText: 'It asks about the rollout of version 4' }).waitFor();
    await loop.filter({ hasText: '2 different people have to approve; 2 still wanted' }).waitFor();
    await press(page, 'Approve');
    await answer(page, 'anna', 'the storm is over');
    await isClosed(page);
    await loop.filter({ hasText: 'anna (said) approved at' }).waitFor();
    await press(page, 'Approve');
    await answer(page, 'Anna ', 'once more');
    await refused(page, 'has approved the rollout of version 4 already');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await press(page, 'Refuse');
    await answer(page, 'bob', 'not on a Friday');
    await isClosed(page);
    await loop.filter({ hasText: 'is rejected (bob: not on a Friday)' }).waitFor();
    await press(page, 'Stop the loop');
    await answer(page, 'bob', 'fire');
    await isClosed(page);
    await loop.filter({ hasText: 'Stopped by hand' }).waitFor();
    await page.getByRole('button', { name: 'Resume the loop…' }).waitFor();
    // A question that is asked no more is answered by nobody.
    const late = await fetch(`${monitor.url}/v1/projects/demo/loop/approve`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ by: 'eve', reason: 'late', about: 'rollout 4 since 1' }),
    });
    expect(late.status).toBe(409);
    await page.close();
  }, 120_000);
});

/** As a person types it. */
async function millrace(...args: string[]): Promise<string> {
  const env = { PATH: '/usr/bin:/bin', MILLRACE_MONITOR_HTTP_PORT: new URL(monitor.url).port };
  return (
    await promisify(execFile)(process.execPath, [join(cloneRoot(), 'dist/apps/cli/src/main.js'), ...args], { env })
  ).stdout;
}

/** As a browser says it whose page another name brought to this address; gives the status. */
const said = (headers: Record<string, string>): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const body = JSON.stringify({ by: 'mallory', reason: 'because', version: 2, revision: 1 });
    const types = { 'content-type': 'application/json', 'content-length': String(body.length) };
    const options = { method: 'POST', headers: { ...types, ...headers } };
    const call = request(`${monitor.url}/v1/projects/demo/rollout/rollback`, options, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on('error', reject);
    call.end(body);
  });

describe('the audit', () => {
  it('has every word with who said it, from where and why, also what was refused, for programs and on the page', async () => {
    const { entries } = await eventually('the newest word', async () => {
      const told = await monitor.get('/v1/projects/demo/audit');
      return told.entries?.[0]?.who === 'eve' ? told : undefined;
    });
    const told = entries.map(({ who, tool, action, result }: Record<string, string>) =>
      [action, who, tool, result].join(' '),
    );
    expect(told.slice(0, 5)).toEqual([
      'loop.approve eve http refused',
      ...['loop.stop bob dashboard applied', 'loop.reject bob dashboard applied'],
      ...['loop.approve Anna dashboard refused', 'loop.approve anna dashboard applied'],
    ]);
    for (const one of ['route.pause ada', 'route.resume ada', 'route.advance ada', 'route.abort ada'])
      expect(told).toContain(`${one} dashboard applied`);
    expect(told).toContain('route.resume bob dashboard refused');
    expect(entries.every(({ isSound, address }: Record<string, unknown>) => isSound && address === '127.0.0.1')).toBe(
      true,
    );
    const aborted = entries.find(({ action }: Record<string, string>) => action === 'route.abort');
    expect(aborted).toMatchObject({ reason: 'too slow after all', subject: 'version 2' });
    expect(aborted.detail).toMatch(/version 1 100 %; rollout of version 2 failed: aborted by ada: too slow after all$/);
    const page = await open();
    await page.locator('#audit tr').filter({ hasText: 'too slow after all' }).waitFor();
    await page.close();
  }, 60_000);

  it('is read at the terminal, from a time on', async () => {
    const json = async (...more: string[]) => JSON.parse(await millrace('audit', 'demo', '--json', ...more));
    expect((await json('--limit', '1')).entries).toMatchObject([
      { action: 'loop.approve', who: 'eve', reason: 'late' },
    ]);
    expect((await json('--since', '2099-01-01')).entries).toEqual([]);
    const text = await millrace('audit', 'demo', '--since', '1h');
    for (const said of ['route.abort', 'ada', 'dashboard', '127.0.0.1', 'too slow after all', 'refused'])
      expect(text).toContain(said);
  }, 60_000);
});

describe('a page of another origin', () => {
  it('says nothing to a rollout, nor does one of a name that leads to this machine', async () => {
    const port = new URL(monitor.url).port;
    expect(await said({ origin: 'http://evil.example' })).toBe(403);
    expect(await said({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    // For the browser a rebound name is the same origin.
    const rebound = { host: `evil.example:${port}`, origin: `http://evil.example:${port}` };
    expect(await said({ ...rebound, 'sec-fetch-site': 'same-origin' })).toBe(403);
    expect(await said({ host: `evil.example:${port}` })).toBe(403);
    // Of a program it is a word like any other: of a page that is behind.
    expect(await said({})).toBe(409);
  });

  it('is refused in a browser, which sends a simple request without asking first', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>another</title>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const before = (await route()).revision;
    const statuses: number[] = [];
    page.on('response', (response) => {
      if (response.url().startsWith(monitor.url)) statuses.push(response.status());
    });
    const body = JSON.stringify({ by: 'mallory', reason: 'because' });
    await page.evaluate(
      `fetch('${monitor.url}/v1/projects/demo/loop/resume', { method: 'POST', mode: 'no-cors', body: ${JSON.stringify(body)} })`,
    );
    await eventually('the answer', async () => statuses.length > 0);
    expect(statuses).toEqual([403]);
    expect((await route()).revision).toBe(before);
    expect((await monitor.get('/v1/projects/demo/now')).loop.phase).toBe('stopped');
    await page.close();
    await new Promise((resolve) => server.close(resolve));
  }, 30_000);
});
