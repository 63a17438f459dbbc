// A whole platform for an end-to-end test: the real `millrace` command as a process, on free ports, in a home of its
// own.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PORT_NAMES, PORTS, type PortName, placeOf } from '@millrace/deployment';
import { freeOffset, freePorts } from '@millrace/testing';

export const REPOSITORY = resolve('.');
export const CLI = join(REPOSITORY, 'dist/apps/cli/src/main.js');
const TERMINAL = join(REPOSITORY, 'test/e2e/support/terminal.py');

/** Longer than processes that lose their home go on writing there; each round takes a moment. */
const HOME_GONE_WITHIN_MS = 30_000;

const PORT_SETTINGS = PORT_NAMES.map((name) => PORTS[name].setting);

export type PortSetting = (typeof PORTS)[PortName]['setting'];

async function choosePorts(): Promise<Record<PortSetting, number>> {
  const ports = await freePorts(PORT_SETTINGS.length);
  return Object.fromEntries(PORT_SETTINGS.map((name, i) => [name, ports[i]])) as Record<PortSetting, number>;
}

export interface Finished {
  code: number | null;
  output: string;
}

/** A command that runs; `output` grows meanwhile. */
export interface Running {
  child: ChildProcess;
  output: () => string;
  finished: Promise<Finished>;
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

  /** At the first free offset of these, as a user moves a whole platform: no port is set itself. */
  static async atOffset([from, to]: readonly [number, number], env: Record<string, string> = {}): Promise<Platform> {
    const offset = `${await freeOffset(from, to)}`;
    const { others } = placeOf({ MILLRACE_PORT_OFFSET: offset });
    const ports = Object.fromEntries(PORT_NAMES.map((name) => [PORTS[name].setting, others[name]]));
    const home = mkdtempSync(join(tmpdir(), 'millrace-e2e-'));
    return new Platform(home, ports as Record<PortSetting, number>, {
      ...env,
      ...Object.fromEntries(PORT_SETTINGS.map((setting) => [setting, ''])),
      MILLRACE_PORT_OFFSET: offset,
    });
  }

  url(setting: PortSetting, path: string, host = '127.0.0.1'): string {
    return `http://${host}:${this.ports[setting]}${path}`;
  }

  /** The command line itself, without set-up before it. */
  spawn(args: readonly string[]): Running {
    return this.begin(process.execPath, [CLI, ...args], {});
  }

  /** Any command on a pseudo-terminal, where `type` is the keyboard; without `columns` as wide as it likes. */
  onTerminal(
    command: readonly string[],
    { columns, cwd = REPOSITORY }: { columns?: number; cwd?: string } = {},
  ): Running & { type(keys: string): void } {
    const width = columns === undefined ? [] : ['--columns', `${columns}`];
    const running = this.begin('python3', [TERMINAL, ...width, ...command], { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    return { ...running, type: (keys) => running.child.stdin?.write(keys) };
  }

  /** Any command as a job of its own, as a shell with job control starts it. */
  inGroupOfItsOwn([command, ...args]: readonly [string, ...string[]]): Running {
    return this.begin(command, args, { detached: true });
  }

  /** As `rm -rf` under processes that go on writing: what comes meanwhile is removed in the next round. */
  async removeHome(): Promise<void> {
    let fault = '';
    const isGone = () => {
      try {
        rmSync(this.home, { recursive: true, force: true });
      } catch (error) {
        fault = String(error);
      }
      return !existsSync(this.home);
    };
    await until(isGone, HOME_GONE_WITHIN_MS, () => `${this.home} stands; ${fault}`);
  }

  /** A process of the platform by hand, with settings of its own. */
  program(script: string, env: Record<string, string>): Running {
    return this.begin(process.execPath, [join(REPOSITORY, script)], {}, env);
  }

  /** What a command needs to find this platform. */
  environment(): Record<string, string> {
    const { NODE_OPTIONS: _jestOnly, ...inherited } = process.env as Record<string, string>;
    const ports = Object.fromEntries(Object.entries(this.ports).map(([name, port]) => [name, String(port)]));
    return { ...inherited, ...ports, MILLRACE_HOME: this.home, ...this.env };
  }

  private begin(
    command: string,
    args: readonly string[],
    options: SpawnOptions,
    extra: Record<string, string> = {},
  ): Running {
    const child = spawn(command, args, {
      cwd: REPOSITORY,
      env: { ...this.environment(), ...extra },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
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

  /** Why the main job ended as it did: its own reason, what it showed, and the last lines of every process. */
  report(run: Running): string {
    const reason = existsSync(join(this.home, 'summary.json'))
      ? (this.summary<{ error?: string }>().error ?? 'see the checks below')
      : 'no summary was written';
    return `${reason}\n${run.output()}\n${this.logs()}`;
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

/**
 * Polls a condition; there is no event to await across processes. With `run`, the time counts from the last thing that
 * it showed: a busy machine is slow, not silent. And its end, before the condition holds, fails at once.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
  what: () => string,
  run?: Running,
): Promise<void> {
  let deadline = performance.now() + withinMs;
  let shown = run?.output().length;
  let over = false;
  void run?.finished.then(() => {
    over = true;
  });
  while (!(await condition())) {
    const length = run?.output().length;
    if (length !== shown) {
      shown = length;
      deadline = performance.now() + withinMs;
    }
    if (over) throw new Error(`the command has ended: ${what()}`);
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what()}`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
}
