// restart: ends processes in order, one at a time, and goes on to the next when the one before is back in its work. The
// supervisor of `millrace up` starts each again; this command only asks, and looks.

import { processName, SERVICE_NAMES, type Service } from '@millrace/deployment';
import { PlatformError } from '@millrace/domain';
import { type Command, InvalidArgumentError } from 'commander';
import { addressesAt, replicaUrls } from '../client/replicas.js';
import { covers, HoldingsAtRest, partitionsOf, reachedAgain, servingsLike } from '../overview/holdings.js';
import { type Holdings, heldBy, isReady, servingsOf } from '../overview/process-state.http.js';
import { RunFolder } from '../supervisor/run-folder.fs.js';
import { action, type Context, poll } from './context.js';

/** An end in order takes seconds, a start on a busy machine a minute. */
const BACK_WITHIN_MS = 180_000;
const LOOK_EVERY_MS = 1_000;

interface Process {
  service: Service;
  replica: number;
  name: string;
}

export function restartCommand(program: Command): void {
  program
    .command('restart')
    .description('ends services in order and starts them again, one process at a time; not training workers')
    .argument('[service...]', 'which; default: all of them', services, [])
    .action(action((context, chosen: readonly Service[]) => restart(context, chosen)));
}

function services(text: string, before: readonly Service[]): Service[] {
  const service = SERVICE_NAMES.find((one) => one === text);
  if (service === undefined) throw new InvalidArgumentError(`Write ${SERVICE_NAMES.join(', ')}, or none for all.`);
  return before.includes(service) ? [...before] : [...before, service];
}

async function restart(context: Context, chosen: readonly Service[]): Promise<number> {
  const { home } = context.settings;
  const notes = new RunFolder(home).notes();
  if (notes === undefined)
    throw new PlatformError(
      'unavailable',
      `no \`millrace up\` runs in ${home}: there is nobody who would start a process again`,
    );
  const urls = replicaUrls(context.settings, notes);
  const planned = new Set(notes.map(({ name }) => name));
  const processes = (chosen.length === 0 ? SERVICE_NAMES : chosen).flatMap((service) =>
    urls[service]
      .map((_, replica): Process => ({ service, replica, name: processName(service, replica) }))
      .filter(({ name }) => planned.has(name)),
  );
  const stage = context.stages().stage('restart', processes.map(({ name }) => name).join(', '));
  try {
    for (const [done, one] of processes.entries()) {
      stage.progress(done, processes.length, one.name);
      if (urls[one.service].length === 1)
        process.stderr.write(`warning: ${one.service} is one process: nobody answers for it until it is back\n`);
      await restartOne(context, one, urls);
    }
  } catch (thrown) {
    stage.fail('not all of them');
    throw thrown;
  }
  stage.done(`${processes.length} processes, one at a time`);
  context.print(
    { restarted: processes.map(({ name }) => name) },
    () => `restarted: ${processes.map(({ name }) => name).join(', ')}`,
    ['millrace status'],
  );
  return 0;
}

/** Ends one and waits until it does again what it did: is ready, its group's partitions are held, routers reach it. */
async function restartOne(context: Context, one: Process, urls: Record<Service, string[]>): Promise<void> {
  const { settings } = context;
  const { service, replica, name } = one;
  const run = new RunFolder(settings.home);
  const at = addressesAt(service, replica, settings);
  const rest = new HoldingsAtRest();
  const atRest = async () => rest.saw(await heldByAll(urls[service]));
  const heldBefore = await poll(atRest, `${service} to be at rest`, BACK_WITHIN_MS, LOOK_EVERY_MS);
  const before = run.survivors().find((record) => record.name === name);
  if (before === undefined)
    throw new PlatformError(
      'unavailable',
      `${name} does not run just now; \`millrace status\` shows it, its log says why`,
    );
  const reached = () => Promise.all(urls.router.map((url) => reachedBy(url, at.servingGrpc)));
  const reachedBefore = service === 'serving' ? await reached() : [];
  process.kill(before.pid, 'SIGTERM');
  const isAnother = async () => run.survivors().find((record) => record.name === name && record.pid !== before.pid);
  await poll(isAnother, `${name} to be started again`, BACK_WITHIN_MS);
  await untilTrue(() => isReady(at[service]), `${name} to be ready`);
  await untilTrue(
    async () => covers(partitionsOf(await heldByAll(urls[service])), heldBefore),
    `the partitions of ${service} to be held`,
  );
  if (service !== 'serving') return;
  await untilTrue(async () => reachedAgain(reachedBefore, await reached()), `the routers to reach ${name}`);
}

async function reachedBy(router: string, serving: string): Promise<number | null> {
  const servings = await servingsOf(router);
  return servings && servingsLike(servings, serving);
}

async function untilTrue(test: () => Promise<boolean>, what: string): Promise<void> {
  await poll(async () => ((await test()) ? true : undefined), what, BACK_WITHIN_MS);
}

const heldByAll = (urls: readonly string[]): Promise<(Holdings | null)[]> => Promise.all(urls.map(heldBy));
