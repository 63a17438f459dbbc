// `npm run test:soak`: one serving process answers a million requests, then reloads a model a thousand times under
// load. Memory (held after full collections, and resident) may rise by at most 1 % by least squares after the warm-up,
// the median latency of the last tenth may be at most 1.1 × that of the first. Ends with 1 where a bound is broken;
// writes bench/results/<date>-serving-soak.json. `--requests 1000000 --reloads 1000` are the full counts.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, homedir, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { Client, credentials } from '@grpc/grpc-js';
import { environment } from '@millrace/config';
import { GRPCInferenceService } from '@millrace/contracts';
import { createClient } from '@millrace/grpc';
import { LatencyHistogram } from '@millrace/statistics';
import { freePort, Inspector, riseOverRun } from '@millrace/testing';
import { ghz, runGhz } from '../ghz.process.js';
import { startMillrace } from '../serving/millrace.process.js';
import { networkRequest } from '../serving/requests.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    reloads: { type: 'string', default: '1000' },
  },
});
const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));
const say = (line: string) => process.stdout.write(`${line}\n`);

/** Equal parts of each phase; memory is counted after each, latency within each. */
const PARTS = 20;
/** Of the parts' work, done before the first is counted: pools and caches fill, code is compiled. */
const WARM_UP_PARTS = 4;
const MEMORY_RISE_MAX = 0.01;
const LATENCY_RATIO_MAX = 1.1;
/** Under the reloads. */
const IN_FLIGHT = 4;

interface Part {
  p50Ms: number;
  rssMib: number;
  heldMib: number;
}

interface Verdict {
  phase: string;
  count: number;
  failures: number;
  heldRise: number;
  rssRise: number;
  latencyRatio: number;
  met: boolean;
  parts: Part[];
}

const mean = (numbers: readonly number[]) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;

function judge(phase: string, count: number, failures: number, parts: Part[]): Verdict {
  const tenth = Math.round(parts.length / 10);
  const latency = parts.map((part) => part.p50Ms);
  const heldRise = riseOverRun(parts.map((part) => part.heldMib));
  const rssRise = riseOverRun(parts.map((part) => part.rssMib));
  const latencyRatio = mean(latency.slice(-tenth)) / mean(latency.slice(0, tenth));
  const met =
    failures === 0 && heldRise <= MEMORY_RISE_MAX && rssRise <= MEMORY_RISE_MAX && latencyRatio <= LATENCY_RATIO_MAX;
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  say(
    `${phase}: ${count}, ${failures} failed; memory held ${percent(heldRise)}, resident ${percent(rssRise)} over the run; ` +
      `median latency of the last tenth ${latencyRatio.toFixed(2)} × the first: ${met ? 'pass' : 'FAIL'}`,
  );
  return { phase, count, failures, heldRise, rssRise, latencyRatio, met, parts };
}

/** Runs the parts; those of the warm-up are not kept. */
async function inParts(
  inspector: Inspector,
  part: () => Promise<{ p50Ms: number; failures: number }>,
): Promise<{ parts: Part[]; failures: number }> {
  const parts: Part[] = [];
  let failures = 0;
  for (let i = -WARM_UP_PARTS; i < PARTS; i++) {
    const result = await part();
    failures += result.failures;
    const memory = await inspector.memory();
    if (i >= 0) parts.push({ p50Ms: result.p50Ms, ...memory });
    say(
      `  ${i < 0 ? 'warm-up' : `part ${i + 1}`}: p50 ${result.p50Ms.toFixed(2)} ms, held ${memory.heldMib.toFixed(1)} MiB, resident ${memory.rssMib.toFixed(0)} MiB`,
    );
  }
  return { parts, failures };
}

/** Unary calls, IN_FLIGHT at a time, until `work` is done. */
async function loadWhile(address: string, work: Promise<void>): Promise<{ p50Ms: number; failures: number }> {
  let running = true;
  void work.catch(() => undefined).then(() => (running = false));
  const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const request = networkRequest();
  const same = (bytes: Buffer) => bytes;
  const histogram = new LatencyHistogram();
  let failures = 0;
  const loop = async () => {
    while (running) {
      const fromMs = performance.now();
      const error = await new Promise<unknown>((done) =>
        client.makeUnaryRequest('/inference.GRPCInferenceService/ModelInfer', same, same, request, (fault) =>
          done(fault),
        ),
      );
      if (error) failures++;
      else histogram.record((performance.now() - fromMs) * 1000);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
  client.close();
  await work;
  return { p50Ms: histogram.summary().p50Ms, failures };
}

async function soak(): Promise<Verdict[]> {
  const work = mkdtempSync(join(tmpdir(), 'millrace-soak-'));
  const tool = await ghz(environment().MILLRACE_CACHE || join(homedir(), '.cache/millrace'));
  const inspectorPort = await freePort();
  const serving = await startMillrace(root, work, [`--inspect=127.0.0.1:${inspectorPort}`]);
  try {
    const inspector = await Inspector.connect(inspectorPort);
    const address = `127.0.0.1:${serving.grpcPort}`;
    const requests = Number(values.requests);
    const reloads = Number(values.reloads);
    const verdicts: Verdict[] = [];

    const asked = await inParts(inspector, () =>
      runGhz(tool, root, {
        address,
        request: networkRequest(),
        seconds: 0,
        requests: Math.round(requests / PARTS),
        connections: 4,
        inFlight: 64,
      }),
    );
    verdicts.push(judge('requests', requests, asked.failures, asked.parts));

    const api = createClient(GRPCInferenceService, address);
    const reloaded = await inParts(inspector, () =>
      loadWhile(
        address,
        (async () => {
          for (let i = 0; i < Math.round(reloads / PARTS); i++) await api.repositoryModelLoad({ modelName: 'mlp' });
        })(),
      ),
    );
    verdicts.push(judge('reloads', reloads, reloaded.failures, reloaded.parts));
    api.close();
    inspector.close();
    return verdicts;
  } finally {
    await serving.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

const verdicts = await soak();
const { stdout: commit } = await promisify(execFile)('git', ['-C', root, 'rev-parse', '--short', 'HEAD']);
const day = new Date().toISOString().slice(0, 10);
mkdirSync(join(root, 'bench/results'), { recursive: true });
writeFileSync(
  join(root, 'bench/results', `${day}-serving-soak.json`),
  `${JSON.stringify(
    {
      command: `npm run test:soak -- --requests ${values.requests} --reloads ${values.reloads}`,
      day,
      machine: { cpu: cpus()[0]?.model, cores: cpus().length, memoryGib: Math.round(totalmem() / 2 ** 30) },
      versions: { commit: commit.trim(), node: process.version },
      verdicts,
    },
    null,
    2,
  )}\n`,
);
process.exit(verdicts.every(({ met }) => met) ? 0 : 1);
