// From "started" to "ready": the repository's models, then those that the platform names, each loaded or refused;
// afterwards the repository is looked at again and again. What it needs from outside comes through its ports.

import type { ModelSet } from './model-set.js';

export interface ModelStartPorts {
  log: { info(message: string, facts: Record<string, number>): void; warn: Failure; error: Failure };
  /** Loads and unloads that the other workers of the port have had before this one started. */
  catchUp(): Promise<void>;
  stopping(): boolean;
  later(delayMs: number, work: () => void): void;
}

type Failure = (message: string, facts: Record<string, never>, error: unknown) => void;

/** What the platform says: `known`, there is a last known state; `followed` resolves when the topics were read. */
export interface PlatformState {
  known: boolean;
  followed: Promise<void>;
}

export class ModelStart {
  private known = false;

  constructor(
    private readonly models: ModelSet,
    private readonly settings: { repositoryModels: readonly string[]; repositoryPollMs: number },
    private readonly ports: ModelStartPorts,
  ) {}

  /** What to serve is known, and the versions named at that time were loaded or refused. */
  get ready(): boolean {
    return this.known && !this.ports.stopping();
  }

  /** `platform` undefined: a folder is served alone. */
  async run(platform: PlatformState | undefined): Promise<void> {
    const { repositoryModels, repositoryPollMs } = this.settings;
    const names = repositoryModels.includes('*') ? undefined : repositoryModels.filter((name) => name !== 'none');
    await this.models.loadRepository(names).catch((error) => {
      this.ports.log.error('the model repository cannot be read', {}, error);
    });
    if (repositoryPollMs > 0) this.poll(repositoryPollMs);
    await this.ports.catchUp();
    if (!platform?.known) await platform?.followed;
    await this.models.settled();
    if (this.ports.stopping() || this.known) return;
    this.known = true;
    this.ports.log.info('serving', { versions: [...this.models.served()].length });
  }

  private poll(everyMs: number): void {
    this.ports.later(everyMs, () => {
      if (this.ports.stopping()) return;
      this.models
        .pollRepository()
        .catch((error) => this.ports.log.warn('the model repository cannot be read', {}, error))
        .finally(() => this.poll(everyMs));
    });
  }
}
