// <home>/run: who supervises this home (a lock), which processes belong to it, and how they are. The next start, and
// the reaper when the supervisor is killed, find orphans here; `millrace status` reads how often each was started
// again.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { readJsonSync, replaceJsonSync } from '@millrace/files';
import { identityOf, isAlive, type ProcessIdentity, signalGroup } from './process-identity.process.js';

export interface RunRecord extends ProcessIdentity {
  name: string;
}

/** How a process is, as its supervisor knows it. */
export interface ProcessNote {
  name: string;
  state: string;
  restarts: number;
}

const LOCK_NAME = 'supervisor.lock';
/** No record of a process: those end with .json. */
const NOTES_NAME = 'processes.notes';
const POLL_MS = 50;

function readRecord(path: string): RunRecord | undefined {
  const read = readJsonSync(path);
  if (read.kind !== 'ok') return undefined; // gone, or a lock half written by a killed process: it names nobody
  const value = read.value as RunRecord;
  return typeof value?.pid === 'number' && typeof value.startTime === 'string' ? value : undefined;
}

export class RunFolder {
  private readonly folder: string;

  constructor(readonly home: string) {
    this.folder = join(home, 'run');
  }

  /** Takes the home for this process; refused while another supervisor lives in it. */
  lock(): void {
    mkdirSync(this.folder, { recursive: true });
    const path = join(this.folder, LOCK_NAME);
    const own = { name: 'supervisor', ...this.ownIdentity() };
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        writeFileSync(path, JSON.stringify(own), { flag: 'wx' });
        return;
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw PlatformError.from(thrown, 'unavailable');
      }
      const holder = readRecord(path);
      if (holder !== undefined && isAlive(holder)) {
        throw new PlatformError(
          'already_exists',
          `Millrace already runs in ${this.home} (process ${holder.pid}); stop it first, or set MILLRACE_HOME to another folder`,
          { facts: { home: this.home, pid: holder.pid } },
        );
      }
      rmSync(path, { force: true });
    }
    throw new PlatformError('unavailable', `the lock ${path} changes hands faster than it can be taken`);
  }

  /** Whether the lock is there and still this process's. */
  isHeld(): boolean {
    try {
      return readRecord(join(this.folder, LOCK_NAME))?.pid === process.pid;
    } catch {
      // What cannot be read at this moment (too many open files) is not gone; a removed folder reads as absent.
      return true;
    }
  }

  /** Tells whoever looks how all processes are. */
  note(processes: readonly ProcessNote[]): void {
    replaceJsonSync(join(this.folder, NOTES_NAME), processes);
  }

  /** undefined where nobody supervises this home. */
  notes(): readonly ProcessNote[] | undefined {
    const holder = readRecord(join(this.folder, LOCK_NAME));
    if (holder === undefined || !isAlive(holder)) return undefined;
    const read = readJsonSync(join(this.folder, NOTES_NAME));
    return read.kind === 'ok' ? (read.value as ProcessNote[]) : undefined;
  }

  unlock(): void {
    const path = join(this.folder, LOCK_NAME);
    const holder = readRecord(path);
    if (holder?.pid !== process.pid) return;
    rmSync(join(this.folder, NOTES_NAME), { force: true });
    rmSync(path, { force: true });
  }

  /** Writes down that the home has this process; before anything is awaited after its start. */
  add(name: string, pid: number): void {
    const identity = identityOf(pid);
    if (identity === undefined) return; // it died at once; its exit event says so
    replaceJsonSync(join(this.folder, `${name}.json`), { name, ...identity });
  }

  remove(name: string): void {
    try {
      rmSync(join(this.folder, `${name}.json`), { force: true });
    } catch {
      // Nobody takes it for the process once that is dead.
    }
  }

  /** Processes written down and still alive. */
  survivors(): RunRecord[] {
    let names: string[];
    try {
      names = readdirSync(this.folder).filter((name) => name.endsWith('.json'));
    } catch {
      return []; // no run folder yet
    }
    return names
      .map((name) => readRecord(join(this.folder, name)))
      .filter((record): record is RunRecord => record !== undefined && isAlive(record));
  }

  /** Ends what a killed supervisor left: SIGTERM, then SIGKILL after the grace. Returns the names found. */
  async sweep(graceMs: number): Promise<string[]> {
    const found = this.survivors();
    for (const record of found) signalGroup(record.pid, 'SIGTERM');
    let waitedMs = 0;
    while (found.some(isAlive) && waitedMs < graceMs) {
      await new Promise((wake) => setTimeout(wake, POLL_MS));
      waitedMs += POLL_MS;
    }
    for (const record of found) if (isAlive(record)) signalGroup(record.pid, 'SIGKILL');
    for (const record of found) this.remove(record.name);
    return found.map((record) => record.name);
  }

  private ownIdentity(): ProcessIdentity {
    const own = identityOf(process.pid);
    if (own === undefined) throw new PlatformError('internal', 'this process cannot be found in the process table');
    return own;
  }
}
