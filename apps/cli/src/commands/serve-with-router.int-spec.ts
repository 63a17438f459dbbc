// `millrace serve --with-router` as a process: a router on its own ports before a folder of models, without Kafka.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';
import { cloneRoot, freePort } from '@millrace/testing';

const READY_MS_MAX = 100_000;
const PORTS = [
  'ROUTER_HTTP',
  'ROUTER_GRPC',
  'ROUTER_METRICS',
  'ROUTER_CONTROL',
  'SERVING_HTTP',
  'SERVING_GRPC',
] as const;

interface Report {
  http: string;
  grpc: string;
  metrics: string;
  models: { name: string; state: string }[];
}

let home: string;
let child: ChildProcess;
let ended: Promise<number | null>;
let report: Report;
const ports: Partial<Record<(typeof PORTS)[number], number>> = {};

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-with-router-'));
  for (const name of PORTS) ports[name] = await freePort();
  const settings = Object.entries(ports).map(([name, port]) => [`MILLRACE_${name}_PORT`, String(port)]);
  const main = join(cloneRoot(), 'dist/apps/cli/src/main.js');
  const folder = join(cloneRoot(), 'examples/model-repository');
  child = spawn(process.execPath, [main, '--json', 'serve', '--repository', folder, '--with-router'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment(), NODE_OPTIONS: '', MILLRACE_HOME: home, ...Object.fromEntries(settings) },
  });
  ended = new Promise((resolve) => child.once('exit', resolve));
  let output = '';
  let errors = '';
  child.stderr?.on('data', (text: Buffer) => {
    errors += text.toString();
  });
  report = await new Promise<Report>((resolve, reject) => {
    child.stdout?.on('data', (text: Buffer) => {
      output += text.toString();
      try {
        resolve(JSON.parse(output) as Report);
      } catch {
        // not all of it yet
      }
    });
    child.once('exit', (code) => reject(new Error(`it ended with ${code}:\n${output}\n${errors}`)));
  });
}, READY_MS_MAX);

afterAll(async () => {
  child?.kill('SIGTERM');
  await ended;
  await rm(home, { recursive: true, force: true });
}, 60_000);

describe('millrace serve --with-router', () => {
  it('tells the addresses of the router, and every model through it', () => {
    expect(report).toMatchObject({
      http: `http://127.0.0.1:${ports.ROUTER_HTTP}`,
      grpc: `127.0.0.1:${ports.ROUTER_GRPC}`,
      metrics: `http://127.0.0.1:${ports.ROUTER_METRICS}/metrics`,
    });
    expect(report.models.filter(({ state }) => state === 'READY').map(({ name }) => name)).toContain('add_sub');
  });

  it('answers a request for a model of the folder, and counts it', async () => {
    const metadata = (await (await fetch(`${report.http}/v2/models/add_sub`)).json()) as {
      inputs: { name: string; datatype: string; shape: number[] }[];
    };
    const inputs = metadata.inputs.map(({ name, datatype, shape }) => {
      const sizes = shape.map((size) => Math.max(1, size));
      return { name, datatype, shape: sizes, data: Array(sizes.reduce((all, one) => all * one, 1)).fill(1) };
    });
    const answer = await fetch(`${report.http}/v2/models/add_sub/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs }),
    });
    const { outputs } = (await answer.json()) as { outputs: { data: number[] }[] };
    expect([answer.status, outputs.map(({ data }) => data[0])]).toEqual([200, [2, 0]]);
    const metrics = await (await fetch(report.metrics)).text();
    expect(metrics).toMatch(/millrace_router_requests_total\{[^}]*status="OK"[^}]*\} [1-9]/);
    expect((await fetch(`${report.http}/v2/models/nobody/infer`, { method: 'POST', body: '{"inputs": []}' })).ok).toBe(
      false,
    );
  });

  it('ends both on a signal', async () => {
    child.kill('SIGTERM');
    await ended;
    await expect(fetch(`${report.http}/v2/health/live`)).rejects.toThrow();
    await expect(fetch(`http://127.0.0.1:${ports.SERVING_HTTP}/v2/health/live`)).rejects.toThrow();
  });
});
