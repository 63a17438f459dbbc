// Runs a stranger's model in a process of its own: serving alone over a folder that holds this one model, spoken to by
// V2. So what is judged is what will answer, whatever engine it needs, and a file that takes its process down takes
// nothing else. Bounded: the file's bytes by the upload, loading and each request in time, its data by the bound that
// it will have in serving; the process ends with the trainer, and its folder goes with it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, link, mkdir, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment } from '@millrace/config';
import { boundedCommand, LOOPBACK, ownModelDataBytesMax } from '@millrace/deployment';
import { PlatformError } from '@millrace/domain';
import { InferClient } from '@millrace/grpc';
import { NO_PARAMETERS } from '@millrace/inference';
import type { LocalModelFile, ModelOpener, OpenModel } from './open-model.js';
import { ONNX_FILE } from './registration-request.js';

const SERVING = fileURLToPath(new URL('../../../serving/src/main.js', import.meta.url));
const MODEL = 'model';
/** A SavedModel takes 10 s on two busy cores, TensorFlow's library included; what takes longer serves nobody. */
const LOAD_MS_MAX = 120_000;
const LOOK_EVERY_MS = 100;
const END_MS_MAX = 5_000;
/** Between the end of a process's connections and the word of its own. */
const GONE_MS_MAX = 1_000;
/** A connection within a data centre takes milliseconds. */
const UPSTREAM_MS_MAX = 10_000;
/** Of one request to an upstream: its own bounds are not known here. */
const CALL_MS_MAX = 30_000;
/** The end of what the process says, for the error of one that died. */
const SAID_CHARACTERS = 2_000;

export class ModelServers implements ModelOpener {
  private readonly running = new Set<ChildProcess>();

  /** `folder` is this object's own. */
  constructor(
    private readonly folder: string,
    private readonly bounds: { ownModelMemoryBytes: number; ownModelCallMaxMs: number },
  ) {}

  async files(id: string, files: readonly LocalModelFile[]): Promise<OpenModel> {
    const home = join(this.folder, id);
    await rm(home, { recursive: true, force: true });
    let bytes = 0;
    for (const { path, file } of files) {
      bytes += (await stat(file)).size;
      const place = join(home, 'repository', MODEL, '1', path === ONNX_FILE ? path : join('model.savedmodel', path));
      await mkdir(dirname(place), { recursive: true });
      // The same file system as a rule; another one has no links to it.
      await link(file, place).catch(() => copyFile(file, place));
    }
    const end = async () => rm(home, { recursive: true, force: true });
    try {
      return await this.started(home, bytes, end);
    } catch (thrown) {
      await end();
      throw thrown;
    }
  }

  async upstream({ address, model, version }: Parameters<ModelOpener['upstream']>[0]): Promise<OpenModel> {
    const client = new InferClient(address);
    try {
      await client.waitForReady(UPSTREAM_MS_MAX);
      return await opened(client, { name: model, version }, CALL_MS_MAX, async () => undefined);
    } catch (thrown) {
      client.close();
      const { code, reason } = PlatformError.from(thrown);
      if (code === 'unavailable')
        throw new PlatformError('invalid_argument', `no V2 server answers gRPC at ${address}: ${reason}`, {
          cause: thrown,
        });
      throw new PlatformError(code, `${address}, model '${model}': ${reason}`, { cause: thrown });
    }
  }

  /** Ends every process at once. */
  close(): void {
    for (const child of this.running) child.kill('SIGKILL');
  }

