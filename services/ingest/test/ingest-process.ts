// Runs the built ingest service as a process of its own, so that tests can kill it.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '@millrace/config';
import { KafkaConnection } from '@millrace/kafka';
import { cloneRoot, eventually, freePort, startKafka, uniquePrefix } from '@millrace/testing';

export const PROJECT = `name: loans
data:
  sources:
    history: { kind: csv, path: history.csv, recordId: id }
    numbered: { kind: csv, path: history.csv }
  entity: customer
  eventTime: at
  versionEvery: 1h
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: hour, type: integer, min: 0, max: 23, derive: { from: at, part: hour } }
    - { name: customer, type: text, required: true, lengthMax: 16 }
    - { name: amount, type: number, required: true, min: 0, max: 1000000 }
    - { name: kind, type: text, domain: [car, house] }
    - { name: paid, type: number, outcome: true }
  label: { name: good, column: paid, operation: ge, value: 1, delay: 10m }
features:
  - { name: amount, kind: numeric }
  - { name: hour, kind: categorical }
monitoring: { allowedLateness: 0s }
`;

/** 1 January 2024, 00:00 UTC. */
export const START_MS = Date.UTC(2024, 0, 1);

/** A connection for each call: one that is kept would be closed while a process stands still, or is replaced. */
const ONE_CALL = { connection: 'close' };

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers by hand.
  body: any;
}

export class IngestProcess {
  private child: ChildProcess | null = null;
  port = 0;
  grpcPort = 0;
  private output = '';

  private constructor(
    readonly home: string,
    readonly brokers: readonly string[],
    readonly prefix: string,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  static async create(settings: Readonly<Record<string, string>> = {}, at?: string): Promise<IngestProcess> {
    const kafka = await startKafka();
    const home = at ?? (await mkdtemp(join(tmpdir(), 'millrace-ingest-')));
    await mkdir(home, { recursive: true });
    const ingest = new IngestProcess(home, kafka.brokers, uniquePrefix(), settings);
    await ingest.start();
    return ingest;
  }

  /** A replica: it shares home, brokers and topics with another one. */
  static async beside(other: IngestProcess, replica: string, settings: Readonly<Record<string, string>> = {}) {
    const own = { ...other.settings, ...settings, MILLRACE_REPLICA: replica };
    const ingest = new IngestProcess(other.home, other.brokers, other.prefix, own);
    await ingest.start();
    return ingest;
  }

  async start(): Promise<void> {
    this.port = await freePort();
    this.grpcPort = await freePort();
    const child = spawn(process.execPath, [join(cloneRoot(), 'dist/services/ingest/src/main.js')], {
      cwd: cloneRoot(),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...environment(),
        NODE_OPTIONS: '',
        MILLRACE_HOME: this.home,
        MILLRACE_KAFKA_BROKERS: this.brokers.join(','),
        MILLRACE_TOPIC_PREFIX: this.prefix,
        MILLRACE_INGEST_HTTP_PORT: String(this.port),
        MILLRACE_INGEST_GRPC_PORT: String(this.grpcPort),
        ...this.settings,
      },
    });
    this.child = child;
    const keep = (piece: Buffer) => {
      this.output = (this.output + piece.toString()).slice(-20_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    try {
      await eventually(
        'ingest is ready',
        async () => {
          if (!this.isAlive) throw new Error('ingest has ended');
          return (await this.get('/health/ready').catch(() => null))?.status === 200;
        },
        60_000,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.output}`);
    }
  }

  /** SIGKILL, as a power cut for the process. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** As a machine that stands still: nothing is closed, nobody is told. */
  stand(): void {
    this.child?.kill('SIGSTOP');
  }

  goOn(): void {
    this.child?.kill('SIGCONT');
  }

  get isAlive(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** SIGTERM; gives the exit code. */
  async stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  async remove(): Promise<void> {
    await this.end('SIGKILL');
    await rm(this.home, { recursive: true, force: true });
  }

  get log(): string {
    return this.output;
  }

  async get(path: string): Promise<Answer> {
    return answer(await fetch(`http://127.0.0.1:${this.port}${path}`, { headers: ONE_CALL }));
  }

  async post(path: string, body: string | object, type = 'application/json'): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return answer(
      await fetch(`http://127.0.0.1:${this.port}${path}`, {
        method: 'POST',
        body: text,
        headers: { 'content-type': type, ...ONE_CALL },
      }),
    );
  }

  /** Messages that were written to a topic since it began, as the broker counts them. */
  async written(topic: string): Promise<number> {
    const marks = await this.withKafka((kafka) => kafka.highWatermarks(topic));
    return [...marks.values()].reduce((sum, { high }) => sum + high, 0);
  }

  async withKafka<T>(work: (connection: KafkaConnection) => Promise<T>): Promise<T> {
    const { brokers, prefix: topicPrefix } = this;
    const connection = new KafkaConnection({ brokers: [...brokers], clientId: 'test', topicPrefix });
    try {
      return await work(connection);
    } finally {
      await connection.close();
    }
  }

  async apply(text: string, folder = '/nowhere'): Promise<Answer> {
    return this.post(`/v1/projects?folder=${encodeURIComponent(folder)}`, text, 'application/yaml');
  }

  private async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.child;
    this.child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill(signal);
    return ended;
  }
}

async function answer(response: Response): Promise<Answer> {
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // Metrics and health may answer as text.
  }
  return { status: response.status, body };
}

/** The service runs from dist/; building what changed takes a second. */
export async function buildServices(): Promise<void> {
  await promisify(execFile)(process.execPath, [join(cloneRoot(), 'tools/setup/build.mjs')], { cwd: cloneRoot() });
}
