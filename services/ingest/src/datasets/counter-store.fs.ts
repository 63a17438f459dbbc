// Stores the counters in the artifact store once a second when they changed (one small file, atomically replaced).

import type { ArtifactStore } from '@millrace/artifacts';
import { logger } from '@millrace/telemetry';
import { Counters, type CountersDocument } from './counters.js';

const PATH = 'ingest/counters.json';
/** Committed offsets follow at this pace: the shorter, the less is read again after a crash. */
const EVERY_MS = 1_000;

export class CounterStore {
  private readonly log = logger('counters');
  private timer: NodeJS.Timeout | null = null;
  private storing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly store: ArtifactStore,
    readonly counters: Counters,
  ) {}

  static async open(store: ArtifactStore): Promise<CounterStore> {
    const document = (await store.exists(PATH))
      ? (JSON.parse((await store.read(PATH)).toString('utf8')) as CountersDocument)
      : null;
    return new CounterStore(store, new Counters(document));
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
        await this.store.put(PATH, JSON.stringify(document));
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
