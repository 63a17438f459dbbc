// The live stream over real segments and real Parquet files, with a log that is an array: what ends up in which
// version, and that a process that dies at any write, rename, commit, announcement or removal makes the same versions,
// once.

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import type { DatasetVersion, LabelMessage, ProjectEntry, RecordMessage } from '@millrace/contracts';
import { ManualClock } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { ProjectRegistry } from '../projects/project-registry.js';
import { Counters, type CountersDocument } from './counters.js';
import { DatasetIndex } from './dataset-index.js';
import { LiveStream } from './live-stream.js';
import type { SegmentFiles } from './segment.js';
import { DuckDbSegmentFiles } from './segment-files.duckdb.js';
import { Segments } from './segments.js';
import { DuckDbSpanMerger } from './span-merge.duckdb.js';
import { VersionCloser } from './version-closer.js';
import { DuckDbVersionTables } from './version-table.duckdb.js';

const START_MS = Date.UTC(2024, 0, 1);
const SPAN_MS = 60_000;
const DELAY_MS = 30_000;
const STEP_MS = 2_000;
const PARTITIONS = 2;

const TEXT = `name: p
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

function entryOf(text: string, revision = 1): ProjectEntry {
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
class World {
  readonly topics = new Map<string, Message[]>();
  readonly committed = new Map<string, number>();
  /** First offsets that the topics still hold. */
  readonly low = new Map<string, number>();
  document: CountersDocument | null = null;
  readonly announced: DatasetVersion[] = [];
  entry = entryOf(TEXT);
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

class Killed extends Error {}

/** Names each call with an effect outside of memory, before and after it; may die there. */
type Passing = (point: string) => void;

class Process {
  private dead = false;
  readonly read = new Map<string, number>();
  readonly clock = new ManualClock(START_MS + 10 * 86_400_000);

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
    const clock = new ManualClock(START_MS + 10 * 86_400_000);
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
async function world(): Promise<World> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-live-'));
  homes.push(home);
  return new World(home);
}
afterAll(async () => {
  await Promise.all(homes.map((home) => rm(home, { recursive: true, force: true })));
});

const record = (target: World, id: string, atMs: number, values: object = {}): Message => ({
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
const label = (id: string, atMs: number, value: number, knownAtMs = atMs + DELAY_MS): Message => ({
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

const ROWS = 160;
const PER_STEP = 8;

/** What is sent before step `step` of the story; rows and labels in the order of time, with a few that are odd. */
function send(target: World, step: number): void {
  for (let row = step * PER_STEP; row < (step + 1) * PER_STEP; row++) {
    const atMs = row * STEP_MS;
    target.send(record(target, `r${row}`, atMs), row % PARTITIONS);
    // Sent twice by its sender, the second time otherwise.
    if (row === 40) target.send(record(target, 'r40', atMs, { size: -1 }), row % PARTITIONS);
    // Its span has closed; and one that is in that version already.
    if (row === 100) target.send(record(target, 'late', 10_000), row % PARTITIONS);
    if (row === 101) target.send(record(target, 'r4', 8_000), row % PARTITIONS);
    const due = row - DELAY_MS / STEP_MS;
    if (due >= 0 && due % 3 > 0) target.send(label(`r${due}`, due * STEP_MS, due % 3 === 1 ? 1 : 0), due % PARTITIONS);
    if (due >= 0 && due % 10 === 1)
      target.send(label(`r${due}`, due * STEP_MS, 0, row * STEP_MS + 1), (due + 1) % PARTITIONS);
  }
}

const shape = ({
  id,
  rows,
  labelledRows,
  lateRows,
  repeatedRows,
  windowStartMs,
  ordinal,
  parent,
  offsets,
}: DatasetVersion) => ({
  ...{ id, rows, labelledRows, lateRows, repeatedRows, windowStartMs, ordinal, parent, offsets },
});

/** Tells the story to processes of which one dies at the given point; a new one goes on. */
async function story(deathAt: number | null): Promise<{ points: string[]; target: World }> {
  const target = await world();
  const points: string[] = [];
  let step = 0;
  let process = await Process.start(target, pass);
  function pass(point: string): void {
    points.push(point);
    if (points.length - 1 === deathAt) throw new Killed(point);
  }
  const through = async (work: () => Promise<void>) => {
    try {
      await work();
      if (points.length - 1 !== deathAt) return;
    } catch (error) {
      if (!(error instanceof Killed || (error as Error).cause instanceof Killed)) throw error;
    }
    process.end();
    process = await Process.start(target, pass);
    await through(() => process.catchUp());
  };
  for (; step < ROWS / PER_STEP; step++) {
    send(target, step);
    await through(() => process.catchUp());
    if (step % 5 === 4) await through(() => process.segments.flush());
    await through(async () => process.commit());
  }
  // Asked for again where it was not answered.
  for (let asked = 0; asked < 2; asked++)
    await through(async () => {
      await process.live.closeAll('p');
    });
  await through(() => process.catchUp());
  expect(process.live.state('p')).toMatchObject({ openRows: 0 });
  process.end();
  return { points, target };
}

describe('a process that dies', () => {
  let undisturbed: Awaited<ReturnType<typeof story>>;

  beforeAll(async () => {
    undisturbed = await story(null);
  });

  it('is judged by a story with late, repeated and corrected rows', () => {
    const versions = undisturbed.target.announced;
    expect(versions).toHaveLength(6);
    expect(versions.reduce((sum, { rows }) => sum + rows, 0)).toBe(ROWS + 1);
    expect(versions.reduce((sum, { lateRows }) => sum + lateRows, 0)).toBe(1);
    expect(versions.reduce((sum, { repeatedRows }) => sum + repeatedRows, 0)).toBe(2);
    for (const point of ['write', 'begin', 'announce', 'remove', 'end', 'commit'])
      expect(undisturbed.points).toEqual(expect.arrayContaining([`before ${point}`, `after ${point}`]));
  });

  const POINTS = ['write', 'begin', 'announce', 'remove', 'end', 'save', 'commit'].flatMap((call) =>
    (call === 'save' ? ['before'] : ['before', 'after']).map((when) => `${when} ${call}`),
  );
  it.each(POINTS)(
    '%s makes the same versions, each announced once',
    async (point) => {
      const places = undisturbed.points.flatMap((name, index) => (name === point ? [index] : []));
      const chosen = [places[0], places[Math.floor(places.length / 2)], places.at(-1)] as number[];
      for (const place of new Set(chosen)) {
        const { target } = await story(place);
        expect([place, target.announced.map(shape)]).toEqual([place, undisturbed.target.announced.map(shape)]);
      }
    },
    60_000,
  );
});

describe('open spans', () => {
  const started: Process[] = [];
  async function begin(target: World, bounds = {}): Promise<Process> {
    const process = await Process.start(target, () => undefined, bounds);
    started.push(process);
    return process;
  }
  afterEach(() => {
    for (const process of started.splice(0)) process.end();
  });

  const rowsOf = async (target: World, version: DatasetVersion | undefined) => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const file = join(target.home, 'artifacts', version?.parquetPath ?? '');
    const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${file}')`);
    connection.closeSync();
    return reader.getRowObjects();
  };

  it('do not need the topic up to the committed offset: its retention may be shorter than the label delay', async () => {
    const target = await world();
    let process = await begin(target);
    for (let row = 0; row < 30; row++) {
      target.send(record(target, `r${row}`, row * STEP_MS), row % PARTITIONS);
      target.send(label(`r${row}`, row * STEP_MS, 1), row % PARTITIONS);
    }
    await process.catchUp();
    await process.segments.flush();
    process.commit();
    for (const [key, messages] of target.topics) {
      expect(target.committed.get(key)).toBe(messages.length);
      target.low.set(key, messages.length);
    }
    process.end();
    process = await begin(target);
    expect(process.live.state('p')).toMatchObject({ openRows: 30, openLabels: 30 });
    expect(await process.live.closeAll('p')).toBe(1);
    expect(target.announced).toMatchObject([{ rows: 30, labelledRows: 30 }]);
  });

  it('commit nothing that only memory has', async () => {
    const target = await world();
    const process = await begin(target);
    target.send(record(target, 'a', 0), 0);
    target.send(record(target, 'b', 0), 1);
    await process.catchUp();
    expect(target.committed.size).toBe(0);
    await process.segments.flush();
    target.send(record(target, 'c', 0), 1);
    await process.catchUp();
    expect(Object.fromEntries(target.committed)).toEqual({ 'records.v1/0': 1, 'records.v1/1': 1 });
  });

  it('close by the watermark that they had before a restart, and not before all is read again', async () => {
    const target = await world();
    target.send(record(target, 'a', 0), 0);
    target.send(record(target, 'b', 1), 1);
    target.send(record(target, 'later', 3 * SPAN_MS), 0);
    let process = await begin(target);
    await process.catchUp();
    expect(target.announced).toEqual([]);
    await process.segments.flush();
    process.save();
    process.commit();
    process.end();
    // The other partition holds the watermark back, though nothing of it is read again.
    process = await begin(target);
    process.live.closeDue();
    await process.live.settled();
    expect(target.announced).toEqual([]);
    process.end();
    target.send(record(target, 'last', 3 * SPAN_MS), 1);
    target.send(record(target, 'very late', 5), 1);
    process = await begin(target);
    process.live.closeDue();
    await process.live.settled();
    expect(target.announced).toEqual([]);
    await process.catchUp();
    expect(target.announced).toMatchObject([{ rows: 3, lateRows: 0 }]);
  });

  it('are closed by the newest schema where rows have two, and the manifest counts what it lost', async () => {
    const target = await world();
    const process = await begin(target);
    target.send(record(target, 'a', 0, { note: '7', size: 1.5, fine: false }), 0);
    target.send(record(target, 'b', 1, { note: 'none', size: 2, fine: true }), 0);
    await process.catchUp();
    target.entry = entryOf(
      TEXT.replace('{ name: size, type: number }', '{ name: size, type: integer }')
        .replace('{ name: note, type: text }', '{ name: note, type: number }')
        .replace('{ name: fine, type: boolean }', '{ name: fine, type: text }\n    - { name: extra, type: text }'),
      2,
    );
    process.apply();
    target.send(record(target, 'c', 2, { note: 9, size: 3, fine: 'yes', extra: 'x' }), 0);
    await process.catchUp();
    await process.live.closeAll('p');
    const [version] = target.announced;
    expect(version).toMatchObject({
      rows: 3,
      schemaHash: target.schemaHash(),
      nulled: [
        { column: 'size', values: 1 },
        { column: 'note', values: 1 },
      ],
    });
    expect(await rowsOf(target, version)).toMatchObject([
      { '@record_id': 'a', note: 7, size: null, fine: 'false', extra: null },
      { '@record_id': 'b', note: null, size: 2n, fine: 'true', extra: null },
      { '@record_id': 'c', note: 9, size: 3n, fine: 'yes', extra: 'x' },
    ]);
  });

  it('of a project without event time take labels whenever they come, and keep the order of arrival', async () => {
    const target = await world();
    target.entry = entryOf(TEXT.replace('  eventTime: at\n', ''));
    const process = await begin(target);
    target.send(record(target, 'b', 1), 0);
    target.send(record(target, 'a', 1), 1);
    target.send(label('b', 5 * SPAN_MS, 1), 0);
    await process.catchUp();
    await process.live.closeAll('p');
    expect(target.announced).toMatchObject([{ rows: 2, labelledRows: 1 }]);
    expect((await rowsOf(target, target.announced[0])).map((row) => row['@record_id'])).toEqual(['b', 'a']);
  });

  it('stop reading at the quota of their disk, lose nothing, and read on when spans have closed', async () => {
    const target = await world();
    const process = await begin(target, { diskBytesMax: 1 });
    target.send(record(target, 'a', 0), 0);
    await process.catchUp();
    await process.segments.flush();
    expect(process.segments.blocked).toMatchObject({ why: 'quota' });
    target.send(record(target, 'b', 1), 0);
    await expect(process.catchUp()).rejects.toMatchObject({ code: 'overloaded', retry: { afterMs: 1_000 } });
    await process.live.closeAll('p');
    expect(process.segments.blocked).toBeNull();
    await process.catchUp();
    await process.live.closeAll('p');
    expect(target.announced).toMatchObject([{ rows: 1 }, { rows: 1, lateRows: 1 }]);
  });

  it('keep rows in memory while the disk refuses, and stop reading', async () => {
    const target = await world();
    let full = true;
    const process = await Process.start(target, (point) => {
      if (full && point === 'before write') throw new Error('ENOSPC: no space left on device');
    });
    process.survives();
    started.push(process);
    target.send(record(target, 'a', 0), 0);
    await process.catchUp();
    await expect(process.segments.flush()).rejects.toThrow('ENOSPC');
    expect(process.segments.blocked).toMatchObject({ why: 'disk', message: expect.stringContaining('ENOSPC') });
    target.send(record(target, 'b', 1), 0);
    await expect(process.catchUp()).rejects.toMatchObject({ code: 'overloaded' });
    full = false;
    process.survives();
    await process.segments.flushDue(process.clock.nowMs());
    expect(process.segments.blocked).toBeNull();
    await process.catchUp();
    await process.live.closeAll('p');
    expect(target.announced).toMatchObject([{ rows: 2 }]);
  });

  it('are a few files each, however often rows are flushed; what a killed writer left goes', async () => {
    const target = await world();
    let process = await begin(target);
    for (let row = 0; row < 40; row++) {
      target.send(record(target, `r${row}`, row), 0);
      await process.catchUp();
      await process.segments.flush();
    }
    const [folder] = await readdir(join(target.home, 'segments'));
    const files = () => readdir(join(target.home, 'segments', folder as string));
    expect((await files()).length).toBeLessThan(16);
    process.end();
    await writeFile(join(target.home, 'segments', folder as string, '.records_0_0_1_0_99.parquet'), 'half');
    process = await begin(target);
    expect((await files()).filter((name) => name.startsWith('.'))).toEqual([]);
    await process.live.closeAll('p');
    expect(target.announced).toMatchObject([{ rows: 40, repeatedRows: 0 }]);
    expect(await files()).toEqual([]);
  });

  it('take the memory of their buffer, whatever their rows, spans and delays', async () => {
    const target = await world();
    target.entry = entryOf(TEXT.replace('delay: 30s', 'delay: 30d'));
    const process = await begin(target, { bufferBytesMax: 100_000 });
    let most = 0;
    for (let row = 0; row < 5_000; ) {
      for (const until = row + 250; row < until; row++) {
        target.send(record(target, `r${row}`, row * 1_000), row % PARTITIONS);
        target.send(label(`r${row}`, row * 1_000, 1), row % PARTITIONS);
      }
      await process.catchUp();
      most = Math.max(most, process.segments.bytesInMemory);
    }
    expect(process.live.state('p')).toMatchObject({ openRows: 5_000, openLabels: 5_000 });
    // The bound is looked at after each batch: 125 rows of about 500 bytes.
    expect(most).toBeLessThan(100_000 + 125 * 500);
    expect(most).toBeGreaterThan(50_000);
  });

  it('of a deleted project leave', async () => {
    const target = await world();
    const process = await begin(target);
    target.send(record(target, 'a', 0), 0);
    await process.catchUp();
    await process.segments.flush();
    process.remove();
    process.live.closeDue();
    await process.segments.flush();
    expect(await readdir(join(target.home, 'segments'))).toEqual([]);
  });
});
