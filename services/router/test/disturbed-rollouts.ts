// Two real routers before two servings on a real Kafka, requests over gRPC and REST to both, a rollout that is brought
// to one of its steps, and something that happens to it there. Of each such case:
//   - a request fails only where its router, or its connection to it, died, or where the new version itself fails;
//   - what stands on routes.v1 keeps the rules of a route: one revision after the other, each step once, no share for a
//     version that serving does not have;
//   - a failed rollout, and one that somebody stops, end at 0 %, whatever step comes beside it;
//   - it comes to its end in bounded time, and both routers agree on it.

import { encodeRolloutLosses } from '@millrace/contracts';
import type { LossCell, Route } from '@millrace/routing';
import { freePort } from '@millrace/testing';
import { type Load, type Outcome, startLoad, startRestLoad } from './load.js';
import { Platform } from './platform.js';
import type { RouterProcess } from './router-process.js';
import { ServingProcess } from './serving-process.js';
import { lastWritten, WrittenRoutes } from './written-routes.js';

/** Requests a second, to each router; 200 together. */
const GRPC_RATE = 70;
const REST_RATE = 15;
/** A killed owner's partition is taken over after its session, 10 s; then come its steps. */
const OVER_WITHIN_MS = 60_000;
const AGREED_WITHIN_MS = 15_000;
/** What a client's channel waits before it connects again to a router that is back. */
const RECONNECTED_WITHIN_MS = 6_000;
const REPLICA_PORTS = 100;
const LOOK_MS = 40;

/** How a rollout ends: by itself, or by the one who stops it in the middle of the disturbance. */
export type Ending = 'goes on' | 'is killed';

export interface StrategyRow {
  readonly name: string;
  /** `rollout` of the project file. */
  readonly rollout: string;
  /** By the name of the step: brings the rollout to it. */
  readonly steps: Readonly<Record<string, (rollout: Rollout) => Promise<void>>>;
  /** What the loop or a person does in the end where nobody stops it. */
  finish(rollout: Rollout): Promise<unknown>;
  /** Path and body of the command that stops it, by what a person sees of the route. */
  kill(rollout: Rollout, route: Route): readonly [path: string, body: object];
  /** What is true of the route in the end; `failed`: the analysis had a reason, or somebody stopped it. */
  isOver(route: Route, rollout: Rollout, failed: boolean): boolean;
  /** Whether a version that fails is seen and taken back by itself; else its failures are the callers'. */
  readonly judges: boolean;
}

export interface Disturbance {
  readonly name: string;
  /** Begins it, and gives what ends it. */
  begin(world: DisturbedWorld, rollout: Rollout): Promise<() => Promise<void>>;
  /** Too long for a slice of a minute. */
  readonly isLong?: boolean;
}

export interface Router {
  readonly process: RouterProcess;
  /** Of its kills. */
  readonly away: { fromMs: number; toMs: number }[];
}

interface Traffic {
  readonly router: Router;
  readonly load: Load;
  /** Its requests fit the project's rule. */
  readonly isMatched: boolean;
}

/** One rollout of a project of its own. */
export class Rollout {
  isFaulty = false;

  constructor(
    private readonly world: DisturbedWorld,
    readonly project: string,
    readonly version: number,
  ) {}

  /** Serving has the version. */
  load(): void {
    for (const serving of this.world.servings) {
      serving.loaded.add(this.version);
      serving.tell();
    }
  }

  /** To a router that lives. */
  post(path: string, body: object) {
    return this.world.alive().process.post(`/v1/projects/${this.project}/${path}`, body);
  }

  /** Until nobody asks to wait: a command may meet the change of owners. */
  async untilTaken(path: string, body: object, isDone: (route: Route) => boolean): Promise<void> {
    await this.until(`${path} is in force`, async (route) => {
      if (isDone(route)) return true;
      await this.post(path, body).catch(() => undefined);
      return false;
    });
  }

  /** As the monitor that holds the partition says it, of all that labels have said since the rollout began. */
  async labelled(fromRevision: number, cells: LossCell[]): Promise<void> {
    const { project, world } = this;
    const value = encodeRolloutLosses({ project, createdAtMs: 0, partition: 0, fromRevision, cells, entities: [] });
    await world.platform.producer.send('losses.v1', [{ key: `${project}/0`, value, partition: 0 }]);
  }

  /** Asked of a router that lives; the route of which it holds. */
  async until(what: string, holds: (route: Route) => boolean | Promise<boolean>): Promise<Route> {
    const endMs = performance.now() + OVER_WITHIN_MS;
    let last: Route | undefined;
    for (;;) {
      const answer = await this.world.routeOn(this.world.alive(), this.project).catch(() => undefined);
      last = answer ?? last;
      if (answer !== undefined && (await holds(answer))) return answer;
      if (performance.now() > endMs)
        throw new Error(`${this.project}: ${what}: not within ${OVER_WITHIN_MS} ms: ${JSON.stringify(last)}`);
      await new Promise((wake) => setTimeout(wake, LOOK_MS));
    }
  }
}

