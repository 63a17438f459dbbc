// Stores the counters once a second when they changed: one small file of this ingest's own state.

import { join } from 'node:path';
import { readJson, replaceJson } from '@millrace/files';
import { logger } from '@millrace/telemetry';
import { Counters, type CountersDocument } from './counters.js';

const FILE = 'counters.json';
/** Committed offsets follow at this pace: the shorter, the less is read again after a crash. */
const EVERY_MS = 1_000;

export class CounterStore {
  private readonly log = logger('counters');
  private timer: NodeJS.Timeout | null = null;
  private storing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly path: string,
    readonly counters: Counters,
  ) {}

  /** @throws PlatformError 'corrupt' where the file is damaged: counting anew would look as if rows were lost */
  static async open(folder: string): Promise<CounterStore> {
    const path = join(folder, FILE);
    const read = await readJson(path);
    if (read.kind === 'corrupt') throw read.error;
    return new CounterStore(path, new Counters(read.kind === 'ok' ? (read.value as CountersDocument) : null));
  }

  start(): void {
    this.timer = setInterval(() => void this.save(), EVERY_MS);
    this.timer.unref();
  }

  save(): Promise<void> {
    this.storing = this.storing.then(async () => {
      const document = this.counters.snapshot();
      if (document === null) return;
      try {
        await replaceJson(this.path, document);
        this.counters.stored(document);
      } catch (error) {
        this.counters.notStored();
        this.log.warn('counters not stored', {}, error);
      }
    });
    return this.storing;
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    await this.save();
  }
}
