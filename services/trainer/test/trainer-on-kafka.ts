// The trainer and its workers as processes of their own on a real Kafka, beside what ingest would have left there: a
// project, and dataset versions in the artifact store.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { sha256 } from '@millrace/artifacts';
import { environment } from '@millrace/config';
import {
  type Command,
  type DatasetVersion,
  decodeCommand,
  decodeModelVersion,
  decodeTrainerEntry,
  decodeTrainingEvent,
  encodeDatasetVersion,
  encodeProject,
  type ModelVersion,
  type TrainingEvent,
} from '@millrace/contracts';
import { CompactedReader, ensureTopics, KafkaConnection, MessageProducer } from '@millrace/kafka';
import { parseProject } from '@millrace/project';
import { eventually, freePort, startKafka, uniquePrefix } from '@millrace/testing';
import { built } from './worker-group.js';

const READY_WITHIN_MS = 60_000;

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

export class TrainerOnKafka {
  readonly home = mkdtempSync(join(tmpdir(), 'millrace-trainer-'));
  /** By project/version, as they were announced. */
  readonly models = new Map<string, ModelVersion>();
  readonly events: TrainingEvent[] = [];
  /** How often each version was announced. */
  readonly announced: string[] = [];
  /** Requests that have not ended and states of loops, by key. */
  readonly kept = new Map<string, Buffer>();
  /** Of the loops, as they are written. */
  readonly commands: Command[] = [];
  /** Called with each entry that is kept, as soon as it is read. */
  onKept: (key: string, document: string) => void = () => undefined;
  private readonly processes: ChildProcess[] = [];

  private constructor(
    readonly producer: MessageProducer,
    readonly base: string,
    private readonly connection: KafkaConnection,
    private readonly root: string,
    private readonly env: Readonly<Record<string, string | undefined>>,
    private reader: CompactedReader | undefined = undefined,
  ) {
    mkdirSync(join(this.home, 'artifacts/datasets'), { recursive: true });
  }

  /** No process runs yet. @param settings of every process */
  static async create(settings: Readonly<Record<string, string>> = {}): Promise<TrainerOnKafka> {
    const root = built();
    const kafka = await startKafka();
    const topicPrefix = uniquePrefix();
    const connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'trainer-test', topicPrefix });
    await ensureTopics(connection);
    const http = Number(settings.MILLRACE_TRAINER_HTTP_PORT ?? (await freePort()));
    const env = {
      ...environment(),
      MILLRACE_KAFKA_BROKERS: kafka.brokers.join(','),
      MILLRACE_TOPIC_PREFIX: topicPrefix,
      MILLRACE_TRAINER_HTTP_PORT: String(http),
      MILLRACE_TRAINER_GRPC_PORT: String(await freePort()),
      ...settings,
    };
    return new TrainerOnKafka(new MessageProducer(connection), `http://127.0.0.1:${http}`, connection, root, env);
  }

  /** @param more settings of this process */
  start(
    file: 'main.js' | 'worker.main.js',
    replica: string,
    more: Readonly<Record<string, string>> = {},
  ): ChildProcess {
    const script = join(this.root, 'dist/services/trainer/src', file);
    const env = { ...this.env, MILLRACE_HOME: this.home, MILLRACE_REPLICA: replica, ...more };
    const child = spawn(process.execPath, [script], { env, stdio: 'ignore' });
    this.processes.push(child);
    return child;
  }

  /** The trainer answers, and what it announces is heard. */
  async ready(): Promise<void> {
    this.reader ??= new CompactedReader(this.connection, {
      name: 'test',
      topics: {
        'models.v1': (key, bytes) => {
          if (bytes === null) return;
          this.models.set(key, decodeModelVersion(bytes));
          this.announced.push(key);
        },
        'trainer.v1': (key, bytes) => {
          if (bytes === null) this.kept.delete(key);
          else {
            this.kept.set(key, bytes);
            this.onKept(key, decodeTrainerEntry(bytes).document);
          }
        },
        'commands.v1': (_key, bytes) => {
          if (bytes !== null) this.commands.push(decodeCommand(bytes));
        },
        'trainings.v1': (_key, bytes) => {
          if (bytes !== null) this.events.push(decodeTrainingEvent(bytes));
        },
      },
    });
    await this.reader.caughtUp();
    const answers = async () => (await fetch(`${this.base}/health/ready`).catch(() => null))?.status === 200;
    await eventually('the trainer to be ready', answers, READY_WITHIN_MS);
  }

  async applyProject(text: string, revision = 1): Promise<void> {
    const parsed = parseProject(text, 'project.yaml');
    if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
    const { document, project } = parsed;
    const entry = {
      name: project.name,
      revision,
      document,
      documentSha256: 'x',
      appliedAtMs: 1,
      labelRuleSinceMs: 0,
      earlierSchemas: [],
      createdAtMs: 0,
    };
    await this.producer.send('projects.v1', [{ key: project.name, value: encodeProject(entry) }]);
  }

  /** @param select SQL that gives the rows of a dataset file */
  async writeDataset(
    {
      project,
      id,
      ...facts
    }: Pick<DatasetVersion, 'project' | 'id' | 'rows' | 'eventTimeFromMs' | 'eventTimeToMs'> &
      Partial<Pick<DatasetVersion, 'labelRule' | 'source'>>,
    select: string,
  ): Promise<void> {
    const file = join(this.home, 'artifacts/datasets', `${id}.parquet`);
    const db = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    await db.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
    db.closeSync();
    const value = encodeDatasetVersion({
      project,
      id,
      kind: 'import',
      ordinal: 1,
      parent: '',
      schemaHash: 'x',
      labelledRows: facts.rows,
      offsets: [],
      parquetPath: `datasets/${id}.parquet`,
      parquetSha256: sha256(readFileSync(file)),
      closedAtMs: 1,
      source: 'test',
      windowStartMs: 0,
      windowEndMs: 0,
      lateRows: 0,
      repeatedRows: 0,
      rowsOf: 0,
      nulled: [],
      labelRule: '',
      ...facts,
    });
    await this.producer.send('datasets.v1', [{ key: `${project}/${id}`, value }]);
  }

  async call(
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    type = 'application/json',
    base = this.base,
  ): Promise<Answer> {
    const headers = { 'content-type': type };
    const response = await fetch(`${base}${path}`, body === undefined ? { method } : { method, headers, body });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async close(): Promise<void> {
    for (const child of this.processes) child.kill('SIGKILL');
    await this.reader?.close();
    await this.producer.close(500);
    await this.connection.close();
    rmSync(this.home, { recursive: true, force: true });
  }
}
