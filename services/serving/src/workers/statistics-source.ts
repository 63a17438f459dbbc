// Where the endpoints read counters from: this process alone, or all workers of the port together.

import { VersionStatistics } from '@millrace/inference';
import { inferenceMetricsText, type Measured } from '../models/metrics-text.js';
import type { ModelSet } from '../models/model-set.js';
import type { ServedModel } from '../models/served-model.js';
import { type LogState, type ServingStats, servingStats } from '../models/stats.js';
import { mergeMetricsTexts } from './metrics-merge.js';
import type { Question, Reply, WorkerModel, WorkerStatistics } from './worker-messages.js';

export interface StatisticsSource {
  /** Whether whoever gets the next call would answer for the version: a route may send it traffic. */
  isReady(name: string, version: string): Promise<boolean>;
  /** As ModelSet.select. */
  select(name: string, version: string): Promise<readonly Measured[]>;
  /** The body of GET /v1/stats. */
  service(): Promise<ServingStats>;
}

export class OwnStatistics implements StatisticsSource {
  constructor(
    private readonly models: ModelSet,
    private readonly log: () => LogState,
  ) {}

  async isReady(name: string, version: string): Promise<boolean> {
    return this.models.isReady(name, version);
  }

  async select(name: string, version: string): Promise<readonly Measured[]> {
    return this.models.select(name, version);
  }

  async service(): Promise<ServingStats> {
    return servingStats([...this.models.served()], this.log());
  }

  /** For the other workers. */
  answer(): WorkerStatistics {
    const { written, dropped, queued } = this.log();
    return { models: [...this.models.served()].map(workerModel), log: { written, dropped, queued } };
  }
}

function workerModel({ name, version, waiting, spec, statistics }: ServedModel): WorkerModel {
  const { decoupled, responseCache } = spec;
  return { name, version, waiting, decoupled, responseCache, statistics };
}

export class WorkersStatistics implements StatisticsSource {
  constructor(
    private readonly models: ModelSet,
    private readonly ask: (question: Question) => Promise<readonly Reply[]>,
  ) {}

  /** A worker that does not answer is not ready; one that is gone gets no calls and is not asked. */
  async isReady(name: string, version: string): Promise<boolean> {
    if (!this.models.isReady(name, version)) return false;
    const replies = await this.ask({ kind: 'ready', model: name, version });
    return replies.every((reply) => 'value' in reply && reply.value === true);
  }

  async select(name: string, version: string): Promise<readonly Measured[]> {
    // Refuses what is unknown, and says which versions are meant.
    const meant = new Set(this.models.select(name, version).map(keyOf));
    return merged(await this.collect()).filter((one) => meant.has(keyOf(one)));
  }

  async service(): Promise<ServingStats> {
    const all = await this.collect();
    const log = { written: 0, dropped: 0, queued: 0 };
    for (const one of all) {
      log.written += one.log.written;
      log.dropped += one.log.dropped;
      log.queued += one.log.queued;
    }
    return servingStats(merged(all), log);
  }

  /** One scrape of all workers: counts of models added up, each worker's own series beside each other. */
  async metricsText(): Promise<string> {
    const replies = await this.ask({ kind: 'metrics' });
    const texts = replies.flatMap((reply) =>
      'value' in reply ? [{ worker: reply.worker, text: reply.value as string }] : [],
    );
    return mergeMetricsTexts(texts) + inferenceMetricsText(merged(await this.collect()));
  }

  private async collect(): Promise<WorkerStatistics[]> {
    const replies = await this.ask({ kind: 'statistics' });
    return replies.flatMap((reply) => ('value' in reply ? [reply.value as WorkerStatistics] : []));
  }
}

const keyOf = ({ name, version }: { name: string; version: number }): string => `${version}/${name}`;

function merged(all: readonly WorkerStatistics[]): Measured[] {
  const byKey = new Map<string, Measured & { waiting: number }>();
  for (const { models } of all) {
    for (const one of models) {
      let sum = byKey.get(keyOf(one));
      if (!sum) {
        const { name, version, decoupled, responseCache } = one;
        sum = { name, version, waiting: 0, spec: { decoupled, responseCache }, statistics: new VersionStatistics() };
        byKey.set(keyOf(one), sum);
      }
      sum.statistics.merge(one.statistics);
      sum.waiting += one.waiting;
    }
  }
  return [...byKey.values()];
}
