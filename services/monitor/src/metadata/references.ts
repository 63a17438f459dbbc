// Brings a version's reference, or the news that there is none, from its package when its first message arrives, once.
// A version that models.v1 does not know yet is waited for a little: its announcement travels on another topic than its
// predictions. Where the artifact store cannot be reached, the version's rows are counted without tests, and a message
// a minute later asks again.

import { type Clock, type ErrorCode, PlatformError } from '@millrace/domain';
import type { MetadataCache, PackagedReference } from './metadata-cache.js';

export interface PackageReader {
  /** Throws `not_found` or `corrupt` where the package, or what it says of its reference, cannot be used. */
  read(packagePath: string): Promise<PackagedReference>;
}

/** Long enough for models.v1 to arrive; after it the version's rows are counted without tests until it is announced. */
const WAIT_MS = 3_000;
const POLL_MS = 50;
/** Versions given up at the same time. */
const GIVEN_UP_MAX = 1_000;
/** A store that is away holds messages up while it is asked, so it is not asked at every one. */
export const AWAY_MS = 60_000;
/** The package may be whole, and was not reached. */
const AWAY: ReadonlySet<ErrorCode> = new Set(['unavailable', 'overloaded', 'deadline_exceeded', 'permission_denied']);

export class References {
  private readonly loading = new Map<string, Promise<void>>();
  /** Until when, by project and version. */
  private readonly givenUp = new Map<string, number>();

  constructor(
    private readonly metadata: MetadataCache,
    private readonly packages: PackageReader,
    private readonly clock: Clock,
    private readonly sleep: (ms: number) => Promise<void>,
    private readonly failed: (project: string, version: number, error: PlatformError) => void,
  ) {}

  /** True when nothing has to be awaited for this version. */
  settled(project: string, version: number): boolean {
    if (this.metadata.isPackageKnown(project, version)) return true;
    const untilMs = this.givenUp.get(`${project}/${version}`);
    return untilMs !== undefined && this.clock.monotonicMs() < untilMs;
  }

  /** Resolves when the reference is there or given up; never rejects. */
  async ensure(project: string, version: number): Promise<void> {
    if (this.settled(project, version)) return;
    const key = `${project}/${version}`;
    let loading = this.loading.get(key);
    if (loading === undefined) {
      loading = this.load(project, version).finally(() => this.loading.delete(key));
      this.loading.set(key, loading);
    }
    await loading;
  }

  /** A version was announced (again): what was given up is tried again with the next message. */
  announced(project: string, version: number): void {
    this.givenUp.delete(`${project}/${version}`);
  }

  private async load(project: string, version: number): Promise<void> {
    const untilMs = this.clock.monotonicMs() + WAIT_MS;
    let model = this.metadata.model(project, version);
    while (model === undefined && this.clock.monotonicMs() < untilMs) {
      await this.sleep(POLL_MS);
      model = this.metadata.model(project, version);
    }
    try {
      if (model === undefined)
        throw new PlatformError('not_found', `version ${version} of ${project} is not announced`);
      this.metadata.setReference(project, version, await this.packages.read(model.packagePath));
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (this.givenUp.size >= GIVEN_UP_MAX) this.givenUp.clear();
      const isAway = AWAY.has(error.code);
      this.givenUp.set(`${project}/${version}`, isAway ? this.clock.monotonicMs() + AWAY_MS : Number.POSITIVE_INFINITY);
      this.failed(project, version, error);
    }
  }
}
