// The live stream of ingest over real segments and real Parquet files, with a log that is an array and a process that
// can die at any call with an effect outside of memory.

import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import type { DatasetVersion, LabelMessage, ProjectEntry, RecordMessage } from '@millrace/contracts';
import { ManualClock } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { Counters, type CountersDocument } from '../src/datasets/counters.js';
import { DatasetIndex } from '../src/datasets/dataset-index.js';
import { LiveStream } from '../src/datasets/live-stream.js';
import type { SegmentFiles } from '../src/datasets/segment.js';
import { DuckDbSegmentFiles } from '../src/datasets/segment-files.duckdb.js';
import { Segments } from '../src/datasets/segments.js';
import { DuckDbSpanMerger } from '../src/datasets/span-merge.duckdb.js';
import { VersionCloser } from '../src/datasets/version-closer.js';
import { DuckDbVersionTables } from '../src/datasets/version-table.duckdb.js';
import { ProjectRegistry } from '../src/projects/project-registry.js';

export const START_MS = Date.UTC(2024, 0, 1);
export const SPAN_MS = 60_000;
export const DELAY_MS = 30_000;
export const STEP_MS = 2_000;
export const PARTITIONS = 2;

export const TEXT = `name: p
data:
  entity: who
  eventTime: at
  versionEvery: 1m
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: who, type: text, required: true }
    - { name: size, type: number }
    - { name: count, type: integer }
    - { name: note, type: text }
    - { name: fine, type: boolean }
    - { name: paid, type: number, outcome: true }
  label: { name: good, column: paid, operation: ge, value: 1, delay: 30s }
features: [{ name: size, kind: numeric }]
monitoring: { allowedLateness: 0s }
`;

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export function entryOf(text: string, revision = 1): ProjectEntry {
  const parsed = parseProject(text, 'p');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const { document } = parsed;
  return {
    name: 'p',
    revision,
    document,
    documentSha256: sha256(document),
    appliedAtMs: 0,
    createdAtMs: 1,
  } as ProjectEntry;
}

type Message = { topic: 'records.v1'; message: RecordMessage } | { topic: 'labels.v1'; message: LabelMessage };

/** What outlives a process: the topics, committed offsets, stored counters, announced versions; and the home. */
export class World {
  readonly topics = new Map<string, Message[]>();
  readonly committed = new Map<string, number>();
  /** First offsets that the topics still hold. */
  readonly low = new Map<string, number>();
  document: CountersDocument | null = null;
  readonly announced: DatasetVersion[] = [];
  entry = entryOf(TEXT);
  readonly clock = new ManualClock(START_MS + 10 * 86_400_000);
  readonly schemaHash = () => {
    const registry = new ProjectRegistry(sha256);
    registry.put(this.entry);
    return registry.find('p')?.hash ?? '';
  };

  constructor(readonly home: string) {
    for (const topic of ['records.v1', 'labels.v1'])
      for (let partition = 0; partition < PARTITIONS; partition++) this.topics.set(`${topic}/${partition}`, []);
  }

  send(message: Message, partition: number): void {
    this.topics.get(`${message.topic}/${partition}`)?.push(message);
  }
}

export class Killed extends Error {}

/** Names each call with an effect outside of memory, before and after it; may die there. */
type Passing = (point: string) => void;

export class Process {
  private dead = false;
  readonly read = new Map<string, number>();

  private constructor(
    private readonly world: World,
    private readonly passing: Passing,
    private readonly tables: DuckDbVersionTables,
    readonly live: LiveStream,
    readonly segments: Segments,
    private readonly counters: Counters,
    private readonly registry: ProjectRegistry,
  ) {}

