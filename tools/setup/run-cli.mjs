// Sets up what is missing, then runs the command line (dist/apps/cli) on the pinned Node with the given arguments and
// ends with its exit code. Signals are passed on, and so is the end of what started this (a killed npx); the command
// line stops the platform in order.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { launchChain, watchChain } from './ancestors.mjs';
import { nodeBinary, root } from './paths.mjs';
import { cloneEnvironment, setUp } from './setup.mjs';
import { say } from './terminal.mjs';

const watcher = pathToFileURL(join(root, 'tools/setup/parent-watch.mjs')).href;
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const signalCodes = { SIGHUP: 129, SIGINT: 130, SIGKILL: 137, SIGTERM: 143 };

/** Runs a compiled script; resolves to its exit code. */
export function runCompiled(script, args, { nodeArgs = [], env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(
      nodeBinary,
      ['--enable-source-maps', '--import', watcher, ...nodeArgs, join(root, script), ...args],
      {
        cwd: process.cwd(),
        env: cloneEnvironment(env),
        stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
      },
    );
    const pass = (signal) => {
      // Ctrl-C on a terminal has already reached the child: it is in the same foreground group.
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    };
    for (const signal of stopSignals) process.on(signal, pass);
    child.on('error', (error) => {
      say(`could not start ${script}: ${error.message}`);
      resolve(1);
    });
    child.on('exit', (code, signal) => {
      for (const name of stopSignals) process.off(name, pass);
      resolve(code ?? signalCodes[signal] ?? 1);
    });
  });
}

export async function runCli(args) {
  let asked = false;
  for (const signal of stopSignals)
    process.on(signal, () => {
      asked = true;
    });
  watchChain(launchChain(), ({ command }) => {
    // A stop is under way, and what started this has ended before it: that is no second request.
    if (asked) return;
    say(`"${command.slice(0, 60)}", which started Millrace, is gone: stopping`);
    process.kill(process.pid, 'SIGTERM');
  });
  try {
    // A folder of models is served without brokers: neither they nor Java are needed for it.
    await setUp(args[0] === 'serve' ? { brokers: false } : {});
  } catch (error) {
    say(`\nset-up failed: ${error.message}`);
    return 1;
  }
  return asked ? signalCodes.SIGINT : runCompiled('dist/apps/cli/src/main.js', args);
}
