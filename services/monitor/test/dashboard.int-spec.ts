// The dashboard in a real Chromium, over a real monitor with a real Kafka: what is on the page is what happened,
// nothing is loaded from elsewhere, nothing fails in the console.

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeRoute } from '@millrace/contracts';
import { emptyRoute } from '@millrace/routing';
import { eventually, openChromium, startKafka, uniquePrefix } from '@millrace/testing';
import type { Browser, Page } from 'playwright-core';
import {
  type MonitorProcess,
  preparePlatform,
  sendAll,
  startMonitor,
  streamOf,
  WITHOUT_REFERENCE,
} from './monitor-process.js';

const ends: (() => Promise<unknown>)[] = [];
let browser: Browser;
let monitor: MonitorProcess;
let platform: Awaited<ReturnType<typeof preparePlatform>>;

beforeAll(async () => {
  browser = await openChromium();
  ends.push(() => browser.close());
  const kafka = await startKafka();
  const home = await mkdtemp(join(tmpdir(), 'millrace-dashboard-'));
  ends.push(() => rm(home, { recursive: true, force: true }));
  const topicPrefix = uniquePrefix();
  platform = await preparePlatform(kafka.brokers, topicPrefix, home);
  ends.push(() => platform.close());
  const trainer = await trainerThatSettles();
  ends.push(trainer.close);
  const others = await servicesThatRun();
  ends.push(others.close);
  const env = {
    MILLRACE_MONITOR_TRAINER_HOST: OTHER_HOST,
    MILLRACE_TRAINER_HTTP_PORT: `${trainer.port}`,
    MILLRACE_MONITOR_INGEST_HOST: OTHER_HOST,
    MILLRACE_INGEST_HTTP_PORT: `${others.port}`,
    MILLRACE_MONITOR_SERVING_HOST: OTHER_HOST,
    MILLRACE_SERVING_HTTP_PORT: `${others.port}`,
  };
  monitor = await startMonitor({ home, brokers: kafka.brokers, topicPrefix, env });
  ends.push(() => monitor.stop());
}, 120_000);

afterAll(async () => {
  for (const end of ends.reverse()) await end();
}, 60_000);

/** Not where the default looks. */
const OTHER_HOST = '127.0.0.2';

/** Since when ingest and serving run, as they say it: this test starts neither. */
let othersStartedAtMs = Date.now() - 60_000;
let othersAsked = 0;

async function servicesThatRun() {
  const server = createServer((request, response) => {
    if (request.url === '/health/live') othersAsked += 1;
    response.writeHead(request.url === '/health/live' ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status: 'ok', startedAtMs: othersStartedAtMs }));
  });
  await new Promise<void>((resolve) => server.listen(0, OTHER_HOST, resolve));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, close };
}

/** The trainer's answer about the loop of demo, at an address of its own: this test starts no trainer. */
async function trainerThatSettles() {
  const loop = {
    phase: 'settling',
    liveVersion: 1,
    previousVersion: 0,
    waitingVersion: 0,
    episode: null,
    coolUntilMs: 0,
    waits: { for: 'a dataset version', untilMs: 1_200_000_060_000, clock: 'event' },
    history: [{ atMs: 1, phase: 'settling', message: 'drift of x', correlationId: '' }],
  };
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/v1/projects/demo/loop' ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(loop));
  });
  await new Promise<void>((resolve) => server.listen(0, OTHER_HOST, resolve));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, close };
}

/** What a browser calls its language where the machine has no locale ("C"): Intl refuses it. */
const NO_LANGUAGE = `Object.defineProperty(Navigator.prototype, 'language', { get: () => 'en-US@posix' })`;

interface Opened {
  page: Page;
  faults: string[];
  foreign: string[];
}

async function open(path = '/', colorScheme: 'light' | 'dark' = 'light', before = ''): Promise<Opened> {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1280, height: 1000 } });
  await page.addInitScript(before);
  const faults: string[] = [];
  const foreign: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(monitor.url)) foreign.push(request.url());
  });
  await page.goto(`${monitor.url}${path}`);
  return { page, faults, foreign };
}

