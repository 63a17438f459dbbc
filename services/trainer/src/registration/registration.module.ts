// Fills the registration's ports: uploads of this process, models in processes of their own, packages in the artifact
// store.

import { join } from 'node:path';
import { sha256 } from '@millrace/artifacts';
import { trainerSettings } from '@millrace/deployment';
import { FolderUploads, Uploads } from '@millrace/files';
import type { ServiceContext } from '@millrace/service';
import type { TrainerConfig } from '../config.js';
import type { PublishPorts } from '../pipeline/publish.js';
import type { PipelinePorts } from '../pipeline/training-pipeline.js';
import { inspectOnnx } from './onnx-file.fs.js';
import type { RegistrationPorts } from './registration-ports.js';

export function modelUploads({ config, clock }: ServiceContext<TrainerConfig>): Uploads {
  return new Uploads(
    new FolderUploads(join(config.home, 'trainer', 'uploads')),
    {
      bytesMax: config.uploadBytesMax,
      uploadsMax: config.uploadsMax,
      diskBytesMax: config.uploadDiskBytesMax,
      keepMs: config.uploadKeep,
      bytesMaxSetting: trainerSettings.uploadBytesMax.env,
    },
    clock,
    sha256,
  );
}

export function registrationPorts(
  { rows, models, clock }: PipelinePorts,
  { reference, nextVersion, announce, hash }: PublishPorts,
  outside: Pick<RegistrationPorts, 'putFolder' | 'uploads' | 'opener'>,
): RegistrationPorts {
  return {
    ...{ rows, models, clock, reference, nextVersion, announce, hash, ...outside },
    // A SavedModel names no other file; TensorFlow reads its own folder only.
    inspect: async (format, files) => (format === 'onnx' ? inspectOnnx(files) : []),
  };
}