  private async started(home: string, filesBytes: number, removed: () => Promise<void>): Promise<OpenModel> {
    const [httpPort, grpcPort] = await freePorts();
    const dataBytesMax = ownModelDataBytesMax(this.bounds, filesBytes);
    const { command, args } = boundedCommand(dataBytesMax, process.execPath, ['--enable-source-maps', SERVING]);
    const child = spawn(command, args, {
      env: { ...foreignVariables(), ...settingsOf(home, httpPort, grpcPort) },
      // It ends when its stdin does (MILLRACE_PARENT_WATCH), so also where this process is killed.
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.running.add(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes: Buffer) => {
        said = (said + bytes.toString()).slice(-SAID_CHARACTERS);
      });
    }
    child.stdin.on('error', () => undefined);
    const gone = once(child, 'exit').then(([code, signal]) => {
      this.running.delete(child);
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      // No fault of the request's size: asked for fewer rows it would not answer either.
      throw new PlatformError(
        'internal',
        `the process that runs the model died (${[how, ...lastWords(said)].join(': ')}); nothing is registered, and nothing else ran in it`,
      );
    });
    gone.catch(() => undefined);
    // The connection may be gone before its process's end is told, which says why.
    const ofDeath = async (thrown: unknown): Promise<never> => {
      const isGone = PlatformError.from(thrown).code === 'unavailable';
      if (isGone) await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, GONE_MS_MAX))]);
      throw thrown;
    };
    const client = new InferClient(`${LOOPBACK}:${grpcPort}`);
    const close = async () => {
      client.close();
      await ended(child);
      await removed();
    };
    try {
      await Promise.race([loaded(client), gone]);
      const callMs = this.bounds.ownModelCallMaxMs;
      const model = await opened(client, { name: MODEL, version: '' }, callMs, close);
      return { ...model, infer: (inputs) => Promise.race([model.infer(inputs).catch(ofDeath), gone]) };
    } catch (thrown) {
      await close();
      throw thrown;
    }
  }
}

/** What the process said at last that is no line of its log. */
function lastWords(said: string): string[] {
  return said
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('{'))
    .slice(-1);
}

async function opened(
  client: InferClient,
  { name, version }: { name: string; version: string },
  callMs: number,
  end: () => Promise<void>,
): Promise<OpenModel> {
  const { inputs, outputs } = await client.metadata(name, version);
  let sequence = 0;
  return {
    inputs,
    outputs,
    infer: async (tensors) => {
      const id = `registration-${(sequence++).toString(36)}`;
      const request = {
        modelName: name,
        modelVersion: version,
        id,
        parameters: NO_PARAMETERS,
        inputs: tensors,
        outputs: [],
      };
      try {
        return (await client.infer(request, callMs)).outputs;
      } catch (thrown) {
        const { code } = PlatformError.from(thrown);
        if (code !== 'deadline_exceeded') throw thrown;
        throw new PlatformError(code, `the model gave no answer within ${callMs / 1_000} s`, { cause: thrown });
      }
    },
    close: async () => {
      client.close();
      await end();
    },
  };
}

async function loaded(client: InferClient): Promise<void> {
  await client.waitForReady(LOAD_MS_MAX);
  for (let waitedMs = 0; waitedMs < LOAD_MS_MAX; waitedMs += LOOK_EVERY_MS) {
    const entry = (await client.repositoryIndex().catch(() => [])).find(({ name }) => name === MODEL);
    if (entry?.state === 'READY') return;
    if (entry?.state === 'UNAVAILABLE')
      throw new PlatformError('invalid_argument', `the model does not load: ${entry.reason}`);
    await new Promise((wake) => setTimeout(wake, LOOK_EVERY_MS));
  }
  throw new PlatformError('invalid_argument', `the model is not loaded after ${LOAD_MS_MAX / 1_000} s`);
}

function settingsOf(home: string, httpPort: number, grpcPort: number): Record<string, string> {
  return {
    MILLRACE_HOME: join(home, 'serving'),
    MILLRACE_PARENT_WATCH: '1',
    MILLRACE_SERVING_STANDALONE: '1',
    MILLRACE_SERVING_REPOSITORY: join(home, 'repository'),
    MILLRACE_SERVING_HTTP_PORT: String(httpPort),
    MILLRACE_SERVING_GRPC_PORT: String(grpcPort),
  };
}

/** The trainer's own settings are not that process's, and nobody follows its traces. */
function foreignVariables(): Record<string, string> {
  const variables = Object.entries(environment()).filter(([name]) => !/^(?:MILLRACE|OTEL)_/.test(name));
  return Object.fromEntries(variables.map(([name, value]) => [name, value ?? '']));
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, LOOPBACK);
      await once(server, 'listening');
      return (server.address() as { port: number }).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports as [number, number];
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
  await gone;
  clearTimeout(kill);
}
