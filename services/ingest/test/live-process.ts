// The live stream of ingest over real segments and real Parquet files, in any number of processes that share a log of
// arrays. A process can die at any call with an effect outside of memory, and be replaced while it lives on.

import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import {
  type DatasetAction,
  type DatasetVersion,
  decodeProgress,
  encodeProgress,
  type LabelMessage,
  type ProjectEntry,
  type RecordMessage,
} from '@millrace/contracts';
import { ManualClock, PlatformError, RequestIds, seededRng } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { DatasetIndex } from '../src/datasets/dataset-index.js';
import { LiveStream, type StreamEnds } from '../src/datasets/live-stream.js';
import { OpenSpans } from '../src/datasets/open-spans.js';
import type { BadMessage } from '../src/datasets/partition-reader.js';
import { type ProgressEntry, progressKey } from '../src/datasets/progress-entry.js';
import { ProgressFollower } from '../src/datasets/progress-follower.js';
import type { SegmentFiles } from '../src/datasets/segment.js';
import { DuckDbSegmentFiles } from '../src/datasets/segment-files.duckdb.js';
import { DuckDbSpanMerger } from '../src/datasets/span-merge.duckdb.js';
import { VersionCloser } from '../src/datasets/version-closer.js';
import { versionFiles } from '../src/datasets/version-files.fs.js';
import { DuckDbVersionTables } from '../src/datasets/version-table.duckdb.js';
import type { WaitingLabel } from '../src/labels/waiting-label.js';
import { ProjectRegistry } from '../src/projects/project-registry.js';
import { DatasetCollector } from '../src/retention/dataset-collector.js';
import { UnnamedFiles } from '../src/retention/unnamed-files.js';
import { UsedDatasets } from '../src/retention/used-datasets.js';

export const START_MS = Date.UTC(2024, 0, 1);
/** Processing time. */
const BEGUN_MS = START_MS + 10 * 86_400_000;
export const SPAN_MS = 60_000;
export const DELAY_MS = 30_000;
export const STEP_MS = 2_000;
export const PARTITIONS = 2;
/** The number whose holder owns the project. */
const OWNED_BY = 1;

