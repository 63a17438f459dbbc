// Monitor processes that share partition numbers, without brokers: logs of predictions and labels, the board as a log
// that each process reads at its own pace, writers that are fenced, checkpoints, and a group that moves numbers about.
// Whatever a process held in memory is gone when it dies. With `slow` what is told is on its way for a while
// (transactions.ts), during which anything may happen.

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { ManualClock, PlatformError, type Rng } from '@millrace/domain';
import type { MetadataCache } from '../src/metadata/metadata-cache.js';
import { termsOf } from '../src/quality/task-terms.js';
import { TrafficHistory } from '../src/software/traffic-history.js';
import { keys, type Written } from '../src/windows/board.js';
import { type ClosedOfProject, Engine } from '../src/windows/engine.js';
import { Intake, type Positioned } from '../src/windows/intake.js';
import { STREAMS, type Stream } from '../src/windows/positions.js';
import { type News, Reports } from '../src/windows/reports.js';
import { Sharing } from '../src/windows/sharing.js';
import { noArchive, numberState } from './an-engine.js';
import { Transactions, type Writer } from './transactions.js';

export interface Log {
  stream: Stream;
  partition: number;
  messages: Positioned<PredictionMessage & LabelMessage>[];
  /** Of these are written. */
  end: number;
}

const IDLE_MS = { predictions: 5_000, labels: 60_000 };

/** What all processes share. */
export class Cluster {
  readonly clock = new ManualClock(1_000_000);
  /** What downstream sees. */
  readonly judgements: ClosedOfProject[] = [];
  readonly processes = new Set<MonitorOfCluster>();
  readonly entries: { key: string; value: string }[] = [];
  readonly checkpoints = new Map<string, string>();
  readonly transactions: Transactions;
  judgementsUnderWay = 0;

  constructor(
    readonly metadata: () => MetadataCache,
    readonly logs: readonly Log[],
    readonly partitions: number,
    slow?: Rng,
  ) {
    this.transactions = new Transactions(slow);
  }

  start(): MonitorOfCluster {
    const process = new MonitorOfCluster(this);
    this.processes.add(process);
    return process;
  }

  kill(process: MonitorOfCluster): void {
    this.giveUp(process);
    process.isDead = true;
  }

  /** It lives, and the group does not know it any more. */
  giveUp(process: MonitorOfCluster): void {
    this.processes.delete(process);
  }

  /** The group gives every number to a process that lives. */
  async rebalance(ownerOf: (number: number) => MonitorOfCluster): Promise<void> {
    const numbers = Array.from({ length: this.partitions }, (_, number) => number);
    for (const process of this.processes) {
      const assigned = process.assigned(numbers.filter((number) => ownerOf(number) === process));
      await this.transactions.during(assigned);
    }
  }

  log(stream: Stream, partition: number): Log {
    return this.logs.find((log) => log.stream === stream && log.partition === partition) as Log;
  }
}

export class MonitorOfCluster {
  readonly engine: Engine;
  readonly reports: Reports;
  readonly sharing: Sharing;
  readonly intake: Intake;
  isDead = false;
  private readonly writers = new Map<number, Writer>();
  private boardRead = 0;
  private checkpointsMade = 0;
  private numbers: readonly number[] = [];

  constructor(private readonly cluster: Cluster) {
    const metadata = cluster.metadata();
    const numberOf = (_project: string) => 1;
    this.engine = new Engine({
      project: (name) => metadata.project(name),
      metadata,
      traffic: new TrafficHistory(),
      idleMs: IDLE_MS,
      terms: termsOf,
      joinRowsMax: 100_000,
      retainedWindows: 2,
      windowsKept: 100,
      judges: (project) => this.reports.isHeld(numberOf(project)),
    });
    const { engine } = this;
    this.reports = new Reports(engine, engine.board, IDLE_MS, numberOf);
    this.sharing = new Sharing(
      engine,
      this.reports,
      {
        settled: () => cluster.transactions.ended([...this.writers.values()]),
        fence: (numbers) => this.fence(numbers),
        readBoard: async () => this.readBoard(cluster.entries.length),
        load: async ({ path }) => JSON.parse(cluster.checkpoints.get(path) as string),
        reference: async () => undefined,
        archive: noArchive,
      },
      cluster.clock,
    );
    const ports = {
      reference: () => undefined,
      publish: async (partition: number, { entries, judgements }: Pick<News, 'entries' | 'judgements'>) => {
        const said = JSON.parse(JSON.stringify(judgements));
        cluster.judgementsUnderWay += said.length;
        const over = () => {
          cluster.judgementsUnderWay -= said.length;
        };
        await this.write(partition, entries, () => cluster.judgements.push(...said)).finally(over);
      },
      ends: async () => cluster.logs,
      recreated: () => undefined,
      touched: () => undefined,
      judged: () => undefined,
      archive: noArchive,
      seen: { prediction: () => undefined, label: () => undefined },
    };
    this.intake = new Intake(engine, this.reports, ports, cluster.clock);
  }

