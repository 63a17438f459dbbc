// Requests that have not ended, with what they need: the model files of a registration do not leave while it waits,
// however long that is, also over a restart. Which file is needed by which request is known here alone.

import type { TrainingRequest } from '@millrace/domain';
import type { KeptRequest } from './runner.js';

export interface RequestStore {
  /** Durable when it resolves. */
  keep(trainingId: string, request: TrainingRequest, projectCreatedAtMs: number): Promise<void>;
  forget(project: string, trainingId: string): Promise<void>;
  kept(): KeptRequest[];
}

export interface HeldUploads {
  /** @throws PlatformError where it is not there, or not whole */
  nameOf(project: string, id: string): string;
  hold(id: string): void;
  release(id: string, done: boolean): Promise<void>;
}

export class KeptRequests {
  private readonly held = new Map<string, readonly string[]>();

  constructor(
    private readonly store: RequestStore,
    private readonly uploads: HeldUploads,
    private readonly failed: (trainingId: string, thrown: unknown) => void,
  ) {}

  /** @throws PlatformError where a file that the request names is not there */
  async keep(trainingId: string, request: TrainingRequest, projectCreatedAtMs: number): Promise<void> {
    for (const upload of uploadsOf(request)) this.uploads.nameOf(request.project, upload);
    // From here on: a file that leaves while the request is written is missed by it.
    this.hold(trainingId, request);
    try {
      await this.store.keep(trainingId, request, projectCreatedAtMs);
    } catch (thrown) {
      this.release(trainingId, false);
      throw thrown;
    }
  }

  /** Those that an earlier process left. */
  kept(): KeptRequest[] {
    const all = this.store.kept();
    for (const { trainingId, request } of all) this.hold(trainingId, request);
    return all;
  }

  /** `done`: a version has what was in its files. One that another request needs stays for that one. */
  async forget(project: string, trainingId: string, done: boolean): Promise<void> {
    this.release(trainingId, done);
    await this.store.forget(project, trainingId);
  }

  private release(trainingId: string, done: boolean): void {
    const uploads = this.held.get(trainingId) ?? [];
    this.held.delete(trainingId);
    for (const upload of uploads)
      this.uploads.release(upload, done).catch((thrown: unknown) => this.failed(trainingId, thrown));
  }

  private hold(trainingId: string, request: TrainingRequest): void {
    if (this.held.has(trainingId)) return;
    const uploads = uploadsOf(request);
    this.held.set(trainingId, uploads);
    for (const upload of uploads) this.uploads.hold(upload);
  }
}

const uploadsOf = ({ registration }: TrainingRequest): string[] => [
  ...new Set(registration?.files.map(({ upload }) => upload)),
];
