// The launcher behind `millrace up`: starts the platform's processes in the order of readiness, keeps them alive, stops
// them in reverse order without an orphan. It holds no service's logic; what runs is said by libs/deployment.

import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  controllerPort,
  kafkaJars,
  type PlatformOptions,
  type PlatformPorts,
  type ProcessPlan,
  platformPlan,
  type Replicas,
  type SetupState,
} from '@millrace/deployment';
import { type Clock, PlatformError, type RestartLimits, RestartPolicy, seededRng, systemClock } from '@millrace/domain';
import { toldError } from '../system-error.js';
import { prepareKafka } from './kafka-storage.process.js';
import { LogFile } from './log-file.fs.js';
import { freePortBelow, holderOf, isPortFree } from './ports.tcp.js';
import { hasRoom, noRoomText } from './room.fs.js';
import { RunFolder } from './run-folder.fs.js';
import {
  type ProcessEvents,
  type ProcessExit,
  type ProcessState,
  SupervisedProcess,
} from './supervised-process.process.js';

export interface SupervisorOptions {
  /** Repository root; holds dist/ and node_modules/. */
  root: string;
  /** State of this platform; created when missing. */
  home: string;
  ports: PlatformPorts;
  /** Training workers. */
  workers: number;
  /** Processes of each service; default: one. */
  replicas?: Replicas;
  /**
   * The children's whole environment (PATH, HOME and the user's MILLRACE_* settings); ports, home and brokers are
   * added.
   */
  env: Readonly<Record<string, string>>;
  /** Own brokers: the embedded Kafka or Redis is then not started. */
  kafkaBrokers?: string;
  redisUrl?: string;
  /** Called when the home is this supervisor's alone and nothing runs in it. */
  prepareHome?: () => void;
  /** One line for people, now and then. */
  log?: (line: string) => void;
  clock?: Clock;
  restartLimits?: RestartLimits;
  /** Whether a disk takes what processes write as they start; for tests. */
  hasRoom?: (folder: string) => boolean;
  /** Some of the platform's processes, or with more said to them. */
  choose?: (plans: readonly ProcessPlan[]) => readonly ProcessPlan[];
  /** Instead of the platform's own processes; for tests of the supervisor itself. */
  plans?: readonly ProcessPlan[];
}

export interface ServiceStatus {
  name: string;
  state: ProcessState;
  pid: number | undefined;
  restarts: number;
  lastExit: ProcessExit | undefined;
  logFile: string;
}

interface SupervisorEventMap {
  /** Ready for the first time or again after a restart. */
  ready: [name: string, tookMs: number];
  exit: [name: string, exit: ProcessExit];
  restart: [name: string, attempt: number];
  /** It died too often and stays down: the platform is not whole any more. */
  failed: [name: string, error: PlatformError];
  /** The home was removed or taken over: nothing that is written there is kept any more. */
  homeGone: [error: PlatformError];
}

/**
 * An ordered stop takes a second or two; on a machine that is busy, this is how long a person who pressed Ctrl-C is
 * asked to wait. What is then left is killed, which it must survive anyway (Kafka is the log of record, effects are
 * idempotent).
 */
const STOP_MS_MAX = 8_000;
/** The first restart is quick: a killed service must answer again within seconds. */
export const RESTARTS: RestartLimits = {
  firstDelayMs: 100,
  maxDelayMs: 10_000,
  factor: 2,
  stableAfterMs: 20_000,
  maxDeaths: 8, // at these delays a little over half a minute of trying, plus the time each attempt takes
  maxDeathsUnready: 3,
};
const JITTER_SHARE = 0.2;
const PORT_MAX = 65_535;
/** How often it looks whether its home is still there. */
const HOME_CHECK_MS = 1_000;
/** It only reads one word; on a busy machine it may not even have started. */
const REAPER_STOP_MS_MAX = 500;
/** A killed supervisor's children get this long to stop before they are killed too. */
const SWEEP_GRACE_MS = 10_000;