  assigned(numbers: readonly number[]): Promise<void> {
    this.numbers = numbers;
    return this.sharing.assigned(numbers, this.cluster.partitions);
  }

  /** As a member does of whose transactions one was lost on the way. */
  async assignedAgain(): Promise<void> {
    if ([...this.writers.values()].some(({ isUsable }) => !isUsable)) await this.assigned(this.numbers);
  }

  /** Some entries of the board, or all of them. */
  readBoard(until: number): void {
    const { entries, clock } = this.cluster;
    for (; this.boardRead < Math.min(until, entries.length); this.boardRead++) {
      const { key, value } = entries[this.boardRead] as { key: string; value: string };
      this.engine.told(key, JSON.parse(value), clock.nowMs());
    }
  }

  readSomeBoard(count: number): void {
    this.readBoard(this.boardRead + count);
  }

  get isUpToDate(): boolean {
    const { positions } = this.engine;
    return this.reports
      .held()
      .every((partition) =>
        STREAMS.every((stream) => positions.next(stream, partition) >= this.cluster.log(stream, partition).end),
      );
  }

  /** The next messages of a partition that it holds. */
  async read(stream: Stream, partition: number, count: number): Promise<void> {
    const log = this.cluster.log(stream, partition);
    const from = this.engine.positions.next(stream, partition);
    const batch = log.messages.slice(from, Math.min(from + count, log.end));
    if (batch.length > 0) await this.guarded(() => this.intake[stream](partition, log.end, batch));
  }

  settle(): Promise<void> {
    return this.guarded(() => this.intake.settle());
  }

  async checkpoint(partition: number): Promise<void> {
    if (!this.reports.isHeld(partition) || !this.reports.isTold()) return;
    const path = `monitor/${partition}/${this.cluster.checkpoints.size}-${this.checkpointsMade++}`;
    const saved = this.engine.savedOf(partition);
    this.cluster.checkpoints.set(path, JSON.stringify(numberState(this.engine, partition)));
    const entry = { key: keys.checkpoint(partition), value: { path, sha256: '' } };
    await this.guarded(() => this.write(partition, [entry]).then(saved));
  }

  /** As a process does that finds itself replaced; what is not known goes on with `assignedAgain`. */
  private async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      if (error.code === 'conflict') this.sharing.releaseAll();
      else if (error.code !== 'unavailable') throw error;
    }
  }

  /** As FencedWriters: one that it has, and has no reason to doubt, is not taken over again. */
  private async fence(numbers: readonly number[]): Promise<number[]> {
    const { transactions } = this.cluster;
    for (const [number, writer] of this.writers) {
      if (numbers.includes(number) && writer.isUsable && transactions.isOwner(writer)) continue;
      this.writers.delete(number);
      await transactions.ended([writer]);
    }
    const taken = numbers.filter((number) => !this.writers.has(number));
    for (const number of taken) this.writers.set(number, transactions.take(number));
    return taken;
  }

  /** Bytes at once. `committed`: it is there. */
  private write(partition: number, written: readonly Written[], committed?: () => void): Promise<void> {
    if (this.isDead) return new Promise(() => undefined);
    const entries = written.map(({ key, value }) => ({ key, value: JSON.stringify(value) }));
    return this.cluster.transactions.send(this.writers.get(partition), () => {
      this.cluster.entries.push(...entries);
      committed?.();
    });
  }
}
