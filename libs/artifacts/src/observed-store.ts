// A store whose calls are seen: one span and one duration each, by call and outcome, whatever keeps the files.

import { type Clock, PlatformError } from '@millrace/domain';
import { ATTRIBUTES, histogram, withSpan } from '@millrace/telemetry';
import type { ArtifactStore, Files } from './artifact-store.js';

const duration = histogram('millrace.artifacts.call_duration');

export class ObservedStore implements ArtifactStore {
  constructor(
    private readonly store: ArtifactStore,
    private readonly clock: Clock,
  ) {}

  get place(): string {
    return this.store.place;
  }

  put(path: string, bytes: Uint8Array | string): Promise<string> {
    return this.seen('put', path, () => this.store.put(path, bytes));
  }

  putFile(path: string, file: string): Promise<string> {
    return this.seen('put', path, () => this.store.putFile(path, file));
  }

  putFolder(path: string, files: Files): Promise<Record<string, string>> {
    return this.seen('put_folder', path, () => this.store.putFolder(path, files));
  }

  read(path: string, sha256?: string): Promise<Buffer> {
    return this.seen('read', path, () => this.store.read(path, sha256));
  }

  localFile(path: string, sha256?: string): Promise<string> {
    return this.seen('local_file', path, () => this.store.localFile(path, sha256));
  }

  localFolder(path: string): Promise<string> {
    return this.seen('local_folder', path, () => this.store.localFolder(path));
  }

  list(path: string): Promise<string[]> {
    return this.seen('list', path, () => this.store.list(path));
  }

  sha256(path: string): Promise<string> {
    return this.seen('sha256', path, () => this.store.sha256(path));
  }

  remove(path: string): Promise<void> {
    return this.seen('remove', path, () => this.store.remove(path));
  }

  check(): Promise<void> {
    return this.seen('check', '', () => this.store.check());
  }

  private async seen<T>(call: string, path: string, work: () => Promise<T>): Promise<T> {
    const startedMs = this.clock.monotonicMs();
    let outcome = 'ok';
    try {
      return await withSpan(`artifacts ${call}`, { attributes: { [ATTRIBUTES.artifactPath]: path } }, work);
    } catch (error) {
      outcome = PlatformError.from(error).code;
      throw error;
    } finally {
      duration.record(this.clock.monotonicMs() - startedMs, { call, outcome });
    }
  }
}
