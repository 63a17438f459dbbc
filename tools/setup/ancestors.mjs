// Who started this command: the package runners (npm, npx, pnpm, yarn) above it and the shells they use, up to the
// terminal's shell or a script's, but without it. Their end is the end of the command: a killed npx passes no signal
// on.
import { readFileSync } from 'node:fs';

const CHECK_MS = 500;
const ANCESTORS_MAX = 12;
const RUNNER = /(^|\/)(npm|npx|pnpm|yarn|corepack)(-cli)?(\.c?js)?( |$)/;
const COMMAND_SHELL = /^(\S*\/)?(sh|dash|bash|zsh|ash|busybox sh) -c /;

/**
 * A process as the kernel knows it; its start time tells it from a later one with the same id. Undefined when it is
 * gone.
 */
function processOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the name in parentheses and may hold anything; count fields after the last one.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').filter(Boolean).join(' ');
    return { pid, parent: Number(fields[1]), group: fields[2], startTime: fields[19], command };
  } catch {
    return undefined; // no such process, or no /proc on this system
  }
}

/**
 * The chain to watch, nearest first; empty when a shell started the command itself. Processes of another group are of
 * another job of the shell; a `sh -c` counts only below a runner, which is what runners use it for.
 */
export function launchChain(of = process.pid, lookUp = processOf) {
  const own = lookUp(of);
  const chain = [];
  let runners = 0;
  for (let at = own && lookUp(own.parent); at && chain.length < ANCESTORS_MAX; at = lookUp(at.parent)) {
    const isRunner = RUNNER.test(at.command.replace(/^\S*node( --\S+)* /, ''));
    if (at.group !== own.group || !(isRunner || COMMAND_SHELL.test(at.command))) break;
    chain.push(at);
    if (isRunner) runners = chain.length;
  }
  return chain.slice(0, runners);
}

/** Calls `onGone` once when one of the chain has ended. Does not keep the process. */
export function watchChain(chain, onGone) {
  if (chain.length === 0) return;
  const timer = setInterval(() => {
    const gone = chain.find(({ pid, startTime }) => processOf(pid)?.startTime !== startTime);
    if (gone === undefined) return;
    clearInterval(timer);
    onGone(gone);
  }, CHECK_MS);
  timer.unref();
}
