// A serving process of the built code on free ports, and small clients for it.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { environment } from '@millrace/config';
import { encodeProject, encodeRoute } from '@millrace/contracts';
import {
  decodeInferResponse,
  encodeInferRequest,
  type InferRequest,
  type InferResponse,
  Tensor,
} from '@millrace/inference';
import { ensureTopics, KafkaConnection, MessageProducer } from '@millrace/kafka';
import { emptyRoute, type Route } from '@millrace/routing';
import { cloneRoot, eventually, freePort } from '@millrace/testing';

/** Seconds alone; a machine that does other things is slow, not broken. */
const READY_WITHIN_MS = 60_000;
/** It must not be the busy machine of the test that fails a request. */
const DEADLINE_MS = 20_000;

let built = false;

export function buildOnce(): void {
  if (built) return;
  execFileSync(process.execPath, [join(cloneRoot(), 'tools/setup/build.mjs')]);
  built = true;
}

export interface ServingProcess {
  readonly process: ChildProcess;
  readonly http: string;
  readonly grpc: string;
  log(): string;
  ready(): Promise<boolean>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many shapes
  json(path: string, init?: RequestInit): Promise<{ status: number; body: any }>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function startServing(settings: {
  home: string;
  brokers: readonly string[];
  topicPrefix: string;
  env?: Record<string, string>;
  /** HTTP and gRPC; default free ones. */
  ports?: readonly [number, number];
}): Promise<ServingProcess> {
  buildOnce();
  const [httpPort, grpcPort] = settings.ports ?? [await freePort(), await freePort()];
  const logFile = join(settings.home, `serving-${httpPort}.log`);
  const out = openSync(logFile, 'a');
  const child = spawn(process.execPath, [join(cloneRoot(), 'dist/services/serving/src/main.js')], {
    stdio: ['ignore', out, out],
    env: {
      ...environment(),
      NODE_OPTIONS: '',
      MILLRACE_HOME: settings.home,
      MILLRACE_KAFKA_BROKERS: settings.brokers.join(','),
      MILLRACE_TOPIC_PREFIX: settings.topicPrefix,
      MILLRACE_SERVING_HTTP_PORT: String(httpPort),
      MILLRACE_SERVING_GRPC_PORT: String(grpcPort),
      ...settings.env,
    },
  });
  running.add(child);
  const ended = new Promise<number | null>((resolve) =>
    child.once('exit', (code) => {
      running.delete(child);
      resolve(code);
    }),
  );
  const http = `http://127.0.0.1:${httpPort}`;
  const ready = () =>
    fetch(`${http}/health/ready`).then(
      (response) => response.ok,
      () => false,
    );
  return {
    process: child,
    http,
    grpc: `127.0.0.1:${grpcPort}`,
    log: () => readFileSync(logFile, 'utf8'),
    ready,
    async json(path, init) {
      const response = await fetch(`${http}${path}`, init);
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
    },
    async stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** Publishes control state as ingest and router would. */
export class ControlWriter {
  private readonly connection: KafkaConnection;
  private readonly producer: MessageProducer;
  private revision = 0;

  constructor(brokers: readonly string[], topicPrefix: string) {
    this.connection = new KafkaConnection({ brokers, clientId: 'serving-test', topicPrefix });
    this.producer = new MessageProducer(this.connection);
  }

  ensureTopics(): Promise<void> {
    return ensureTopics(this.connection);
  }

  async project(name: string, document: object): Promise<void> {
    const value = encodeProject({
      name,
      revision: 1,
      document: JSON.stringify(document),
      documentSha256: 'x',
      appliedAtMs: 1,
      labelRuleSinceMs: 0,
      earlierSchemas: [],
      createdAtMs: 0,
    });
    await this.producer.send('projects.v1', [{ key: name, value }]);
  }

  async route(project: string, loadedVersions: number[], live = loadedVersions[0] as number): Promise<void> {
    const route: Route = {
      ...emptyRoute(project),
      revision: ++this.revision,
      targets: [{ version: live, weight: 100, name: 'blue' }],
      loadedVersions,
    };
    await this.producer.send('routes.v1', [{ key: project, value: encodeRoute(route) }]);
  }

  get kafka(): KafkaConnection {
    return this.connection;
  }

  async close(): Promise<void> {
    await this.producer.close(1000);
    await this.connection.close();
  }
}

const bytes = (value: Buffer): Buffer => value;

const ROUND_ROBIN = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

/** A unary ModelInfer client on one connection to each address; calls go round. */
export class InferClient {
  private readonly client: Client;

  constructor(...addresses: string[]) {
    this.client = new Client(`ipv4:${addresses.join(',')}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.service_config': ROUND_ROBIN,
    });
  }

  infer(request: InferRequest, deadlineMs = DEADLINE_MS): Promise<InferResponse> {
    return this.inferBytes(Buffer.from(encodeInferRequest(request)), deadlineMs);
  }

  inferBytes(request: Buffer, deadlineMs = DEADLINE_MS): Promise<InferResponse> {
    const deadline = new Date(Date.now() + deadlineMs);
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest<Buffer, Buffer>(
        '/inference.GRPCInferenceService/ModelInfer',
        bytes,
        bytes,
        request,
        { deadline } as never,
        (error: ServiceError | null, response?: Buffer) =>
          error ? reject(error) : resolve(decodeInferResponse(response as Buffer)),
      );
    });
  }

  close(): void {
    this.client.close();
  }
}

export interface Row {
  distance: number;
  hour?: number;
  origin: string;
  flag: boolean;
}

/** A request for the fixture's signature; `hour` is left out where no row has one. */
export function requestOf(model: string, rows: Row[], part: Partial<InferRequest> = {}): InferRequest {
  const shape = [rows.length];
  const hours = rows.map((row) => row.hour);
  return {
    modelName: model,
    modelVersion: '',
    id: '',
    parameters: {},
    outputs: [],
    inputs: [
      Tensor.of(
        'distance',
        'FP64',
        shape,
        rows.map((row) => row.distance),
      ),
      ...(hours.some((hour) => hour === undefined) ? [] : [Tensor.of('hour', 'INT64', shape, hours as number[])]),
      Tensor.of(
        'origin',
        'BYTES',
        shape,
        rows.map((row) => row.origin),
      ),
      Tensor.of(
        'flag',
        'BOOL',
        shape,
        rows.map((row) => row.flag),
      ),
    ],
    ...part,
  };
}

export async function untilReady(serving: ServingProcess): Promise<void> {
  await eventually('serving is ready', () => serving.ready(), READY_WITHIN_MS).catch((error) => {
    throw new Error(`${error.message}\n${serving.log()}`);
  });
}

export async function untilLoaded(
  serving: ServingProcess,
  model: string,
  version: number,
  withinMs?: number,
): Promise<void> {
  const isReady = async () => {
    const answer = await fetch(`${serving.http}/v2/models/${model}/versions/${version}/ready`);
    return answer.ok;
  };
  await eventually(`${model}/${version} is ready`, isReady, withinMs).catch((error) => {
    throw new Error(`${error.message}\n${serving.log()}`);
  });
}
