// Where requests go: a split by weights, sticky entities, and how long after a command the last request goes the old
// way on either of two routers.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { GRPCInferenceService, type inferencePb } from '@millrace/contracts';
import { createClient, type GrpcClient } from '@millrace/grpc';
import { PACKAGE } from '../serving/package.fs.js';
import { ROW } from '../serving/requests.js';
import { median, ms, type Outcome } from '../serving/row.js';
import { post, waitUntil } from './routed.process.js';
import type { RouterBench, RouterRow } from './row.js';

const ENTITIES = 20_000;
const AGAIN = 5_000;
const AT_ONCE = 100;
const SECOND_SHARE = 20;
const MOVES = 20;
/** After a move, how long both routers are watched. */
const WATCHED_MS = 600;

type Client = GrpcClient<typeof GRPCInferenceService>;

function requestOf(entity: string): MessageInitShape<typeof inferencePb.ModelInferRequestSchema> {
  return {
    modelName: PACKAGE,
    parameters: { entity: { parameterChoice: { case: 'stringParam', value: entity } } },
    inputs: [...ROW.keys()].map((i) => ({ name: `x${i}`, datatype: 'FP64', shape: [1n] })),
    rawInputContents: [...ROW].map((value) => new Uint8Array(Float64Array.of(value).buffer)),
  };
}

const versionOf = async (client: Client, entity: string): Promise<string> =>
  (await client.modelInfer(requestOf(entity), { deadlineMs: 10_000 })).modelVersion;

async function versionsOf(client: Client, entities: readonly string[]): Promise<string[]> {
  const versions: string[] = [];
  for (let from = 0; from < entities.length; from += AT_ONCE)
    versions.push(...(await Promise.all(entities.slice(from, from + AT_ONCE).map((name) => versionOf(client, name)))));
  return versions;
}

async function command({ routers }: RouterBench, path: string, body: object): Promise<void> {
  const { status, body: text } = await post(routers[0].system.controlPort, `/v1/projects/${PACKAGE}/${path}`, body);
  if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
}

const clientsOf = ({ routers }: RouterBench): Client[] =>
  routers.map(({ system }) => createClient(GRPCInferenceService, `127.0.0.1:${system.grpcPort}`));

export const split: RouterRow = {
  name: 'split',
  async measure(bench): Promise<Outcome[]> {
    const weights = [
      { version: 1, weight: 100 - SECOND_SHARE },
      { version: 2, weight: SECOND_SHARE },
    ];
    await command(bench, 'weights', { weights });
    const [first, second] = clientsOf(bench) as [Client, Client];
    const entities = Array.from({ length: ENTITIES }, (_, i) => `entity-${i}`);
    await waitUntil('both routers split', async () => {
      const sample = await versionsOf(second, entities.slice(0, 200));
      return new Set(sample).size === 2;
    });
    const versions = await versionsOf(first, entities);
    const share = versions.filter((version) => version === '2').length / ENTITIES;
    const sigma = Math.sqrt(((SECOND_SHARE / 100) * (1 - SECOND_SHARE / 100)) / ENTITIES);
    const off = Math.abs(share - SECOND_SHARE / 100) / sigma;
    const again = await versionsOf(second, entities.slice(0, AGAIN));
    const stayed = again.filter((version, i) => version === versions[i]).length / AGAIN;
    for (const client of [first, second]) client.close();
    await command(bench, 'promote', { version: 2 });
    return [
      {
        figure: `a split of ${100 - SECOND_SHARE}/${SECOND_SHARE} over ${ENTITIES} entities`,
        target: '≤ 3 σ',
        measured: `${(100 * share).toFixed(2)} %, ${off.toFixed(2)} σ off`,
        met: off <= 3,
        rounds: { share: [share] },
      },
      {
        figure: '  the same version for an entity at the other router',
        target: '100 %',
        measured: `${(100 * stayed).toFixed(2)} %`,
        met: stayed === 1,
        rounds: { stayed: [stayed] },
      },
    ];
  },
};

/** From the command until the last request left that was answered by the version before, on either router. */
async function oldWayMs(bench: RouterBench, clients: readonly Client[], path: string, to: number): Promise<number> {
  const sent: { atMs: number; old: boolean }[] = [];
  let running = true;
  const asking = clients.map(async (client, i) => {
    for (let n = 0; running; n++) {
      const atMs = performance.now();
      sent.push({ atMs, old: (await versionOf(client, `switch-${i}-${n}`)) !== String(to) });
    }
  });
  await new Promise((wake) => setTimeout(wake, 100));
  const fromMs = performance.now();
  await command(bench, path, path === 'promote' ? { version: to } : {});
  await new Promise((wake) => setTimeout(wake, WATCHED_MS));
  running = false;
  await Promise.all(asking);
  return Math.max(0, ...sent.filter(({ old }) => old).map(({ atMs }) => atMs - fromMs));
}

export const moves: RouterRow = {
  name: 'switch',
  async measure(bench) {
    const clients = clientsOf(bench);
    const taken: Record<'rollback' | 'promote', number[]> = { rollback: [], promote: [] };
    for (let i = 0; i < MOVES / 2; i++) {
      taken.rollback.push(await oldWayMs(bench, clients, 'rollback', 1));
      taken.promote.push(await oldWayMs(bench, clients, 'promote', 2));
    }
    for (const client of clients) client.close();
    return (['promote', 'rollback'] as const).map((name) => {
      const slowest = Math.max(...taken[name]);
      return {
        figure: `${name}: from the command until both routers go the new way, of ${MOVES / 2}`,
        target: '≤ 500.00 ms',
        measured: `${ms(slowest)} at most, median ${ms(median(taken[name]))}`,
        ...{ met: slowest <= 500, rounds: { [name]: taken[name] } },
      };
    });
  },
};
