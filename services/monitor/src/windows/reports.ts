// What this process has to tell on the board, by partition number: everything of a number goes in one transaction of
// the number's writer, so that the broker takes it whole or not at all, and nothing of a process that was replaced.
// A number tells how far it has read with every part that changed; the judge of a project what it said, together with
// what it keeps. Judges first: a part that knows a window as closed must not be seen before the window is.

import type { RolloutLossesMessage } from '@millrace/contracts';
import { type Board, keys, parseKey, type Written } from './board.js';
import type { ClosedOfProject, Engine } from './engine.js';
import type { HistoryRecord } from './history.js';
import { type PartNews, PartReport } from './part-report.js';
import type { Stream } from './positions.js';
import type { ProjectMonitor } from './project-monitor.js';

/** Counts of a busy part are told this often. */
const TOLD_EVERY_MS = 1_000;
/** What can be judged; while a backlog is read it is much at a time. */
const URGENT_EVERY_MS = 200;

export interface News {
  entries: Written[];
  judgements: ClosedOfProject[];
  /** For the routers. */
  losses: RolloutLossesMessage[];
  /** The broker has it. */
  told(): void;
}

interface HeldNumber {
  parts: Map<string, PartReport>;
  toldAtMs: number;
  /** Positions that were told. */
  toldAt: string;
  /** When everything was read that was written; -Infinity: not since the number was taken. */
  caughtUpAtMs: number;
}

export class Reports {
  private readonly numbers = new Map<number, HeldNumber>();
  /** By project: `changes` of the judge when it was told. */
  private readonly judges = new Map<string, number>();
  /** Judges of which the board has no windows of another length or life. */
  private readonly cleaned = new WeakSet<ProjectMonitor>();
  private askedAtMs = Number.NEGATIVE_INFINITY;
  /** Of judges, to be told; by key. */
  private readonly pending = new Map<string, { partition: number; project: string; value: unknown }>();

  constructor(
    private readonly engine: Engine,
    private readonly board: Board,
    private readonly idleMs: Readonly<Record<Stream, number>>,
    private readonly numberOf: (project: string) => number,
  ) {}

  held(): number[] {
    return [...this.numbers.keys()];
  }

  isHeld(partition: number): boolean {
    return this.numbers.has(partition);
  }

  /** Something that is one for as long as the number is held; undefined: it is not. */
  holding(partition: number): object | undefined {
    return this.numbers.get(partition);
  }

  hold(partition: number): void {
    this.numbers.set(partition, {
      parts: new Map(),
      toldAtMs: Number.NEGATIVE_INFINITY,
      toldAt: '',
      caughtUpAtMs: Number.NEGATIVE_INFINITY,
    });
  }

  release(partition: number): void {
    this.numbers.delete(partition);
    for (const kept of [...this.judges.keys()]) if (this.numberOf(kept) === partition) this.judges.delete(kept);
    for (const [key, pending] of this.pending) if (pending.partition === partition) this.pending.delete(key);
  }

  /** The project was deleted: what this process has told of it is taken away. */
  projectRemoved(project: string): void {
    for (const { parts } of this.numbers.values()) parts.delete(project);
    this.judges.delete(project);
    for (const [key, pending] of this.pending) if (pending.project === project) this.pending.delete(key);
    for (const key of this.board.keysOf(project)) {
      const parsed = parseKey(key);
      const ofPart = parsed?.kind === 'part' || parsed?.kind === 'share';
      this.put(key, project, null, ofPart ? parsed.partition : undefined);
    }
  }

  /** Whether the ends of the partitions should be asked for: how long nothing came in them is known by that. */
  isDue(nowMs: number): boolean {
    return nowMs - this.askedAtMs >= TOLD_EVERY_MS;
  }

  /** The ends of all partitions were asked for at this time. */
  endsKnown(askedAtMs: number): void {
    this.askedAtMs = askedAtMs;
    for (const [partition, number] of this.numbers)
      if (this.engine.positions.isCaughtUp(partition)) number.caughtUpAtMs = askedAtMs;
  }