function readSetup(root: string): SetupState {
  const path = join(root, 'node_modules/.millrace/setup.json');
  if (!existsSync(path)) throw new PlatformError('unavailable', 'Millrace is not set up in this clone; run: npm start');
  return JSON.parse(readFileSync(path, 'utf8')) as SetupState;
}

export class Supervisor extends EventEmitter<SupervisorEventMap> {
  private readonly run: RunFolder;
  private readonly clock: Clock;
  private readonly processes = new Map<string, SupervisedProcess>();
  private readonly logs = new Map<string, LogFile>();
  private readonly preparing = new AbortController();
  private reaper: ChildProcess | undefined;
  private stopping: Promise<void> | undefined;
  private homeCheck: NodeJS.Timeout | undefined;
  private isHomeGone = false;

  constructor(private readonly options: SupervisorOptions) {
    super();
    this.run = new RunFolder(options.home);
    this.clock = options.clock ?? systemClock;
  }

  /** Resolves when every process is ready; when one cannot be, everything is stopped again and the error thrown. */
  async start(): Promise<void> {
    makeHome(this.options.home);
    this.run.lock();
    try {
      const swept = await this.run.sweep(SWEEP_GRACE_MS);
      if (swept.length > 0) this.say(`ended what an earlier run left behind: ${swept.join(', ')}`);
      this.options.prepareHome?.();
      const plans = await this.preparePlans();
      await this.refuseBusyPorts(plans);
      if (this.stopping !== undefined) throw new PlatformError('cancelled', 'stopped while starting');
      this.startReaper();
      this.watchHome();
      for (const plan of plans) this.processes.set(plan.name, this.makeProcess(plan));
      await this.unlessOneFails(Promise.all(plans.map((plan) => this.startInOrder(plan))));
    } catch (thrown) {
      const asked = this.stopping !== undefined;
      await this.stop();
      if (asked) throw new PlatformError('cancelled', 'stopped before everything was ready', { cause: thrown });
      throw PlatformError.from(thrown, 'unavailable');
    }
  }

  /**
   * Stops everything in order (router, services, brokers) within STOP_MS_MAX; safe to call at any time and more than
   * once.
   */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  /** Kills everything without waiting; for a caller that ends right after. */
  endNow(): void {
    for (const process of this.processes.values()) process.endNow();
    this.run.unlock();
  }

  status(): ServiceStatus[] {
    return [...this.processes.values()].map((one) => ({
      name: one.name,
      state: one.state,
      pid: one.pid,
      restarts: one.restarts,
      lastExit: one.lastExit,
      logFile: this.logPath(one.name),
    }));
  }

  pid(name: string): number | undefined {
    return this.find(name).pid;
  }

  waitReady(name: string): Promise<void> {
    return this.find(name).waitReady();
  }

  /** For fault tests: signals one process. With `hold` it is not restarted until `release(name)`. */
  kill(name: string, signal: NodeJS.Signals = 'SIGKILL', { hold = false } = {}): void {
    this.find(name).kill(signal, hold);
  }

  release(name: string): void {
    this.find(name).release();
  }

  private find(name: string): SupervisedProcess {
    const found = this.processes.get(name);
    if (found === undefined)
      throw new PlatformError('not_found', `no process "${name}"; there are ${[...this.processes.keys()].join(', ')}`);
    return found;
  }

  private async preparePlans(): Promise<readonly ProcessPlan[]> {
    if (this.options.plans !== undefined) return this.options.plans;
    const setup = readSetup(this.options.root);
    const platform: PlatformOptions = {
      root: this.options.root,
      home: this.options.home,
      ports: { ...this.options.ports, kafkaController: await this.controllerPort() },
      workers: this.options.workers,
      ...(this.options.replicas ? { replicas: this.options.replicas } : {}),
      setup,
      kafkaJars: kafkaJars(setup.kafka.libFolder, readdirSync(setup.kafka.libFolder)),
      classDataArchiveUsable: existsSync(setup.kafka.classDataArchive),
      kafkaBrokers: this.options.kafkaBrokers,
      redisUrl: this.options.redisUrl,
      settings: this.options.env,
    };
    if (platform.kafkaBrokers === undefined) await prepareKafka(platform, this.options.env, this.preparing.signal);
    const plans = platformPlan(platform);
    return this.options.choose?.(plans) ?? plans;
  }