describe('dashboard', () => {
  it('says what is missing while nothing has happened', async () => {
    const { page, faults, foreign } = await open();
    await page.getByText('No window yet').waitFor();
    await page.getByText('No alarm so far').waitFor();
    await page.getByText('No version serves yet').waitFor();
    await page.getByText('nothing served', { exact: true }).waitFor();
    await page.getByText(`npx millrace rollout start demo ${WITHOUT_REFERENCE}`).waitFor();
    await page.getByText('Drift was seen: it gathers rows from after it.').waitFor();
    expect(faults).toEqual([]);
    expect(foreign).toEqual([]);
    await page.close();
  }, 60_000);

  it('stands a browser without a locale', async () => {
    const { page, faults } = await open('/', 'light', NO_LANGUAGE);
    await page.getByText('No window yet').waitFor();
    expect(faults).toEqual([]);
    await page.close();
  }, 60_000);

  it.each(['light', 'dark'] as const)(
    'shows traffic, windows, the drifted feature and the versions (%s)',
    async (scheme) => {
      if (scheme === 'light') {
        await platform.producer.send('routes.v1', [
          {
            key: 'demo',
            value: encodeRoute({
              ...emptyRoute('demo'),
              revision: 2,
              targets: [
                { version: 1, weight: 70, name: 'blue' },
                { version: 2, weight: 30, name: 'green' },
              ],
              loadedVersions: [1, 2],
              previousVersion: 1,
              rollout: {
                ...{ phase: 'progressing', version: 2, message: '' },
                steps: {
                  ...{ plan: [{ weight: 30 }, { weight: 50 }], at: 0, sinceMs: Date.now(), fromRevision: 2, salt: 7 },
                  baseline: [{ version: 1, weight: 100 }],
                },
              },
              reason: 'drift',
            }),
          },
        ]);
        await sendAll(platform.producer, streamOf({ rows: 6_000, stepMs: 50, shiftFrom: 3_600, seed: 9 }));
        await eventually(
          'windows close',
          async () => (await monitor.get('/v1/projects/demo/windows')).windows.length >= 4,
        );
        const told = await fetch(`${monitor.url}/v1/projects/demo/annotations/replay`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            title: 'Replay',
            state: 'running',
            progress: 0.4,
            detail: '<b>6,000</b> rows',
          }),
        });
        expect(told.status).toBe(200);
      }
      const { page, faults, foreign } = await open('/#demo', scheme);
      await page
        .getByRole('button', { name: /^x, .*alarm$/ })
        .first()
        .click();
      await page.getByRole('cell', { name: 'ks', exact: true }).waitFor();
      await page
        .locator('#rollout-facts')
        .getByText(/^a person to skip the step/)
        .waitFor();
      await page.getByText('sup |F_window(x)').first().waitFor();
      await page.locator('#alarms').getByText('drift', { exact: true }).waitFor();
      await page.getByText('version 1 · blue · 70 %').waitFor();
      await page.getByText('version 2 · green · 30 %').waitFor();
      await page.locator('#chart-auc canvas').waitFor();
      await page.locator('#chart-traffic canvas').waitFor();
      // The tiles follow the stream, whose last parts may still be on their way.
      await page.locator('#tiles').getByText('6,000 in all').waitFor();
      // Text from outside stays text.
      await page.getByText('<b>6,000</b> rows').waitFor();
      const wide = await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
      expect(wide).toBe(false);
      expect(faults).toEqual([]);
      expect(foreign).toEqual([]);
      await page.close();
    },
    90_000,
  );

  it('marks restarts of the other services when they say that they began anew', async () => {
    await eventually('both are asked', async () => othersAsked >= 2);
    othersStartedAtMs = Date.now();
    const { page } = await open('/#demo');
    for (const service of ['ingest', 'serving'])
      await page.locator('#marks li', { hasText: `${service} restarted` }).waitFor();
    await page.close();
  }, 60_000);

  it('gives out only its own files, under a strict policy', async () => {
    const index = await fetch(monitor.url);
    expect(index.headers.get('content-security-policy')).toContain("default-src 'none'");
    const etag = index.headers.get('etag') ?? '';
    expect((await fetch(monitor.url, { headers: { 'if-none-match': etag } })).status).toBe(304);
    for (const path of [
      '/package.json',
      '/../package.json',
      '/vendor/../../package.json',
      '/vendor/%2e%2e/package.json',
      '/src/main.ts',
    ]) {
      expect((await fetch(`${monitor.url}${path}`)).status).toBe(404);
    }
  });
});
