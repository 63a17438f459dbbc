// What the holders of partition numbers tell each other, as it stands on profiles.v1 (compacted): the last entry of
// each key. Everyone reads all of it, so that whoever takes a number over, judges a project or answers the API knows
// what its predecessor said. Pure; the edge is profiles.kafka.ts.
//
//   number/<p>                    how far the holder of number p has read (NumberEntry)
//   checkpoint/<p>                where its newest checkpoint lies (CheckpointEntry)
//   <project>/part/<p>            what p counted of the project (PartEntry)
//   <project>/share/<p>/<start>   p's share of a window that may be judged (ShareEntry)
//   <project>/judge               what the judge of the project keeps (JudgeEntry)
//   <project>/judged/<start>      what it keeps of a closed window until it is over (JudgedEntry)
//   <project>/reference/<version> a reference that was made of first rows (ReferenceEntry)
//   <project>/window/<start>      a closed window with its judgements (HistoryRecord)
//   <project>/quality/<start>     quality of a window that is over (HistoryRecord)
//
// An entry of the first two and of parts and shares is written by the holder of p, the rest by the judge of the
// project.

import type { QualityBucketState } from '../quality/quality-history.js';
import type { ProjectTrafficState } from '../software/traffic-history.js';
import type { PartCounters } from './counters.js';
import type { HistoryRecord } from './history.js';
import type { JudgedWindowState } from './judged-window.js';
import type { OverLabelsState } from './over-labels.js';
import type { OwnReferenceState } from './own-references.js';
import type { PartFirstRowsState } from './part-first-rows.js';
import type { Logs, Stream } from './positions.js';
import type { CohortProfileState } from './profile.js';
import type { JudgeState } from './project-judge.js';

export interface NumberEntry {
  /** Offsets of the next messages. */
  next: Record<Stream, number>;
  /** Of which log they are. */
  logs?: Logs;
}

export interface CheckpointEntry {
  path: string;
  sha256: string;
}

/** Of the project: another one of this name does not take it over; of another window length or task it is no use. */
interface Of {
  createdAtMs: number;
  windowMs: number;
  task: string;
}

export interface PartEntry extends Of {
  /** Offset of the next prediction that is not in it. */
  readTo: number;
  /** The same of labels; absent in entries of a release that did not tell it. */
  labelsTo?: number;
  /** As of Part; absent or null: not known. */
  savedThroughMs?: number | null;
  /** `silentMs`: how long nothing had come when everything that was written had been read. */
  heard: Partial<Record<Stream, { maxEventMs: number; silentMs: number }>>;
  counters: PartCounters;
  /** Shares that are open, or have changed since their entry. */
  windows: ShareCounts[];
  firstRows: PartFirstRowsState[];
  readToMs: number;
  /** null: none is. */
  givenUpThroughMs: number | null;
  overLabels?: OverLabelsState;
}

export interface ShareCounts {
  startMs: number;
  predictions: number;
  labels: number;
  open: boolean;
}

export interface ShareEntry extends Of, ShareCounts {
  lateLabelAtMs: number | null;
  profiles: CohortProfileState[];
  rows: { cohort: string; rows: number }[];
  quality: QualityBucketState[];
}

export interface JudgeEntry extends Of {
  state: JudgeState;
  traffic: ProjectTrafficState | null;
}

/** Told before the judge's entry that knows of it, in the same transaction. */
export interface JudgedEntry extends Of {
  window: JudgedWindowState;
}

export interface ReferenceEntry extends Of {
  reference: OwnReferenceState;
}

/** An entry to write; null takes it away. */
export interface Written {
  key: string;
  value: unknown;
}

export const keys = {
  number: (partition: number) => `number/${partition}`,
  checkpoint: (partition: number) => `checkpoint/${partition}`,
  part: (project: string, partition: number) => `${project}/part/${partition}`,
  share: (project: string, partition: number, startMs: number) => `${project}/share/${partition}/${startMs}`,
  judge: (project: string) => `${project}/judge`,
  judged: (project: string, startMs: number) => `${project}/judged/${startMs}`,
  reference: (project: string, version: number) => `${project}/reference/${version}`,
  history: ({ project, kind, startMs }: HistoryRecord) => `${project}/${kind}/${startMs}`,
};

export type BoardKey =
  | { kind: 'number'; partition: number }
  | { kind: 'checkpoint'; partition: number }
  | { kind: 'part'; project: string; partition: number }
  | { kind: 'share'; project: string; partition: number; startMs: number }
  | { kind: 'judge'; project: string }
  | { kind: 'reference'; project: string; version: number }
  | { kind: 'judged' | 'window' | 'quality'; project: string; startMs: number };