  static async start(world: World, passing: Passing, bounds = {}): Promise<Process> {
    let process: Process | null = null;
    const pass = (point: string) => {
      if (process?.dead) throw new Killed(point);
      try {
        passing(point);
      } catch (error) {
        if (process !== null) process.dead = true;
        throw error;
      }
    };
    const store = openArtifactStore({ home: world.home });
    const scratch = join(world.home, 'scratch');
    const tables = await DuckDbVersionTables.open({ scratch, memoryMax: '128MB', threads: 1 }, store);
    const files = new DuckDbSegmentFiles(tables.instance, join(world.home, 'segments'));
    const guarded = new Proxy(files as SegmentFiles, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function' || !['write', 'merge', 'remove', 'begin', 'end'].includes(String(name)))
          return typeof value === 'function' ? value.bind(target) : value;
        return async (...given: unknown[]) => {
          pass(`before ${String(name)}`);
          const result = await value.apply(target, given);
          pass(`after ${String(name)}`);
          return result;
        };
      },
    });
    const segments = new Segments(guarded, {
      bufferBytesMax: 1e9,
      flushAfterMs: 1e9,
      diskBytesMax: 1e12,
      ...bounds,
    });
    await segments.open();
    const registry = new ProjectRegistry(sha256);
    registry.put(world.entry);
    const index = new DatasetIndex((project) => registry.createdAtMs(project));
    for (const version of world.announced) index.add(version);
    const log = {
      announce: async (version: DatasetVersion) => {
        pass('before announce');
        world.announced.push(version);
        pass('after announce');
      },
    };
    const { clock } = world;
    const closer = new VersionCloser(new DuckDbSpanMerger(tables.instance, files, store, scratch), log, index, clock);
    const counters = new Counters(world.document);
    const failures: Error[] = [];
    const live = new LiveStream(
      registry,
      index,
      segments,
      closer,
      counters,
      { allowanceMs: 0, idleAfterMs: 1e9, retryAfterMs: 1_000 },
      clock,
      {
        closed: () => undefined,
        failed: (_project, error) => {
          failures.push(error);
          if (!(error.cause instanceof Killed)) throw error;
          if (process !== null) process.dead = true;
        },
      },
    );
    process = new Process(world, pass, tables, live, segments, counters, registry);
    process.assign();
    return process;
  }

  assign(): void {
    const ends = [...this.world.topics].map(([key, messages]) => {
      const [topic, partition] = key.split('/') as [string, string];
      const position = Math.max(this.world.committed.get(key) ?? 0, this.world.low.get(key) ?? 0);
      this.read.set(key, position);
      return { topic, partition: Number(partition), position, end: messages.length };
    });
    this.live.assign(ends, true);
  }

  /** Reads and commits what there is; then waits for the closes. */
  async catchUp(): Promise<void> {
    for (const [key, messages] of this.world.topics) {
      const [topic, partition] = key.split('/') as [string, string];
      const from = this.read.get(key) as number;
      const batch = messages
        .slice(from)
        .map(({ message }, index) => ({ offset: from + index, timestampMs: 2, message }));
      if (batch.length === 0) continue;
      const take = topic === 'records.v1' ? this.live.records : this.live.labels;
      // biome-ignore lint/suspicious/noExplicitAny: one of the two, by the topic.
      await take.call(this.live, Number(partition), batch as any);
      this.read.set(key, from + batch.length);
    }
    this.live.closeDue();
    await this.live.settled();
    this.save();
    this.commit();
  }

  /** The world's project is applied. */
  apply(): void {
    this.registry.put(this.world.entry);
  }

  remove(): void {
    this.registry.remove('p');
  }

  /** A failure that it met was not its end. */
  survives(): void {
    this.dead = false;
  }

  save(): void {
    this.passing('before save');
    const document = this.counters.snapshot();
    if (document === null) return;
    this.world.document = JSON.parse(JSON.stringify(document));
    this.counters.stored(document);
  }

  commit(): void {
    this.passing('before commit');
    for (const key of this.world.topics.keys()) {
      const [topic, partition] = key.split('/') as [string, string];
      const position = this.live.position(topic, Number(partition));
      if (position !== null && position > 0) this.world.committed.set(key, position);
    }
    this.passing('after commit');
  }

  end(): void {
    this.dead = true;
    this.tables.close();
  }
}

const homes: string[] = [];
export async function world(): Promise<World> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-live-'));
  homes.push(home);
  return new World(home);
}
afterAll(async () => {
  await Promise.all(homes.map((home) => rm(home, { recursive: true, force: true })));
});

export const record = (target: World, id: string, atMs: number, values: object = {}): Message => ({
  topic: 'records.v1',
  message: {
    project: 'p',
    recordId: id,
    entity: `e${id}`,
    eventTimeMs: START_MS + atMs,
    values: { at: START_MS + atMs, who: `e${id}`, size: atMs / 7, count: atMs, note: `n${id}`, fine: true, ...values },
    schemaHash: target.schemaHash(),
    source: 'test',
    ingestedAtMs: 5,
  },
});
export const label = (id: string, atMs: number, value: number, knownAtMs = atMs + DELAY_MS): Message => ({
  topic: 'labels.v1',
  message: {
    project: 'p',
    recordId: id,
    predictionId: '',
    entity: `e${id}`,
    value,
    eventTimeMs: START_MS + atMs,
    knownAtMs: START_MS + knownAtMs,
    source: 'test',
    ingestedAtMs: 5,
  },
});
