// The model files of a registration, by their uploads.

import { PlatformError, type RegistrationRequest, type TrainingRequest } from '@millrace/domain';
import { type OwnFile, placeInPackage } from '../packaging/bound-package.js';
import type { ModelUploads } from './registration-ports.js';
import { formatOf } from './registration-request.js';

/** @throws PlatformError with the file's name where its upload is not there */
export function ownFiles(
  { project, registration }: TrainingRequest & { registration: RegistrationRequest },
  uploads: ModelUploads,
): OwnFile[] {
  const { files } = registration;
  const isSavedModel = files.length > 0 && formatOf(files) === 'savedmodel';
  return files.map(({ path, upload }): OwnFile => {
    try {
      uploads.nameOf(project, upload);
    } catch (thrown) {
      throw missing(path, PlatformError.from(thrown));
    }
    const { path: file, sha256 } = uploads.file(upload);
    return { path: placeInPackage(path, isSavedModel), file, sha256 };
  });
}

function missing(path: string, cause: PlatformError): PlatformError {
  const { code, reason, retry, facts } = cause;
  const where =
    'looked for in trainer/uploads of the MILLRACE_HOME of this trainer, a folder that trainers on several machines share';
  return new PlatformError(code, `model file '${path}': ${reason} (${where})`, { retry, facts, cause });
}
