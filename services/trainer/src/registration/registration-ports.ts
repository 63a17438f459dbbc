// What a registration needs from outside.

import type { ModelVersion } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import type { ReferenceInput } from '@millrace/statistics';
import type { BoundPackageFiles, OwnFile } from '../packaging/bound-package.js';
import type { HashText } from '../packaging/manifest.js';
import type { RowSource } from '../pipeline/load.js';
import type { EarlierModels } from '../pipeline/plan.js';
import type { ModelOpener } from './open-model.js';
import type { ModelFormat } from './registration-request.js';

/** A whole upload: where its bytes are, and their hash. */
export interface ModelUploads {
  nameOf(project: string, id: string): string;
  file(id: string): { path: string; sha256: string };
}

export interface RegistrationPorts {
  uploads: ModelUploads;
  /** Looks into a file before any engine is given it. @throws PlatformError where it is none that may be run */
  inspect(format: ModelFormat, files: readonly OwnFile[]): Promise<readonly string[]>;
  opener: ModelOpener;
  rows: RowSource;
  models: EarlierModels;
  reference(input: ReferenceInput): Uint8Array;
  nextVersion(project: string): number;
  putFolder(path: string, files: BoundPackageFiles): Promise<unknown>;
  announce(version: ModelVersion): Promise<void>;
  hash: HashText;
  clock: Clock;
}
