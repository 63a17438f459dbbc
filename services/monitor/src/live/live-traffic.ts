// The last minutes of traffic as the dashboard shows them: one point a second per project, from predictions as they are
// applied; copies that nobody sees the answers of (role `shadow`) are none. Processing time. Bounded to POINTS_MAX
// points and VERSIONS_MAX versions a point.

import type { PredictionMessage } from '@millrace/contracts';
import { PROJECTS_MAX } from '@millrace/domain';
import { LatencyHistogram } from '@millrace/statistics';

/** Five minutes. */
export const POINTS_MAX = 300;

export interface LivePoint {
  atMs: number;
  predictions: number;
  labels: number;
  p50Ms: number | null;
  p99Ms: number | null;
  byVersion: Record<number, number>;
}

type LivePrediction = Pick<PredictionMessage, 'modelVersion' | 'latencyUs' | 'role'>;

export class LiveTraffic {
  private readonly points: LivePoint[] = [];
  private latencyUs = new LatencyHistogram();
  private predictions = 0;
  private labels = 0;
  private byVersion: Record<number, number> = {};

  prediction({ modelVersion: version, latencyUs, role }: LivePrediction): void {
    if (role !== 'live') return;
    this.predictions += 1;
    this.byVersion[version] = (this.byVersion[version] ?? 0) + 1;
    this.latencyUs.record(latencyUs);
  }

  label(): void {
    this.labels += 1;
  }

  /** Ends the running second. */
  beat(atMs: number): LivePoint {
    const quantile = (q: number) => (this.latencyUs.count === 0 ? null : this.latencyUs.quantileUs(q) / 1000);
    const point: LivePoint = {
      atMs,
      predictions: this.predictions,
      labels: this.labels,
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      byVersion: this.byVersion,
    };
    this.points.push(point);
    if (this.points.length > POINTS_MAX) this.points.shift();
    this.predictions = 0;
    this.labels = 0;
    this.byVersion = {};
    this.latencyUs.reset();
    return point;
  }

  recent(): readonly LivePoint[] {
    return this.points;
  }
}

/** One live a project; beyond PROJECTS_MAX they share the last one, which nobody is shown. */
export class LiveTrafficByProject {
  private readonly byProject = new Map<string, LiveTraffic>();
  private readonly overflow = new LiveTraffic();

  of(project: string): LiveTraffic {
    let live = this.byProject.get(project);
    if (live === undefined) {
      if (this.byProject.size >= PROJECTS_MAX) return this.overflow;
      live = new LiveTraffic();
      this.byProject.set(project, live);
    }
    return live;
  }

  get(project: string): LiveTraffic | undefined {
    return this.byProject.get(project);
  }

  forget(project: string): void {
    this.byProject.delete(project);
  }

  beat(atMs: number): void {
    for (const live of this.byProject.values()) live.beat(atMs);
  }
}
