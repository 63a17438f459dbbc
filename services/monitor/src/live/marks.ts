// What charts over processing time have a line for: changes of live traffic (from the routes) and restarts: of this
// process, and of the services that say since when they run. In memory: after a restart of the monitor the newest
// change of each route is left.

import type { AnswerOf, monitorApi } from '@millrace/api';
import { type Route, sameTraffic, trafficShares } from '@millrace/routing';

export type Mark = AnswerOf<typeof monitorApi.endpoints.now>['marks'][number];

/** Kept a project, and of restarts; what a chart of five minutes can show. */
export const MARKS_MAX = 32;

export class Marks {
  private readonly byProject = new Map<string, Mark[]>();
  private common: readonly Mark[];

  constructor(startedAtMs: number) {
    this.common = [{ kind: 'restart', atMs: startedAtMs, text: 'monitor started' }];
  }

  /** A route of one of the projects that the monitor knows, which bounds the map. */
  routed(before: Route | undefined, route: Route): void {
    if (route.targets.length === 0 || sameTraffic(before, route)) return;
    const share = (weight: number) => Number(weight.toFixed(1));
    const all = trafficShares(route).filter(({ weight }) => weight > 0);
    const shares = all.map(({ version, weight }) => `version ${version}: ${share(weight)} %`).join(', ');
    this.add(route.project, { kind: 'rollout', atMs: route.changedAtMs, text: shares });
  }

  restarted(service: string, atMs: number): void {
    const mark: Mark = { kind: 'restart', atMs, text: `${service} restarted` };
    this.common = [...this.common, mark].slice(-MARKS_MAX);
  }

  forget(project: string): void {
    this.byProject.delete(project);
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
