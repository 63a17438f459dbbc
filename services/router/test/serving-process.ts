// The stand-in serving as a process: killed, stopped and slowed as a real one is, and wrong in exactly the way that a
// test says.

import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { cloneRoot } from '@millrace/testing';

const MAIN = 'dist/services/router/test/stand-in-serving.main.js';

export interface Told {
  port: number;
  loaded?: readonly number[];
  broken?: readonly (readonly [number, 'errs' | 'hangs' | 'answers NaN'])[];
  delayMs?: number;
}

export class ServingProcess {
  readonly loaded = new Set<number>();
  readonly broken = new Map<number, 'errs' | 'hangs' | 'answers NaN'>();
  delayMs = 0;
  private child: ChildProcess | undefined;
  private exit: Promise<unknown> = Promise.resolve();

  private constructor(readonly port: number) {}

  /** @throws where the port is somebody's */
  static async start(port: number): Promise<ServingProcess> {
    const serving = new ServingProcess(port);
    await serving.start();
    return serving;
  }

  async start(): Promise<void> {
    const child = fork(join(cloneRoot(), MAIN), { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.child = child;
    this.exit = new Promise((resolve) => child.once('exit', resolve));
    const started = new Promise<{ error?: string }>((resolve) =>
      child.once('message', (told) => resolve(told as object)),
    );
    this.tell();
    const ended = this.exit.then(() => ({ error: 'the stand-in has ended' }));
    const { error } = await Promise.race([started, ended]);
    if (error === undefined) return;
    child.kill('SIGKILL');
    throw new Error(error);
  }

  /** What its fields say holds from now on. */
  tell(): void {
    const { port, loaded, broken, delayMs } = this;
    const told: Told = { port, loaded: [...loaded], broken: [...broken], delayMs };
    if (this.child?.connected) this.child.send(told);
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.kill(name);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exit;
  }
}