export const TEXT = `name: p
data:
  entity: who
  eventTime: at
  versionEvery: 1m
  closeAfterIdle: 30d
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
    labelRuleSinceMs: 0,
    earlierSchemas: [],
  } as ProjectEntry;
}

type Message = { topic: 'records.v1'; message: RecordMessage } | { topic: 'labels.v1'; message: LabelMessage };
const STREAMS = ['records', 'labels'] as const;

export interface ImportedRow {
  id: string;
  atMs: number;
  label?: number;
}

/** What outlives a process: the topics, what was told of progress, announced versions; and the artifacts. */
export class World {
  readonly topics = new Map<string, Message[]>();
  /** First offsets that the topics still hold. */
  readonly low = new Map<string, number>();
  /** By partition, as bytes. */
  readonly progress: { key: string; value: Uint8Array | null; transaction: string }[][] = [];
  /** Who may write each partition of it. */
  readonly epochs: number[] = [];
  readonly announced: DatasetVersion[] = [];
  /** Ids of versions of which it was told that they are gone. */
  readonly deleted: string[] = [];
  /** Labels that went to the dead letters. */
  readonly expired: WaitingLabel[] = [];
  /** How many of them were counted. */
  expiredTold = 0;
  /** Offsets that a release before progress.v1 committed. */
  readonly committed = new Map<string, number>();
  readonly commands: { id: string; project: string; action: DatasetAction }[] = [];
  readonly processes = new Set<Process>();
  entry = entryOf(TEXT);
  /** What other topics bring until somebody asks for what is there now. */
  upToNow: (used: UsedDatasets) => void | Promise<void> = () => undefined;
  /** What the topics say of all messages. */
  writtenAtMs = 2;
  readonly clock = new ManualClock(BEGUN_MS);
  readonly schemaHash = () => {
    const registry = new ProjectRegistry(sha256);
    registry.put(this.entry);
    return registry.find('p')?.hash ?? '';
  };

  constructor(
    readonly home: string,
    partitions: number,
  ) {
    for (let partition = 0; partition < partitions; partition++) {
      for (const stream of STREAMS) this.topics.set(`${stream}.v1/${partition}`, []);
      this.progress.push([]);
      this.epochs.push(0);
    }
  }

  send(message: Message, partition: number): void {
    this.topics.get(`${message.topic}/${partition}`)?.push(message);
  }

  ranges(): StreamEnds[] {
    const range = (stream: string, partition: number) => {
      const key = `${stream}.v1/${partition}`;
      const high = this.topics.get(key)?.length ?? 0;
      return { low: this.low.get(key) ?? 0, high, committed: this.committed.get(key) ?? null };
    };
    return this.progress.map((_, partition) => ({
      ...{ partition, records: range('records', partition), labels: range('labels', partition) },
    }));
  }
}

export class Killed extends Error {}

let started = 0;

/** Names each call with an effect outside of memory, before and after it; may die there. */
type Passing = (point: string) => void | Promise<void>;

export class Process {
  dead = false;
  /** Next offsets to be fetched. */
  readonly read = new Map<string, number>();
  held: readonly number[] = [];
  private readonly epochs = new Map<number, number>();
  /** How much of each partition of progress was followed. */
  private readonly followed = new Map<number, number>();
  private versionsSeen = 0;
  readonly failures: PlatformError[] = [];
  readonly lost: string[] = [];
  doubted = 0;
  /** Records of an earlier schema that were taken as far as they fit. */
  fitted = 0;
  /** Offsets of records that were refused. */
  readonly bad: number[] = [];

  private constructor(
    private readonly world: World,
    private readonly tables: DuckDbVersionTables,
    readonly live: LiveStream,
    readonly spans: OpenSpans,
    private readonly follower: ProgressFollower,
    private readonly index: DatasetIndex,
    private readonly registry: ProjectRegistry,
    private readonly closer: VersionCloser,
    readonly used: UsedDatasets,
  ) {}

  /** Of a process that is alone. */
  static async start(world: World, passing: Passing = () => undefined, bounds = {}): Promise<Process> {
    const process = await Process.join(world, passing, bounds);
    await process.hold(world.progress.map((_, partition) => partition));
    return process;
  }

  /** Holds nothing yet. */
  static async join(world: World, passing: Passing = () => undefined, bounds = {}): Promise<Process> {
    let process: Process | null = null;
    const pass = (point: string) => {
      if (process?.dead) throw new Killed(point);
      try {
        return passing(point);
      } catch (error) {
        if (process !== null && error instanceof Killed) process.dead = true;
        throw error;
      }
    };
    const store = openArtifactStore({ home: world.home });
    const registry = new ProjectRegistry(sha256);
    registry.put(world.entry);
    const index = new DatasetIndex((project) => registry.createdAtMs(project));
    const scratch = await mkdtemp(join(world.home, 'scratch-'));
    const versions = versionFiles(store, index);
    const tables = await DuckDbVersionTables.open({ scratch, memoryMax: '128MB', threads: 1 }, versions);
    const own = ++started;
    let told = 0;
    const ids = new RequestIds(seededRng(own));
    const files = new DuckDbSegmentFiles(tables.instance, store, scratch, ids, async () => 1e15);
    const guarded = new Proxy(files as SegmentFiles, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function' || !['write', 'merge', 'remove', 'list', 'removePaths'].includes(String(name)))
          return typeof value === 'function' ? value.bind(target) : value;
        return async (...given: unknown[]) => {
          await pass(`before ${String(name)}`);
          const result = await value.apply(target, given);
          await pass(`after ${String(name)}`);
          return result;
        };
      },
    });
    const spans = new OpenSpans();
    const follower = new ProgressFollower(spans);
    const { clock } = world;
    const closer = new VersionCloser(new DuckDbSpanMerger(tables.instance, files, versions, scratch), index, clock);
    const inForce = (project: string) => spans.holdsOf(project).filter((hold) => hold.removedAtMs === 0);
    const used = new UsedDatasets(inForce, clock);
    const collector = new DatasetCollector({
      ...{ index, used, clock },
      upToNow: async () => world.upToNow(used),
      removeFiles: (version) => store.remove(version.parquetPath),
      removeFile: (path) => store.remove(path),
      unnamed: new UnnamedFiles({
        list: async (project) => (await store.list(`datasets/${project}`)).map((name) => `datasets/${project}/${name}`),
        named: (project) => new Set(index.announced(project).map(({ parquetPath }) => parquetPath)),
        told: (project) => index.pathsTold(project),
        clock,
      }),
      reports: { removed: () => undefined, left: () => undefined, swept: () => undefined },
    });
    const live = new LiveStream(
      { bufferBytesMax: 1e9, flushAfterMs: 1e9, diskBytesMax: 1e12, ...bounds },
      { allowanceMs: 0, idleAfterMs: 1e9, retryAfterMs: 1_000, barrierMs: 300 },
      {
        ...{ registry, index, spans, files: guarded, closer, collector, clock, holder: 'test' },
        expired: {
          give: async (_schema, labels) => {
            await pass('before expire');
            world.expired.push(...labels);
            await pass('after expire');
          },
          told: (_schema, labels) => {
            world.expiredTold += labels;
          },
        },
        commandsDone: () => null,
        doubted: () => {
          if (process !== null) process.doubted += 1;
        },
        fitted: () => {
          if (process !== null) process.fitted += 1;
        },
        log: {
          write: async (partition, entries, versions, gone = []) => {
            const paused = pass(versions.length > 0 ? 'before announce' : 'before tell');
            if (paused !== undefined) await paused;
            process?.mayWrite(partition);
            const transaction = `${own}-${++told}`;
            for (const entry of entries) world.progress[partition]?.push({ ...bytesOf(entry), transaction });
            follower.committed(partition, transaction, entries);
            world.announced.push(...versions);
            for (const version of gone) world.deleted.push(version.id);
            for (const other of world.processes) other.follow();
            pass(versions.length > 0 ? 'after announce' : 'after tell');
          },
        },
        ends: async () =>
          new Map(
            world
              .ranges()
              .map(({ partition, records, labels }) => [partition, { records: records.high, labels: labels.high }]),
          ),
        partitionOf: () => OWNED_BY,
        lost: (topic, partition, rows) => process?.lost.push(`${topic}/${partition}: ${rows}`),
        send: async (project, action) => {
          const id = `c${world.commands.length}`;
          world.commands.push({ id, project, action });
          return id;
        },
        reports: {
          closed: () => undefined,
          failed: (_project, error) => {
            process?.failures.push(error);
            if (error.cause instanceof Killed && process !== null) process.dead = true;
          },
          swept: () => undefined,
        },
      },
    );
    process = new Process(world, tables, live, spans, follower, index, registry, closer, used);
    world.processes.add(process);
    return process;
  }

  /** Takes these numbers over, whoever holds them, and lets go of the others. */
  async hold(numbers: readonly number[]): Promise<void> {
    this.live.letGo(numbers.filter((number) => this.mayWriteIt(number)));
    for (const number of numbers) {
      if (this.mayWriteIt(number)) continue;
      const epoch = (this.world.epochs[number] as number) + 1;
      this.world.epochs[number] = epoch;
      this.epochs.set(number, epoch);
    }
    this.follow();
    this.held = numbers;
    await this.live.hold(numbers, this.world.ranges());
    for (const key of this.world.topics.keys()) {
      const [topic, partition] = partsOf(key);
      if (numbers.includes(partition)) this.read.set(key, this.live.position(topic, partition) ?? 0);
      else this.read.delete(key);
    }
  }

  /** What others have written. */
  follow(): void {
    for (const [partition, entries] of this.world.progress.entries()) {
      const from = this.followed.get(partition) ?? 0;
      for (const [index, { key, value, transaction }] of entries.slice(from).entries())
        this.follower.brought(partition, from + index, key, value === null ? null : decodeProgress(value), transaction);
      this.followed.set(partition, entries.length);
    }
    for (const version of this.world.announced.slice(this.versionsSeen)) this.index.add(version);
    this.versionsSeen = this.world.announced.length;
  }

  /** Reads what there is of what it holds, tells of it, and waits for the closes. */
  async catchUp(): Promise<void> {
    this.follow();
    for (const key of this.world.topics.keys()) await this.fetch(key);
    await this.live.flush();
    this.live.closeDue();
    await this.live.settled();
    if (this.dead) throw new Killed('in a close');
  }

  /** Gives what is bad. */
  async fetch(key: string, most = Number.POSITIVE_INFINITY): Promise<BadMessage[]> {
    const from = this.read.get(key);
    if (from === undefined) return [];
    const [topic, partition] = partsOf(key);
    const messages = (this.world.topics.get(key) as Message[]).slice(from, from + most);
    const batch = messages.map(({ message }, index) => ({
      offset: from + index,
      timestampMs: this.world.writtenAtMs,
      message,
    }));
    if (batch.length === 0) return [];
    const take = topic === 'records.v1' ? this.live.records : this.live.labels;
    // biome-ignore lint/suspicious/noExplicitAny: one of the two, by the topic.
    const bad = await take.call(this.live, partition, batch as any);
    if (key.startsWith('records')) this.bad.push(...bad.map(({ offset }) => offset));
    this.read.set(key, from + batch.length);
    return bad;
  }

  /** Loads rows as the file of this name, and has the owner announce them; `before`: when its file is written. */
  async load(source: string, rows: readonly ImportedRow[], before = async (): Promise<void> => undefined) {
    const schema = this.registry.get('p');
    const table = await this.tables.create(schema);
    await table.append({
      recordIds: rows.map(({ id }) => id),
      entities: rows.map(({ id }) => `e${id}`),
      eventTimeMs: rows.map(({ atMs }) => START_MS + atMs),
      labels: rows.map(({ label: given }) => given ?? Number.NaN),
      columns: schema.stored.map(() => rows.map(() => null)),
    });
    const frame = { kind: 'import', source, offsets: [], windowStartMs: 0, windowEndMs: 0 } as const;
    const version = (await this.closer.written(schema, table, frame)) ?? undefined;
    await before();
    const action = { kind: 'endImport', importId: source, version, failure: '' } as const;
    const issuedAtMs = this.world.clock.nowMs();
    await this.live.carryOut({ offset: 0, id: source, project: 'p', issuedAtMs, action });
    return this.spans.importEnd(source);
  }

  /** Asks for a close and carries it out as the owner of the project, which may be another process. */
  closeAll(): Promise<number> {
    return this.asked(() => this.live.closeAll('p'));
  }

  async asked<T>(ask: () => Promise<T>): Promise<T> {
    const answer = ask();
    // Of a process that dies meanwhile nobody waits for it.
    answer.catch(() => undefined);
    // The command is on the log.
    await Promise.resolve();
    const command = this.world.commands.at(-1);
    for (const process of this.world.processes) {
      if (command === undefined || process.dead || !process.held.includes(OWNED_BY)) continue;
      await process.live.carryOut({ ...command, offset: 0, issuedAtMs: this.world.clock.nowMs() });
    }
    this.follow();
    return answer;
  }

  /** The world's project is applied. */
  apply(): void {
    this.registry.put(this.world.entry);
  }

  remove(): void {
    this.registry.remove('p');
  }

  end(): void {
    this.dead = true;
    this.world.processes.delete(this);
    // Not now: of what a dead one has begun, DuckDB may be at work on something still.
    ended.push(this.tables);
  }

  private mayWriteIt(partition: number): boolean {
    return this.world.epochs[partition] === this.epochs.get(partition) && this.held.includes(partition);
  }

  private mayWrite(partition: number): void {
    if (this.mayWriteIt(partition)) return;
    throw new PlatformError('conflict', `partition ${partition} is written by another process`);
  }
}

function partsOf(key: string): [string, number] {
  const [topic, partition] = key.split('/') as [string, string];
  return [topic, Number(partition)];
}

const bytesOf = (entry: ProgressEntry) =>
  entry.kind === 'gone' ? { key: entry.key, value: null } : { key: progressKey(entry), value: encodeProgress(entry) };

const ended: DuckDbVersionTables[] = [];
const homes: string[] = [];
export async function world(partitions = PARTITIONS): Promise<World> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-live-'));
  homes.push(home);
  return new World(home, partitions);
}
afterAll(async () => {
  for (const tables of ended) tables.close();
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
    ingestedAtMs: BEGUN_MS,
  },
});