  /** What the judges of the number's projects decided; undefined: nothing new. */
  ofJudges(partition: number): News | undefined {
    const holding = this.holding(partition);
    if (holding === undefined) return undefined;
    this.collect();
    const isOf = (project: string) => this.numberOf(project) === partition;
    const judgements = this.engine.outbox.filter(({ project }) => isOf(project));
    const changed = this.engine.judged().filter((monitor) => isOf(monitor.name) && !this.isJudgeTold(monitor));
    const pending = [...this.pending].filter(([, entry]) => entry.partition === partition);
    const judgesKeys = new Set(changed.map(({ name }) => keys.judge(name)));
    if (judgements.length + changed.length + pending.length === 0) return undefined;
    const told = changed.map(({ name, judgeChanges }) => [name, judgeChanges] as const);
    return {
      entries: [
        // A deleted project's entry that is to be taken away, where one of its name has a new one.
        ...pending.flatMap(([key, { value }]) => (judgesKeys.has(key) ? [] : { key, value })),
        // Last: who reads it has read of its windows.
        ...changed.map((monitor) => ({ key: keys.judge(monitor.name), value: monitor.judgeEntry() })),
      ],
      judgements,
      losses: [],
      told: () => {
        // Let go of meanwhile, and perhaps taken again: what is on the board of it counts, as it was read then.
        if (this.holding(partition) !== holding) return;
        for (const [name, changes] of told) this.judges.set(name, changes);
        for (const [key, { value }] of pending) if (this.pending.get(key)?.value === value) this.pending.delete(key);
        const published = new Set(judgements);
        const rest = this.engine.outbox.splice(0).filter((closed) => !published.has(closed));
        this.engine.outbox.push(...rest);
      },
    };
  }

  /**
   * What was counted in the number; undefined: nothing new, or too soon. Only while everything that was decided is
   * told: parts show what the judge has told them.
   */
  ofParts(partition: number, nowMs: number): News | undefined {
    const number = this.numbers.get(partition);
    if (number === undefined) return undefined;
    const { positions } = this.engine;
    this.engine.settleParts(partition);
    // What is told of windows that may be judged is much to put together: not after every batch, to throw it away.
    if (nowMs - number.toldAtMs < URGENT_EVERY_MS) return undefined;
    const news = this.partNews(partition, number);
    const isUrgent = news.some((part) => part.isUrgent);
    if (!isUrgent && nowMs - number.toldAtMs < TOLD_EVERY_MS) return undefined;
    const next = { predictions: positions.next('predictions', partition), labels: positions.next('labels', partition) };
    const logs = { predictions: positions.log('predictions', partition), labels: positions.log('labels', partition) };
    const at = JSON.stringify([next, logs]);
    if (news.length === 0 && at === number.toldAt) return undefined;
    return {
      entries: [{ key: keys.number(partition), value: { next, logs } }, ...news.flatMap(({ entries }) => entries)],
      judgements: [],
      losses: news.flatMap(({ losses }) => losses ?? []),
      told: () => {
        number.toldAtMs = nowMs;
        number.toldAt = at;
        for (const part of news) part.told();
      },
    };
  }

  /** Nothing that was decided waits to be told: what is saved now is known to all. */
  isTold(): boolean {
    this.collect();
    if (this.engine.outbox.length + this.pending.size > 0) return false;
    return this.engine.judged().every((monitor) => this.isJudgeTold(monitor));
  }

  private collect(): void {
    for (const record of this.engine.drainHistory()) this.put(keys.history(record), record.project, record);
    for (const { project, startMs } of this.engine.drainGone()) {
      for (const kind of ['window', 'quality'] as const)
        this.put(keys.history({ kind, project, startMs } as HistoryRecord), project, null);
    }
    for (const monitor of this.engine.judged()) {
      if (!this.cleaned.has(monitor))
        for (const startMs of monitor.strangeWindows())
          this.put(keys.judged(monitor.name, startMs), monitor.name, null);
      this.cleaned.add(monitor);
      for (const { startMs, entry } of monitor.drainJudged())
        this.put(keys.judged(monitor.name, startMs), monitor.name, entry);
      for (const reference of monitor.references.drainFresh())
        this.put(keys.reference(monitor.name, reference.version), monitor.name, { ...monitor.of, reference });
    }
  }

  private isJudgeTold({ name, judgeChanges }: ProjectMonitor): boolean {
    return judgeChanges === (this.judges.get(name) ?? this.board.judge(name)?.state.changes ?? 0);
  }

  private put(key: string, project: string, value: unknown, partition = this.numberOf(project)): void {
    if (this.numbers.has(partition)) this.pending.set(key, { partition, project, value });
  }

  private partNews(partition: number, { parts, caughtUpAtMs }: HeldNumber): PartNews[] {
    return this.engine.all().flatMap((monitor) => {
      const part = monitor.ownPart(partition);
      if (part === undefined) return [];
      const { positions } = this.engine;
      const readTo = {
        predictions: positions.next('predictions', partition),
        labels: positions.next('labels', partition),
      };
      let report = parts.get(monitor.name);
      if (report === undefined) {
        report = new PartReport();
        report.takeOver(this.board.sharesOf(monitor.name, partition));
        parts.set(monitor.name, report);
      }
      const { latenessMs, labelDelayMs } = monitor.waits;
      const rules = { project: monitor.name, of: monitor.of, latenessMs, labelDelayMs, idleMs: this.idleMs };
      return report.news(part, rules, readTo, caughtUpAtMs) ?? [];
    });
  }
}
