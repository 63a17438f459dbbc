// <home>/run: who supervises this home (a lock) and which processes belong to it. The next start, and the reaper when
// the supervisor is killed, find orphans here.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { readJsonSync, replaceJsonSync } from '@millrace/files';
import { identityOf, isAlive, type ProcessIdentity, signalGroup } from './process-identity.process.js';

export interface RunRecord extends ProcessIdentity {
  name: string;
}

const LOCK_NAME = 'supervisor.lock';
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

  unlock(): void {
    const path = join(this.folder, LOCK_NAME);
    const holder = readRecord(path);
    if (holder?.pid === process.pid) rmSync(path, { force: true });
  }

  /** Writes down that the home has this process; before anything is awaited after its start. */
  add(name: string, pid: number): void {
    const identity = identityOf(pid);
    if (identity === undefined) return; // it died at once; its exit event says so
    replaceJsonSync(join(this.folder, `${name}.json`), { name, ...identity });
  }

  remove(name: string): void {
    rmSync(join(this.folder, `${name}.json`), { force: true });
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
