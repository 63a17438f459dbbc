// The primary of several worker processes on one port: starts them, starts anew what died, passes their questions on,
// ends them in order. It speaks no wire itself: it accepts connections and hands each to the next worker in turn
// (node:cluster), so that four connections on two workers are two each; the system's own spreading by SO_REUSEPORT
// leaves that to chance. A connection stays with its worker; clients that hold one for long are moved by the age limit
// of connections.

import cluster, { type Worker } from 'node:cluster';
import { EXIT_CONFIGURATION, exitCodeOfStart } from '@millrace/deployment';
import { type RestartLimits, RestartPolicy, systemClock } from '@millrace/domain';
import { watchParent } from '@millrace/service';
import { type Logger, logger, startTelemetry } from '@millrace/telemetry';
import { WorkerFanOut } from './worker-fan-out.js';
import type { ToPrimary } from './worker-messages.js';

/**
 * A worker that was ready comes back however often: the others answer meanwhile. After lives in a row that were never
 * ready the settings or the models are wrong, not the worker.
 */
const RESTARTS: RestartLimits = {
  firstDelayMs: 100,
  maxDelayMs: 5_000,
  factor: 2,
  stableAfterMs: 30_000,
  maxDeaths: Number.POSITIVE_INFINITY,
  maxDeathsUnready: 4,
};
/** Above what a worker gives itself for its own end. */
const END_MS_MAX = 22_000;

interface Slot {
  /** Name of the worker for its lifetimes; its replica is `<replica>-<name>`. */
  readonly name: string;
  worker: Worker | undefined;
  startedMs: number;
  isReady: boolean;
  readonly policy: RestartPolicy;
}

export interface PrimarySettings {
  processes: number;
  replica: string;
}

/** `processes`: the setting as it was written; what is no number is told by whoever reads all settings. */
export function isPrimaryOf(processes: string | undefined): boolean {
  return cluster.isPrimary && processes !== undefined && Number(processes) > 1;
}

/** Runs until the workers are told to stop; the exit code is 0 where all of them ended well. */
export function runPrimary(read: () => PrimarySettings): void {
  startTelemetry({ service: 'serving', prometheus: false });
  const log = logger('workers');
  try {
    new Primary(read(), log).run();
  } catch (error) {
    log.error('start failed', {}, error);
    process.exit(exitCodeOfStart(error));
  }
}

class Primary {
  private readonly slots: Slot[];
  private readonly fanOut: WorkerFanOut;
  private stopping = false;
  /** Some worker in some life: the settings, which all of them share, are not what is wrong. */
  private anyReady = false;
  private code = 0;

  constructor(
    private readonly settings: PrimarySettings,
    private readonly log: Logger,
  ) {
    this.slots = Array.from({ length: settings.processes }, (_, index) => ({
      name: String(index),
      worker: undefined,
      startedMs: 0,
      isReady: false,
      policy: new RestartPolicy(RESTARTS),
    }));
    this.fanOut = new WorkerFanOut({
      send: (name, message) => {
        const worker = this.slots.find((slot) => slot.name === name)?.worker;
        if (worker?.isConnected()) worker.send(message, undefined, undefined, () => {});
      },
      after: (delayMs, work) => {
        const timer = setTimeout(work, delayMs);
        return () => clearTimeout(timer);
      },
    });
  }

  run(): void {
    cluster.schedulingPolicy = cluster.SCHED_RR;
    // Not the primary's stdin: it watches that for all.
    cluster.setupPrimary({ serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.stop(signal));
    watchParent((reason) => this.stop(reason));
    for (const slot of this.slots) this.start(slot);
  }

  private start(slot: Slot): void {
    if (this.stopping) return;
    const worker = cluster.fork({
      MILLRACE_REPLICA: `${this.settings.replica}-${slot.name}`,
      MILLRACE_PARENT_WATCH: '',
    });
    Object.assign(slot, { worker, startedMs: systemClock.monotonicMs(), isReady: false });
    worker.on('message', (message: ToPrimary) => {
      if (message?.to !== 'primary') return;
      if (message.kind === 'ready') {
        slot.isReady = true;
        this.anyReady = true;
      }
      this.fanOut.receive(slot.name, message);
    });
    worker.on('error', (error) => this.log.error('worker', { worker: slot.name }, error));
    worker.once('exit', (code, signal) => this.ended(slot, code, signal));
  }

  private ended(slot: Slot, code: number | null, signal: string | null): void {
    slot.worker = undefined;
    this.fanOut.gone(slot.name);
    if (this.stopping) {
      if (code !== 0 && this.code === 0) this.code = 1;
      if (this.slots.every(({ worker }) => worker === undefined)) process.exit(this.code);
      return;
    }
    if (code === EXIT_CONFIGURATION && !this.anyReady) {
      this.code = code;
      this.stop('a worker refuses its settings');
      return;
    }
    const aliveMs = systemClock.monotonicMs() - slot.startedMs;
    const decision = slot.policy.onDeath({ aliveMs, ready: slot.isReady });
    const facts = { worker: slot.name, code: code ?? -1, signal: signal ?? '' };
    if (decision.kind === 'give-up') {
      this.log.error('a worker does not start: giving up', facts);
      this.code = 1;
      this.stop('a worker does not start');
      return;
    }
    const { delayMs } = decision;
    this.log.error('worker died and is started again', { ...facts, delayMs });
    setTimeout(() => this.start(slot), delayMs);
  }

  private stop(reason: string): void {
    if (this.stopping) return;
    this.stopping = true;
    this.log.info('stopping', { reason });
    const running = this.slots.flatMap(({ worker }) => worker ?? []);
    if (running.length === 0) process.exit(this.code);
    for (const worker of running) worker.process.kill('SIGTERM');
    setTimeout(() => {
      for (const { worker } of this.slots) worker?.process.kill('SIGKILL');
      process.exit(1);
    }, END_MS_MAX).unref();
  }
}