/** A project is called neither `number` nor `checkpoint` followed by a number alone: its keys have a kind. */
export function parseKey(key: string): BoardKey | undefined {
  const [first = '', second = '', third = '', fourth = ''] = key.split('/');
  if (third === '' && (first === 'number' || first === 'checkpoint') && /^\d+$/.test(second))
    return { kind: first, partition: Number(second) } as BoardKey;
  switch (second) {
    case 'judge':
      return { kind: 'judge', project: first };
    case 'part':
      return { kind: 'part', project: first, partition: Number(third) };
    case 'share':
      return { kind: 'share', project: first, partition: Number(third), startMs: Number(fourth) };
    case 'reference':
      return { kind: 'reference', project: first, version: Number(third) };
    case 'judged':
    case 'window':
    case 'quality':
      return { kind: second, project: first, startMs: Number(third) };
    default:
      return undefined;
  }
}

interface Told {
  partition: number;
  entry: PartEntry;
}

interface OfProject {
  parts: Map<number, Told>;
  /** By partition. */
  shares: Map<number, Map<number, ShareEntry>>;
  judge: JudgeEntry | undefined;
  judged: Map<number, JudgedEntry>;
  /** Every key of it. */
  keys: Set<string>;
}

export class Board {
  private readonly projects = new Map<string, OfProject>();
  private readonly numbers = new Map<number, NumberEntry>();
  private readonly checkpoints = new Map<number, CheckpointEntry>();

  /** Takes an entry in; `value` null: it was taken away. Gives what its key says. */
  put(key: string, value: unknown): BoardKey | undefined {
    const parsed = parseKey(key);
    if (parsed === undefined) return undefined;
    if (parsed.kind === 'number') {
      set(this.numbers, parsed.partition, value as NumberEntry | null);
    } else if (parsed.kind === 'checkpoint') {
      set(this.checkpoints, parsed.partition, value as CheckpointEntry | null);
    } else {
      const of = this.of(parsed.project);
      if (value === null) of.keys.delete(key);
      else of.keys.add(key);
      if (parsed.kind === 'judge') of.judge = (value ?? undefined) as JudgeEntry | undefined;
      else if (parsed.kind === 'part') {
        const { partition } = parsed;
        set(of.parts, partition, value === null ? null : { partition, entry: value as PartEntry });
      } else if (parsed.kind === 'share') {
        const shares = of.shares.get(parsed.partition) ?? new Map<number, ShareEntry>();
        of.shares.set(parsed.partition, shares);
        set(shares, parsed.startMs, value as ShareEntry | null);
      } else if (parsed.kind === 'judged') set(of.judged, parsed.startMs, value as JudgedEntry | null);
      if (of.keys.size === 0) this.projects.delete(parsed.project);
    }
    return parsed;
  }

  number(partition: number): NumberEntry | undefined {
    return this.numbers.get(partition);
  }

  /** Those of which something was said. */
  numbersTold(): number[] {
    return [...this.numbers.keys()];
  }

  checkpoint(partition: number): CheckpointEntry | undefined {
    return this.checkpoints.get(partition);
  }

  judge(project: string): JudgeEntry | undefined {
    return this.projects.get(project)?.judge;
  }

  /** By start. */
  judgedOf(project: string): ReadonlyMap<number, JudgedEntry> {
    return this.projects.get(project)?.judged ?? new Map();
  }

  part(project: string, partition: number): Told | undefined {
    return this.projects.get(project)?.parts.get(partition);
  }

  partsOf(project: string): number[] {
    return [...(this.projects.get(project)?.parts.keys() ?? [])];
  }

  share(project: string, partition: number, startMs: number): ShareEntry | undefined {
    return this.projects.get(project)?.shares.get(partition)?.get(startMs);
  }

  sharesOf(project: string, partition: number): ReadonlyMap<number, ShareEntry> {
    return this.projects.get(project)?.shares.get(partition) ?? new Map();
  }

  keysOf(project: string): string[] {
    return [...(this.projects.get(project)?.keys ?? [])];
  }

  projectNames(): string[] {
    return [...this.projects.keys()];
  }

  private of(project: string): OfProject {
    let of = this.projects.get(project);
    if (of === undefined) {
      of = { parts: new Map(), shares: new Map(), judge: undefined, judged: new Map(), keys: new Set() };
      this.projects.set(project, of);
    }
    return of;
  }
}

function set<K, V>(map: Map<K, V>, key: K, value: V | null): void {
  if (value !== null) map.set(key, value);
  else map.delete(key);
}
