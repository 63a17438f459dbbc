// A whole platform for an end-to-end test: the real `millrace` command as a process, on free ports, in a home of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const REPOSITORY = resolve('.');
const CLI = join(REPOSITORY, 'dist/apps/cli/src/main.js');

const PORT_SETTINGS = [
  'MILLRACE_KAFKA_PORT',
  'MILLRACE_REDIS_PORT',
  'MILLRACE_ROUTER_HTTP_PORT',
  'MILLRACE_ROUTER_GRPC_PORT',
  'MILLRACE_ROUTER_METRICS_PORT',
  'MILLRACE_ROUTER_CONTROL_PORT',
  'MILLRACE_ROUTER_CONTROL_GRPC_PORT',
  'MILLRACE_INGEST_HTTP_PORT',
  'MILLRACE_INGEST_GRPC_PORT',
  'MILLRACE_TRAINER_HTTP_PORT',
  'MILLRACE_TRAINER_GRPC_PORT',
  'MILLRACE_SERVING_HTTP_PORT',
  'MILLRACE_SERVING_GRPC_PORT',
  'MILLRACE_MONITOR_HTTP_PORT',
  'MILLRACE_MONITOR_GRPC_PORT',
] as const;

export type PortSetting = (typeof PORT_SETTINGS)[number];

/** Free loopback ports, held together until all are known so that none is given twice. */
async function choosePorts(): Promise<Record<PortSetting, number>> {
  const servers = await Promise.all(
    PORT_SETTINGS.map(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return Object.fromEntries(PORT_SETTINGS.map((name, i) => [name, ports[i]])) as Record<PortSetting, number>;
}

export interface Finished {
  code: number | null;
  output: string;
}

export class Platform {
  private constructor(
    readonly home: string,
    readonly ports: Record<PortSetting, number>,
    private readonly env: Record<string, string>,
  ) {}

  static async create(env: Record<string, string> = {}): Promise<Platform> {
    return new Platform(mkdtempSync(join(tmpdir(), 'millrace-e2e-')), await choosePorts(), env);
  }

  url(setting: PortSetting, path: string): string {
    return `http://127.0.0.1:${this.ports[setting]}${path}`;
  }

  /** Starts a command; `output` grows while it runs. */
  spawn(args: readonly string[]): { child: ChildProcess; output: () => string; finished: Promise<Finished> } {
    const { NODE_OPTIONS: _jestOnly, ...inherited } = process.env as Record<string, string>;
    const ports = Object.fromEntries(Object.entries(this.ports).map(([name, port]) => [name, String(port)]));
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: REPOSITORY,
      env: { ...inherited, ...ports, MILLRACE_HOME: this.home, ...this.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      output += chunk;
    });
    const finished = new Promise<Finished>((done) => child.once('close', (code) => done({ code, output })));
    return { child, output: () => output, finished };
  }

  run(args: readonly string[]): Promise<Finished> {
    return this.spawn(args).finished;
  }

  summary<T>(): T {
    return JSON.parse(readFileSync(join(this.home, 'summary.json'), 'utf8')) as T;
  }

  hasSummary(): boolean {
    return existsSync(join(this.home, 'summary.json'));
  }

  /** The last lines of every log, for a failure's message. */
  logs(lines = 15): string {
    const folder = join(this.home, 'logs');
    if (!existsSync(folder)) return 'no logs';
    return readdirSync(folder)
      .map((name) => `--- ${name}\n${readFileSync(join(folder, name), 'utf8').split('\n').slice(-lines).join('\n')}`)
      .join('\n');
  }

  /** Processes that still carry this platform's home in their environment: orphans, after a stop. */
  processes(): { pid: number; command: string }[] {
    const mark = `MILLRACE_HOME=${this.home}`;
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .flatMap((pid) => {
        try {
          const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
          // Redis overwrites its environment with its title, which names its port.
          const isRedis = command.includes('redis-server') && command.includes(`:${this.ports.MILLRACE_REDIS_PORT}`);
          if (!isRedis && !readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)) return [];
          if (readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ')) return [];
          return [{ pid: Number(pid), command }];
        } catch {
          // It ended while we looked.
          return [];
        }
      });
  }

  /** The process of a service, a worker or a broker, by a part of its command line. */
  pidOf(part: string): number {
    const found = this.processes().find((process) => process.command.includes(part));
    if (found === undefined)
      throw new Error(
        `no process "${part}" among:\n${this.processes()
          .map((p) => p.command)
          .join('\n')}`,
      );
    return found.pid;
  }

  remove(): void {
    for (const { pid } of this.processes()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Polls a condition; there is no event to await across processes. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
  what: () => string,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what()}`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
}