export class DisturbedWorld {
  private written!: WrittenRoutes;
  private serial = 0;

  private constructor(
    readonly platform: Platform,
    readonly routers: readonly [Router, Router],
    readonly servings: readonly [ServingProcess, ServingProcess],
  ) {}

  static async start(brokers: readonly string[]): Promise<DisturbedWorld> {
    const servings = await bothServings();
    const env = { MILLRACE_REPLICAS: 'serving=2', MILLRACE_SERVING_GRPC_PORT: String(servings[0].port) };
    const platform = await Platform.start(brokers, { ...env, MILLRACE_REPLICA: 'a' });
    const second = await platform.newRouter({ ...env, MILLRACE_REPLICA: 'b' });
    const router = (process: RouterProcess): Router => ({ process, away: [] });
    const world = new DisturbedWorld(platform, [router(platform.router), router(second)], servings);
    world.written = await WrittenRoutes.follow(platform.connection);
    return world;
  }

  async stop(): Promise<void> {
    await this.written.close();
    await this.routers[1].process.stop();
    for (const serving of this.servings) await serving.kill();
    await this.platform.stop();
  }

  async routeOn({ process }: Router, project: string): Promise<Route> {
    const { status, body } = await process.get(`/v1/projects/${project}/route`, process.controlPort, 2_000);
    if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
    return body.route;
  }

  /** One that was not killed; one that stands still is asked in vain, and the next time the other is. */
  alive(): Router {
    const living = this.routers.filter(({ away }) => away.every(({ toMs }) => toMs !== Number.POSITIVE_INFINITY));
    return living[Math.floor(Math.random() * living.length)] as Router;
  }

  /** Who wrote the newest route says so in its log. */
  routerAt(place: 'owner' | 'other', { project }: Rollout): Router {
    const last = ({ process }: Router) => lastWritten(process, project);
    const [first, second] = this.routers;
    const owner = last(first) >= last(second) ? first : second;
    return place === 'owner' ? owner : owner === first ? second : first;
  }

  async kill(router: Router): Promise<void> {
    router.away.push({ fromMs: performance.now(), toMs: Number.POSITIVE_INFINITY });
    router.process.signal('SIGKILL');
    await router.process.exit;
  }

  async revive(router: Router): Promise<void> {
    await router.process.start();
    const last = router.away.at(-1);
    if (last !== undefined) last.toMs = performance.now();
  }

  /** What does not hold of this case; empty: all of it holds. */
  async faultsOf(row: StrategyRow, step: string, disturbance: Disturbance, ending: Ending): Promise<string[]> {
    this.serial += 1;
    const rollout = new Rollout(this, `r${this.serial}`, VERSION_FROM + this.serial);
    const traffic: Traffic[] = [];
    const faults: string[] = [];
    try {
      await this.first(row, rollout);
      traffic.push(...this.traffic(rollout));
      await Promise.all(traffic.map(({ load, router }) => router.process.until(() => load.outcomes.length > 5)));
      await row.steps[step]?.(rollout);
      const end = await disturbance.begin(this, rollout);
      const killed = ending === 'is killed' ? this.killed(row, rollout) : undefined;
      await end();
      rollout.load();
      await killed;
      const isJudged = rollout.isFaulty && row.judges;
      if (killed === undefined) await row.finish(rollout);
      const isFailed = killed !== undefined || isJudged;
      await rollout.until('it is over', (route) => row.isOver(route, rollout, isFailed));
      await this.agreed(rollout);
      if (isFailed && row.judges) faults.push(...(await this.answersOf(traffic, rollout)));
    } catch (error) {
      faults.push((error as Error).message);
    }
    await Promise.all(this.routers.map((router) => this.back(router)));
    for (const { load, router } of traffic)
      faults.push(...unexplained(await load.stop(), router, rollout.isFaulty && row.name !== 'shadow'));
    faults.push(...this.written.faultsOf(rollout.project));
    if (faults.length > 0) for (const { process } of this.routers) faults.push(lastWords(process));
    return faults;
  }

