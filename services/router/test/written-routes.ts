// What stands on routes.v1, message by message: whoever wrote it, it keeps the rules of a route.

import { decodeRoute } from '@millrace/contracts';
import { CompactedReader, type KafkaConnection } from '@millrace/kafka';
import { type Route, readyVersions } from '@millrace/routing';
import type { RouterProcess } from './router-process.js';

/** Revision of the newest route of a project that this router has written, by its log; 0 = none that it still shows. */
export function lastWritten({ output }: RouterProcess, project: string): number {
  const isIts = (line: string) => line.includes('route changed') && line.includes(`"project":"${project}"`);
  const line = output.split('\n').findLast(isIts) ?? '';
  return Number(/"revision":(\d+),/.exec(line)?.[1] ?? 0);
}

export class WrittenRoutes {
  private readonly routes = new Map<string, Route[]>();
  private readonly reader: CompactedReader;

  private constructor(connection: KafkaConnection) {
    this.reader = new CompactedReader(connection, {
      name: 'written-routes',
      topics: { 'routes.v1': (key, value) => (value === null ? undefined : this.take(key, decodeRoute(value))) },
    });
  }

  static async follow(connection: KafkaConnection): Promise<WrittenRoutes> {
    const written = new WrittenRoutes(connection);
    await written.reader.caughtUp();
    return written;
  }

  of(project: string): readonly Route[] {
    return this.routes.get(project) ?? [];
  }

  /** One revision after the other, each step once, no share for what is not ready, or has failed at any time. */
  faultsOf(project: string): string[] {
    const faults: string[] = [];
    const failed = new Set<number>();
    const routes = this.of(project);
    routes.forEach((route, i) => {
      const before = routes[i - 1];
      const say = (what: string) => faults.push(`revision ${route.revision}: ${what}`);
      if (route.revision !== (before?.revision ?? 0) + 1) say(`comes after ${before?.revision}`);
      const ready = readyVersions(route);
      for (const { version } of route.targets) if (!ready.includes(version)) say(`${version} is not ready`);
      const shares = route.targets.reduce((sum, { weight }) => sum + weight, 0);
      if (route.targets.length > 0 && shares !== 100) say(`its shares are ${shares} % together`);
      if (route.rollout.phase === 'failed') failed.add(route.rollout.version);
      if (route.targets.some(({ version }) => failed.has(version))) say('what has failed has a share');
      const [at, earlier] = [route.rollout.steps?.at, before?.rollout.steps?.at];
      const isSame = route.rollout.version === before?.rollout.version;
      if (isSame && at !== undefined && earlier !== undefined && at !== earlier && at !== earlier + 1)
        say(`step ${at} comes after ${earlier}`);
    });
    if (routes.length < 2) faults.push(`routes.v1 has ${routes.length} of its routes`);
    return faults;
  }

  close(): Promise<void> {
    return this.reader.close();
  }

  private take(project: string, route: Route): void {
    this.routes.set(project, [...this.of(project), route]);
  }
}
