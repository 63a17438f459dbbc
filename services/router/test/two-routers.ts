// What tests of several routers stand on: two of them on one Kafka before one serving, with version 1 in service or
// without, and what each shows of the project `p`.

import { startKafka } from '@millrace/testing';
import { type Load, startLoad } from './load.js';
import { Platform } from './platform.js';
import type { RouterProcess } from './router-process.js';
import type { Behaviour } from './stand-in-serving.js';

export const routeOn = async (router: RouterProcess) => (await router.get('/v1/projects/p/route')).body.route;
export const analysisOn = async (router: RouterProcess) => (await router.get('/v1/projects/p/analysis')).body.analysis;
/** 0 also where it has no route yet. */
export const shareOn = async (router: RouterProcess, version: number): Promise<number> =>
  (await routeOn(router))?.targets.find((target: { version: number }) => target.version === version)?.weight ?? 0;

/** Scores that look like some, the same on each run. */
export const scoreOf = (n: number): number => ((n * 7_919) % 1_009) / 1_009;

export class TwoRouters {
  private loads: Load[] = [];

  private constructor(
    readonly platform: Platform,
    readonly routers: readonly [RouterProcess, RouterProcess],
  ) {}

  /** `rollout`: what the project's file says of it; `env`: settings of both routers. */
  static async start(rollout?: string, env: Record<string, string> = {}): Promise<TwoRouters> {
    const platform = await Platform.start((await startKafka()).brokers, env, rollout);
    try {
      const second = await platform.newRouter({ ...env, MILLRACE_REPLICA: 'b' });
      return new TwoRouters(platform, [platform.router, second]);
    } catch (error) {
      await platform.stop();
      throw error;
    }
  }

  /** The version answers so, and its rollout begins. */
  async rollOut(version: number, behaviour?: (n: number) => Behaviour): Promise<void> {
    if (behaviour !== undefined) this.platform.serving.behaviours.set(version, behaviour);
    await this.platform.rollOut(version);
  }

  /** A first version that scores, in service on both. */
  async serveFirst(): Promise<void> {
    await this.rollOut(1, (n) => ({ score: scoreOf(n) }));
    for (const router of this.routers) await router.until(async () => (await routeOn(router))?.targets.length === 1);
  }

  /** Requests a second, at each router. */
  startLoads(rate: number): void {
    this.loads = this.routers.map((router) => startLoad(router.inference(), rate));
  }

  /** Their outcomes. */
  async stopLoads() {
    return (await Promise.all(this.loads.splice(0).map((load) => load.stop()))).flat();
  }

  async stop(): Promise<void> {
    await this.stopLoads();
    await this.routers[1].stop();
    await this.platform.stop();
  }
}
