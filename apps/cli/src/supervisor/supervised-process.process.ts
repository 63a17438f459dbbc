// One process and its life: started in its own process group, its output in a bounded log, seen ready, restarted with
// back-off when it dies, at once when it ends in order (`millrace restart`), not at all when it refuses its settings
// before it was ever ready; stopped by SIGTERM and after the grace by SIGKILL. Decides nothing about the others.

import { type ChildProcess, spawn } from 'node:child_process';
import { EXIT_CONFIGURATION, type ProcessPlan, type Readiness } from '@millrace/deployment';
import { type Clock, PlatformError, type RestartPolicy } from '@millrace/domain';
import type { LogFile } from './log-file.fs.js';
import { summarise } from './log-summary.js';
import { signalGroup } from './process-identity.process.js';
import { accepts, answersOk } from './readiness.http.js';
import type { RunFolder } from './run-folder.fs.js';
import { lowerGroup, prioritised } from './scheduling.process.js';

export type ProcessState =
  | 'waiting'
  | 'starting'
  | 'ready'
  | 'backing-off'
  | 'waiting-for-room'
  | 'held'
  | 'stopping'
  | 'stopped'
  | 'failed';

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The supervisor asked for it. */
  expected: boolean;
}

export interface ProcessEvents {
  ready(name: string, tookMs: number): void;
  exit(name: string, exit: ProcessExit): void;
  /** Somebody told it to end, and it did; it is started again at once. */
  endedInOrder(name: string): void;
  backsOff(name: string, attempt: number, delayMs: number): void;
  /** Right before it is started again. */
  restart(name: string, attempt: number): void;
  /** It died on a full disk, and is started when there is room; that is no death of its own. */
  noRoom(name: string): void;
  failed(name: string, error: PlatformError): void;
}

export interface SupervisedProcessParts {
  plan: ProcessPlan;
  env: Readonly<Record<string, string>>;
  cwd: string;
  log: LogFile;
  run: RunFolder;
  policy: RestartPolicy;
  clock: Clock;
  events: ProcessEvents;
  /** On the disk of the home. */
  hasRoom(): boolean;
  /** A line for each of its ports that another process has. */
  takenPorts(): Promise<readonly string[]>;
}

/** Between two looks at readiness; short, because the whole start waits for the slowest. */
const PROBE_EVERY_MS = 50;
const ROOM_CHECK_MS = 1_000;

const sleep = (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms));

export class SupervisedProcess {
  state: ProcessState = 'waiting';
  restarts = 0;
  lastExit: ProcessExit | undefined;
  private child: ChildProcess | undefined;
  private startedAtMs = 0;
  private restartTimer: NodeJS.Timeout | undefined;
  private heldUntilReleased = false;
  private leaving = false;
  /** In any of its lives: its settings are not what is wrong. */
  private wasReady = false;
  /** In this one. */
  private isReadyNow = false;
  private readonly waiters = new Set<{ resolve(): void; reject(error: PlatformError): void }>();
  private exited: Promise<void> = Promise.resolve();

  constructor(private readonly parts: SupervisedProcessParts) {}

  get name(): string {
    return this.parts.plan.name;
  }

