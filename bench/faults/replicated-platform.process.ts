// The platform that the fault suite disturbs: `millrace up` with two processes of every service, as they would run on
// many machines, at free ports, in a home of its own.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '@millrace/config';
import {
  LOOPBACK,
  PORTS,
  type PortName,
  placeOf,
  portsOfReplica,
  processName,
  type Service,
} from '@millrace/deployment';
import { freeOffset } from '@millrace/testing';

const REPLICAS = 'ingest=2,monitor=2,router=2,serving=2,trainer=2';
export const EACH = [0, 1] as const;
/** Other suites stand below and above. */
const OFFSET_FROM = 2_000;
const OFFSET_TO = 9_000;

/** Where each says whether it is ready. */
const HEALTH: Readonly<Record<Service, PortName>> = {
  ingest: 'ingestHttp',
  trainer: 'trainerHttp',
  serving: 'servingHttp',
  monitor: 'monitorHttp',
  router: 'routerControl',
};

interface HomeWork {
  /** The home stays, to be looked at. */
  keep: boolean;
  before(home: string): void;
  after(home: string): void;
}

export class ReplicatedPlatform {
  private readonly ended: Promise<unknown>;
  private output = '';

  private constructor(
    readonly home: string,
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly root: string,
    private readonly child: ChildProcess,
    private readonly after: (home: string) => void,
    private readonly isKept: boolean,
  ) {
    this.ended = new Promise((done) => child.once('close', done));
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
  }

  /** `before` and `after` are done to its home, before anything runs and when nothing runs any more. */
  static async up(root: string, { keep = false, before, after }: Partial<HomeWork> = {}): Promise<ReplicatedPlatform> {
    const home = mkdtempSync(join(tmpdir(), 'millrace-faults-'));
    before?.(home);
    const { NODE_OPTIONS: _testsOnly, ...inherited } = environment();
    const ports = Object.values(PORTS).map(({ setting }) => [setting, '']);
    const env = {
      ...inherited,
      ...Object.fromEntries(ports),
      MILLRACE_HOME: home,
      MILLRACE_PORT_OFFSET: `${await freeOffset(OFFSET_FROM, OFFSET_TO)}`,
      MILLRACE_MONITOR_LABEL_IDLE: '1s',
    };
    const command = [join(root, 'dist/apps/cli/src/main.js'), 'up', '--workers', '1', '--replicas', REPLICAS];
    const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    // Whoever ends this ends the platform, too.
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        child.once('close', () => process.exit(1));
        child.kill('SIGTERM');
      });
    const platform = new ReplicatedPlatform(home, env, root, child, after ?? (() => undefined), keep);
    try {
      await platform.says('Ctrl-C');
    } catch (error) {
      await platform.stop();
      throw error;
    }
    return platform;
  }

  /** Until its supervisor has said so. @throws where it ends before that */
  async says(text: string): Promise<void> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    while (!this.output.includes(text)) {
      if (over) throw new Error(`the platform has ended:\n${this.output}`);
      await new Promise((wake) => setTimeout(wake, 50));
    }
  }

  address(port: PortName, replica: number): string {
    const { listener } = PORTS[port];
    const ports = portsOfReplica(placeOf(this.env).others, listener as Service, replica);
    return `${LOOPBACK}:${ports[port]}`;
  }

  async millrace(...args: string[]): Promise<string> {
    const command = [join(this.root, 'dist/apps/cli/src/main.js'), ...args];
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: this.home, env: this.env });
    return stdout;
  }

  async get<T>(port: PortName, path: string, replica = 0, init: RequestInit = {}): Promise<T> {
    const url = `http://${this.address(port, replica)}${path}`;
    const response = await fetch(url, init);
    if (!response.ok) throw new Error(`${url} was answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** As `get`, of whichever process answers. */
  async ask<T>(port: PortName, path: string, init: RequestInit = {}): Promise<T> {
    try {
      return await this.get<T>(port, path, 0, init);
    } catch {
      return this.get<T>(port, path, 1, init);
    }
  }

  async isReady(service: Service, replica: number): Promise<boolean> {
    const url = `http://${this.address(HEALTH[service], replica)}/health/ready`;
    return fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  /** Of `ingest-1`, `kafka`; undefined while it does not run. */
  pid(name: string): number | undefined {
    try {
      return (JSON.parse(readFileSync(join(this.home, 'run', `${name}.json`), 'utf8')) as { pid: number }).pid;
    } catch {
      return undefined; // its supervisor has it between two lives
    }
  }

  /** kill -9; false where it does not run. */
  kill(service: Service | 'kafka', replica = 0): boolean {
    const pid = this.pid(service === 'kafka' ? service : processName(service, replica));
    if (pid === undefined) return false;
    process.kill(pid, 'SIGKILL');
    return true;
  }

  /** The last lines of a process' log, for a failure's message. */
  log(name: string, lines = 12): string {
    try {
      const text = readFileSync(join(this.home, 'logs', `${name}.log`), 'utf8');
      return text.trimEnd().split('\n').slice(-lines).join('\n');
    } catch {
      return `no log of ${name}`;
    }
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.ended;
    this.after(this.home);
    if (this.isKept) process.stdout.write(`kept: ${this.home}\n`);
    else rmSync(this.home, { recursive: true, force: true });
  }
}
