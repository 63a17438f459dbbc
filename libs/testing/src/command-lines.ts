// Many command lines of `millrace` in one process (test/e2e/support/lines.mjs): what a test of a hundred lines costs is
// then the lines, not a hundred starts of Node. One after the other; a line that ends the process, or does not end
// within its bound, fails the rest.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cloneRoot } from './setup-state.js';

/** A training beside what else the machine does. */
const LINE_WITHIN_MS = 120_000;

export interface Told {
  code: number;
  output: string;
  errors: string;
}

export class CommandLines {
  private readonly child: ChildProcess;
  private readonly waiting: { resolve(told: Told): void; reject(error: Error): void }[] = [];

  /** @param env the whole environment */
  constructor(
    private readonly cwd: string,
    env: Readonly<Record<string, string | undefined>>,
  ) {
    const root = cloneRoot();
    this.child = spawn(process.execPath, [join(root, 'test/e2e/support/lines.mjs'), root], {
      env: { ...env, NODE_OPTIONS: '' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const answers = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    answers.on('line', (line) => this.waiting.shift()?.resolve(JSON.parse(line) as Told));
    this.child.once('exit', (code) => {
      for (const { reject } of this.waiting.splice(0)) reject(new Error(`the command lines ended with ${code}`));
    });
  }

  run(argv: readonly string[], cwd = this.cwd, withinMs = LINE_WITHIN_MS): Promise<Told> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error(`not within ${withinMs} ms: millrace ${argv.join(' ')}`));
        this.child.kill('SIGKILL');
      }, withinMs);
      const ended = <T>(tell: (one: T) => void) => {
        return (one: T) => {
          clearTimeout(late);
          tell(one);
        };
      };
      this.waiting.push({ resolve: ended(resolve), reject: ended(reject) });
      this.child.stdin?.write(`${JSON.stringify({ argv, cwd })}\n`);
    });
  }

  /** After the lines that were asked for. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    this.child.stdin?.end();
    await new Promise((ended) => this.child.once('exit', ended));
  }
}