  /** Kafka's controller talks to nobody but its own broker: beside Kafka's port where that is free, else below it. */
  private async controllerPort(): Promise<number> {
    const { kafkaController, ...ports } = this.options.ports;
    const beside = controllerPort(ports);
    if (kafkaController !== undefined) return kafkaController;
    const others = Object.values(ports);
    return !others.includes(beside) && (await isPortFree(beside)) ? beside : freePortBelow(ports.kafka, others);
  }

  private async refuseBusyPorts(plans: readonly ProcessPlan[]): Promise<void> {
    const wanted = plans.flatMap((plan) => plan.ports);
    const busy: string[] = [];
    const takers = new Map<number, string>();
    for (const { port, what, setting } of wanted) {
      const other = takers.get(port);
      takers.set(port, what);
      if (port > PORT_MAX) busy.push(`${what} would have port ${port}; set ${setting} to a lower one`);
      else if (other !== undefined)
        busy.push(`${what} would have port ${port}, which is ${other}'s; set ${setting} so that no two are the same`);
    }
    if (busy.length === 0) for (const plan of plans) busy.push(...(await takenPorts(plan)));
    if (busy.length > 0) throw new PlatformError('already_exists', busy.join('\n'), { facts: { ports: busy.length } });
  }

  private makeProcess(plan: ProcessPlan): SupervisedProcess {
    const { env, root, home } = this.options;
    const log = new LogFile(this.logPath(plan.name));
    this.logs.set(plan.name, log);
    // Each process its own jitter; the seed need not be secret or reproducible.
    const rng = seededRng(process.pid * 64 + this.processes.size);
    const policy = new RestartPolicy(this.options.restartLimits ?? RESTARTS, { share: JITTER_SHARE, rng });
    const events: ProcessEvents = {
      ready: (name, tookMs) => {
        this.note();
        this.emit('ready', name, tookMs);
      },
      exit: (name, exit) => {
        // What loses its files dies before the next look at the home.
        if (!exit.expected && this.isHomeThere() && exit.code !== 0)
          this.say(`${name} ended unexpectedly (${exit.signal ?? `exit code ${exit.code}`})`);
        this.emit('exit', name, exit);
      },
      endedInOrder: (name) => {
        this.note();
        this.say(`${name} ended in order and is started again`);
      },
      backsOff: (name, attempt, delayMs) => {
        this.note();
        this.say(`${name} restarts in ${delayMs} ms (attempt ${attempt})`);
      },
      restart: (name, attempt) => {
        if (this.isHomeThere()) this.emit('restart', name, attempt);
      },
      noRoom: (name) => {
        this.note();
        this.say(`${name} is started again when there is room: ${noRoomText(home)}`);
      },
      failed: (name, error) => {
        this.note();
        this.say(error.reason);
        this.emit('failed', name, error);
      },
    };
    const parts = { plan, env, cwd: root, log, run: this.run, policy, clock: this.clock, events };
    return new SupervisedProcess({
      ...parts,
      hasRoom: () => (this.options.hasRoom ?? hasRoom)(home),
      takenPorts: () => takenPorts(plan),
    });
  }

  /** Told by the way: a home that cannot be written is found out by `watchHome`. */
  private note(): void {
    if (this.stopping !== undefined || !this.run.isHeld()) return;
    try {
      this.run.note(this.status().map(({ name, state, restarts }) => ({ name, state, restarts })));
    } catch (thrown) {
      this.say(`how the processes are could not be written down: ${PlatformError.from(thrown).reason}`);
    }
  }

  /** One that was ready, and is given up while others start, keeps them all from coming up: they are not waited for. */
  private async unlessOneFails(started: Promise<unknown>): Promise<void> {
    const oneFails = new AbortController();
    const failure = once(this, 'failed', { signal: oneFails.signal }).then(
      ([, error]) => Promise.reject(error as PlatformError),
      () => undefined, // all came up first
    );
    try {
      await Promise.race([started, failure]);
    } finally {
      oneFails.abort();
    }
  }

