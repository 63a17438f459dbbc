// What charts over processing time have a line for: changes of live traffic (from the routes) and restarts, as far as
// this process can know them: its own start, and the router's, whose counters begin anew. Restarts of the other
// processes leave no trace here. In memory: after a restart of the monitor the newest change of each route is left.

import type { AnswerOf, monitorApi } from '@millrace/api';
import { type Route, sameTraffic } from '@millrace/routing';

export type Mark = AnswerOf<typeof monitorApi.endpoints.now>['marks'][number];

/** Kept a project; what a chart of five minutes can show. */
export const MARKS_MAX = 32;

export class Marks {
  private readonly byProject = new Map<string, Mark[]>();
  private readonly common: readonly Mark[];

  constructor(startedAtMs: number) {
    this.common = [{ kind: 'restart', atMs: startedAtMs, text: 'monitor started' }];
  }

  /** A route of one of the projects that the monitor knows, which bounds the map. */
  routed(before: Route | undefined, route: Route): void {
    if (route.targets.length === 0 || sameTraffic(before, route)) return;
    const shares = route.targets.map(({ version, weight }) => `version ${version}: ${weight} %`).join(', ');
    this.add(route.project, { kind: 'rollout', atMs: route.changedAtMs, text: shares });
  }

  /** A restart shows between two readings: `atMs` is the later one. */
  routerRestarted(project: string, atMs: number): void {
    this.add(project, { kind: 'restart', atMs, text: 'router restarted' });
  }

  /** Since `fromMs`, oldest first. */
  of(project: string, fromMs: number): Mark[] {
    const own = this.byProject.get(project) ?? [];
    return [...this.common, ...own].filter(({ atMs }) => atMs >= fromMs).sort((a, b) => a.atMs - b.atMs);
  }

  private add(project: string, mark: Mark): void {
    this.byProject.set(project, [...(this.byProject.get(project) ?? []), mark].slice(-MARKS_MAX));
  }
}