  /** The stable version has all traffic on both routers. */
  private async first({ rollout: file }: StrategyRow, rollout: Rollout): Promise<void> {
    const { platform } = this;
    await platform.apply(rollout.project, file);
    for (const version of [1, rollout.version]) await platform.announce({ version }, rollout.project);
    for (const serving of this.servings) {
      serving.loaded.add(1);
      serving.tell();
    }
    // A project is there some time after its file; there is no route before its first version.
    const isTaken = async () => {
      await rollout.post('rollouts', { version: 1, reason: 'first' }).catch(() => undefined);
      return (await this.routeOn(this.alive(), rollout.project)).targets.length > 0;
    };
    await platform.router.until(isTaken, OVER_WITHIN_MS);
    await this.agreed(rollout);
  }

  private traffic({ project }: Rollout): Traffic[] {
    return this.routers.flatMap((router) => {
      const { process } = router;
      const rest = (headers: Record<string, string>) => startRestLoad(process.httpPort, REST_RATE, project, headers);
      return [
        { router, isMatched: false, load: startLoad(process.inference(), GRPC_RATE, project) },
        { router, isMatched: false, load: rest({}) },
        { router, isMatched: true, load: rest({ 'x-team': 'a' }) },
      ];
    });
  }

  /** Said again until it is in force, as a person would: the one who would answer may have died. */
  private async killed(row: StrategyRow, rollout: Rollout): Promise<void> {
    await rollout.until('the kill is in force', async (route) => {
      if (row.isOver(route, rollout, true)) return true;
      const [path, body] = row.kill(rollout, route);
      await rollout.post(path, body).catch(() => undefined);
      return false;
    });
  }

  private async agreed({ project }: Rollout): Promise<void> {
    const endMs = performance.now() + AGREED_WITHIN_MS;
    for (;;) {
      const routes = await Promise.all(
        this.routers.map((router) => this.routeOn(router, project).catch(() => undefined)),
      );
      const [first, second] = routes.map((route) => JSON.stringify(route));
      if (first !== undefined && first === second) return;
      if (performance.now() > endMs) throw new Error(`the routers do not agree: ${first} and ${second}`);
      await new Promise((wake) => setTimeout(wake, LOOK_MS));
    }
  }

  /** Of a rollout that is over and has failed: nobody meets its version any more, by a rule neither. */
  private async answersOf(traffic: readonly Traffic[], { version }: Rollout): Promise<string[]> {
    const sinceMs = performance.now();
    const fresh = ({ load }: Traffic) => load.outcomes.filter(({ sentAtMs }) => sentAtMs > sinceMs);
    await this.platform.router.until(() => traffic.every((one) => fresh(one).length > 3));
    const met = traffic.flatMap(fresh).filter((outcome) => outcome.version === String(version));
    return met.length === 0 ? [] : [`${met.length} requests met a version that was taken back`];
  }

  private async back(router: Router): Promise<void> {
    if (router.away.at(-1)?.toMs === Number.POSITIVE_INFINITY) await this.revive(router);
    router.process.signal('SIGCONT');
  }
}

/** Of rollouts; 1 is stable everywhere. */
const VERSION_FROM = 100;

/** What it has said of late, but for what it finds of rollouts. */
const lastWords = ({ output }: RouterProcess): string =>
  output
    .split('\n')
    .filter((line) => !line.includes('analysis of a rollout') && !line.includes('"logger":"kafka",'))
    .slice(-40)
    .map((line) => line.slice(0, 400))
    .join('\n');

async function bothServings(): Promise<[ServingProcess, ServingProcess]> {
  for (;;) {
    const first = await ServingProcess.start(await freePort());
    try {
      return [first, await ServingProcess.start(first.port + REPLICA_PORTS)];
    } catch {
      await first.kill(); // the other port is somebody's
    }
  }
}

/** Failures that neither the death of their router nor a version that fails explains: how often, and from when on. */
function unexplained(outcomes: readonly Outcome[], { away }: Router, isFaulty: boolean): string[] {
  const found = new Map<string, { count: number; fromMs: number; toMs: number }>();
  const startMs = outcomes[0]?.sentAtMs ?? 0;
  for (const { error, sentAtMs, ms } of outcomes) {
    if (error === '' || (isFaulty && error.includes('the model failed'))) continue;
    const isDeath = ({ fromMs, toMs }: { fromMs: number; toMs: number }) =>
      sentAtMs + ms >= fromMs && sentAtMs <= toMs + RECONNECTED_WITHIN_MS;
    if (away.some(isDeath)) continue;
    const what = error.slice(0, 160);
    const { count, fromMs } = found.get(what) ?? { count: 0, fromMs: sentAtMs };
    found.set(what, { count: count + 1, fromMs, toMs: sentAtMs });
  }
  const after = (atMs: number) => ((atMs - startMs) / 1_000).toFixed(1);
  return [...found].map(
    ([what, { count, fromMs, toMs }]) => `${count} requests of ${after(fromMs)} to ${after(toMs)} s failed: ${what}`,
  );
}