  private async startInOrder(plan: ProcessPlan): Promise<void> {
    await Promise.all(plan.after.map((name) => this.find(name).waitReady()));
    if (this.stopping !== undefined) throw new PlatformError('cancelled', 'stopped while starting');
    const process = this.find(plan.name);
    process.start();
    await process.waitReady();
  }

  private async stopAll(): Promise<void> {
    clearInterval(this.homeCheck);
    this.preparing.abort();
    for (const process of this.processes.values()) process.restartNoMore();
    const late = setTimeout(() => {
      for (const process of this.processes.values()) process.endNow();
    }, STOP_MS_MAX);
    const byPhase = new Map<number, SupervisedProcess[]>();
    for (const process of this.processes.values()) {
      byPhase.set(process.stopPhase, [...(byPhase.get(process.stopPhase) ?? []), process]);
    }
    for (const phase of [...byPhase.keys()].sort((a, b) => a - b)) {
      await Promise.all((byPhase.get(phase) ?? []).map((process) => process.stop()));
    }
    clearTimeout(late);
    await this.dismissReaper();
    for (const log of this.logs.values()) log.close();
    this.run.unlock();
  }

  private watchHome(): void {
    this.homeCheck = setInterval(() => this.isHomeThere(), HOME_CHECK_MS);
    this.homeCheck.unref();
  }

  /** Where it is not, that is told once, and nothing is started any more. */
  private isHomeThere(): boolean {
    if (this.isHomeGone || this.stopping !== undefined) return !this.isHomeGone;
    if (this.run.isHeld()) return true;
    this.isHomeGone = true;
    clearInterval(this.homeCheck);
    for (const process of this.processes.values()) process.restartNoMore();
    const { home } = this.options;
    this.emit('homeGone', new PlatformError('unavailable', `${home} was removed while Millrace ran in it`));
    return false;
  }

  private startReaper(): void {
    const script = join(this.options.root, 'dist/apps/cli/src/supervisor/reaper.main.js');
    const reaper = spawn(process.execPath, [script, this.options.home], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: this.options.env,
    });
    reaper.on('error', () => this.say('no reaper: a killed launcher would leave processes until the next start'));
    reaper.stdin?.on('error', () => undefined); // it may be gone before us; the sweep at the next start stands in
    reaper.unref();
    this.reaper = reaper;
  }

  /** Nobody is left behind, so the reaper has nothing to do; a stop ends after it, as after all others. */
  private async dismissReaper(): Promise<void> {
    const { reaper } = this;
    if (reaper?.pid === undefined || reaper.exitCode !== null || reaper.signalCode !== null) return;
    const gone = new Promise((resolve) => reaper.once('exit', resolve));
    const late = setTimeout(() => reaper.kill('SIGKILL'), REAPER_STOP_MS_MAX);
    reaper.ref();
    reaper.stdin?.end('done\n');
    await gone;
    clearTimeout(late);
  }

  private logPath(name: string): string {
    return join(this.options.home, 'logs', `${name}.log`);
  }

  private say(line: string): void {
    this.options.log?.(line);
  }
}

/** A line for each port of a process that somebody else has: who, and what to do. */
async function takenPorts({ ports }: ProcessPlan): Promise<string[]> {
  const taken: string[] = [];
  for (const { port, what, setting } of ports) {
    if (await isPortFree(port)) continue;
    taken.push(`port ${port} (${what}) is used by ${holderOf(port)}; stop it, or set ${setting} to a free port`);
  }
  return taken;
}

function makeHome(home: string): void {
  try {
    mkdirSync(join(home, 'logs'), { recursive: true });
  } catch (thrown) {
    const { code, reason } = toldError(thrown);
    throw new PlatformError(code, `${reason}; MILLRACE_HOME names a folder that this user may write to`, {
      cause: thrown,
    });
  }
}