  get stopPhase(): number {
    return this.parts.plan.stopPhase;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts it; what follows is told by the events. */
  start(): void {
    const { plan, env, cwd, log, run, clock } = this.parts;
    this.state = 'starting';
    this.isReadyNow = false;
    this.startedAtMs = clock.monotonicMs();
    const [command, ...args] = prioritised(plan) as [string, ...string[]];
    const child = spawn(command, args, {
      cwd,
      env: { ...env, ...plan.env, MILLRACE_PARENT_WATCH: '1' },
      detached: true, // its own group: Ctrl-C reaches only the supervisor, which stops all in order
      // Our services end when their stdin does (MILLRACE_PARENT_WATCH); for the rest there is the reaper.
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin?.on('error', () => undefined); // it closed its end; nothing is ever written
    this.child = child;
    if (child.pid !== undefined) {
      this.writeDown(child.pid);
      lowerGroup(child.pid, plan.nice);
    }
    child.stdout?.on('data', (chunk: Uint8Array) => log.append(chunk));
    child.stderr?.on('data', (chunk: Uint8Array) => log.append(chunk));
    this.exited = new Promise((resolve) => {
      let seen = false;
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        if (seen) return;
        seen = true;
        resolve();
        this.onExit(child, code, signal);
      };
      child.once('error', (error) => {
        log.append(Buffer.from(`could not be started: ${error.message}\n`));
        end(127, null);
      });
      child.once('exit', end);
    });
    void this.watchReadiness(child);
  }

  /** A process that is written down nowhere would outlive a supervisor that is killed. */
  private writeDown(pid: number): void {
    const { plan, run, log } = this.parts;
    try {
      run.add(plan.name, pid);
    } catch (thrown) {
      log.append(
        Buffer.from(`could not be written down, so it is ended again: ${PlatformError.from(thrown).reason}\n`),
      );
      signalGroup(pid, 'SIGKILL');
    }
  }

  /** Resolves when ready now or next; rejects when it failed for good or was stopped. */
  waitReady(): Promise<void> {
    if (this.state === 'ready') return Promise.resolve();
    if (this.state === 'failed' || this.state === 'stopped') return Promise.reject(this.failure(`is ${this.state}`));
    return new Promise((resolve, reject) => this.waiters.add({ resolve, reject }));
  }

  /** For fault tests. With `hold` it stays down until `release`. */
  kill(signal: NodeJS.Signals, hold: boolean): void {
    this.heldUntilReleased = hold;
    if (this.child?.pid !== undefined) process.kill(this.child.pid, signal);
  }

  release(): void {
    this.heldUntilReleased = false;
    if (this.state === 'held') this.start();
  }

  /** The platform stops: what dies before its turn stays down. */
  restartNoMore(): void {
    this.leaving = true;
    clearTimeout(this.restartTimer);
  }

  /** Bounded; resolves when the process and its group are gone. */
  async stop(): Promise<void> {
    clearTimeout(this.restartTimer);
    const child = this.child;
    if (child?.pid === undefined || this.state === 'stopped' || child.exitCode !== null || child.signalCode !== null) {
      this.settle('stopped');
      return;
    }
    this.state = 'stopping';
    child.kill('SIGTERM');
    const timer = setTimeout(() => {
      this.parts.log.append(Buffer.from(`did not stop within ${this.parts.plan.stopGraceMs} ms: killed\n`));
      signalGroup(child.pid as number, 'SIGKILL');
    }, this.parts.plan.stopGraceMs);
    await this.exited;
    clearTimeout(timer);
    signalGroup(child.pid, 'SIGKILL'); // what it may have started itself
    this.settle('stopped');
  }

  /** At once, without grace: the process and its group. `stop` then resolves when they are gone. */
  endNow(): void {
    clearTimeout(this.restartTimer);
    if (this.child?.pid === undefined) return;
    this.state = 'stopping';
    signalGroup(this.child.pid, 'SIGKILL');
  }

  private onExit(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    const { plan, run, policy, clock, events } = this.parts;
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
    run.remove(plan.name);
    this.child = undefined;
    const expected = this.state === 'stopping' || this.leaving;
    this.lastExit = { code, signal, expected };
    events.exit(plan.name, this.lastExit);
    if (this.leaving && this.state !== 'stopping') this.settle('stopped');
    if (expected || this.leaving) return;
    if (this.heldUntilReleased) {
      this.state = 'held';
      return;
    }
    if (code === 0 && this.isReadyNow) {
      events.endedInOrder(plan.name);
      this.start();
      return;
    }
    const { wasReady } = this;
    if (code === EXIT_CONFIGURATION && !wasReady) {
      this.state = 'failed';
      void this.giveUp('refuses what it was started with');
      return;
    }
    // One that never came up may have other reasons: it is tried as often as any.
    if (wasReady && !this.parts.hasRoom()) {
      this.state = 'waiting-for-room';
      events.noRoom(plan.name);
      this.startWithRoom();
      return;
    }
    const decision = policy.onDeath({ aliveMs: clock.monotonicMs() - this.startedAtMs, ready: wasReady });
    if (decision.kind === 'give-up') {
      this.state = 'failed';
      void this.giveUp(`died ${decision.deaths} times in a row (${signal ?? `exit code ${code}`})`);
      return;
    }
    this.state = 'backing-off';
    this.restarts += 1;
    events.backsOff(plan.name, decision.attempt, decision.delayMs);
    this.restartTimer = setTimeout(() => {
      if (this.heldUntilReleased) {
        this.state = 'held';
        return;
      }
      events.restart(plan.name, decision.attempt);
      if (!this.leaving) this.start();
    }, decision.delayMs);
  }

  /** For good. That its port was taken after the start looked is the likeliest reason, and the one to be told first. */
  private async giveUp(what: string): Promise<void> {
    const { plan, events } = this.parts;
    const taken = await this.parts.takenPorts().catch(() => []);
    if (this.state !== 'failed') return; // stopped meanwhile
    const error = this.failure([what, ...taken].join('; '));
    this.settle('failed', error);
    events.failed(plan.name, error);
  }

  private startWithRoom(): void {
    this.restartTimer = setTimeout(() => {
      if (this.heldUntilReleased) this.state = 'held';
      else if (this.parts.hasRoom()) this.start();
      else this.startWithRoom();
    }, ROOM_CHECK_MS);
  }

  private async watchReadiness(child: ChildProcess): Promise<void> {
    const { plan, clock, events, log } = this.parts;
    while (this.child === child && this.state === 'starting') {
      const elapsedMs = clock.monotonicMs() - this.startedAtMs;
      const ready = await this.isReady(plan.readiness, elapsedMs);
      if (this.child !== child || this.state !== 'starting') return;
      if (ready) {
        this.wasReady = true;
        this.isReadyNow = true;
        this.settle('ready');
        events.ready(plan.name, clock.monotonicMs() - this.startedAtMs);
        return;
      }
      if (elapsedMs > plan.readyTimeoutMs) {
        log.append(Buffer.from(`not ready after ${plan.readyTimeoutMs} ms: killed\n`));
        if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
        return;
      }
      await sleep(PROBE_EVERY_MS);
    }
  }

  private isReady(readiness: Readiness, elapsedMs: number): Promise<boolean> {
    switch (readiness.kind) {
      case 'http':
        return answersOk(readiness.host, readiness.port, readiness.path);
      case 'tcp':
        return accepts(readiness.host, readiness.port);
      case 'alive':
        return Promise.resolve(elapsedMs >= readiness.forMs);
    }
  }

  private settle(state: 'ready' | 'stopped' | 'failed', error?: PlatformError): void {
    this.state = state;
    for (const waiter of this.waiters) {
      if (state === 'ready') waiter.resolve();
      else waiter.reject(error ?? this.failure(`is ${state}`));
    }
    this.waiters.clear();
  }

  private failure(what: string): PlatformError {
    const { plan, log } = this.parts;
    const tail = summarise(log.tail(40), 10);
    const end = tail === '' ? '' : `; its last lines:\n${tail}`;
    return new PlatformError('unavailable', `${plan.name} ${what}; see ${log.path}${end}`, {
      facts: { name: plan.name },
    });
  }
}
