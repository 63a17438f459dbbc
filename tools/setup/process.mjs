// Child processes for set-up: argument arrays only (no shell), output kept for the error message, killed with set-up.
import { spawn, spawnSync } from 'node:child_process';
import { say } from './terminal.mjs';

const outputKeptBytes = 64 * 1024;
const running = new Set();

/** Set-up's own end by a signal takes its children along. 130 as docs/cli.md says, whichever signal it was. */
function endAll() {
  for (const child of running) child.kill('SIGTERM');
  say('\nStopped; the next run goes on from here.');
  process.exit(130);
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Set-up may be interrupted anywhere in `work`: what it had begun is left as if it had not. */
export async function interruptibly(work) {
  for (const signal of signals) process.on(signal, endAll);
  try {
    return await work();
  } finally {
    for (const signal of signals) process.off(signal, endAll);
  }
}

/** Runs to the end; rejects with the tail of the output when the exit code is not 0. `onLine` sees every line of it. */
export function runCommand(command, args, { cwd, env, onLine, acceptedCodes = [0] } = {}) {
  return new Promise((resolvePromise, reject) => {
    const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let output = '';
    let rest = '';
    const take = (chunk) => {
      const text = chunk.toString();
      output = (output + text).slice(-outputKeptBytes);
      if (!onLine) return;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => {
      running.delete(child);
      reject(new Error(`${command} could not be started: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      running.delete(child);
      // Ctrl-C reaches every process of the terminal, and a child may be gone before this one hears of it.
      if (signal === 'SIGINT' && process.listeners('SIGINT').includes(endAll)) endAll();
      if (acceptedCodes.includes(code)) resolvePromise(output);
      else
        reject(
          new Error(
            `${command} ${args.slice(0, 4).join(' ')} … ended with ${signal ?? `code ${code}`}\n${output.trim().split('\n').slice(-25).join('\n')}`,
          ),
        );
    });
  });
}

/** Output of a short command, or undefined when it is not there or fails. */
export function probe(command, args, timeoutMs = 20_000) {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: timeoutMs, stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.error || result.status !== 0) return undefined;
  return `${result.stdout}${result.stderr}`.trim();
}
