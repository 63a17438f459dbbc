// The trainer's settings.

import { LOOPBACK } from '../place.js';
import { artifactSettings } from './artifacts.js';
import { commonSettings, portSetting } from './common-settings.js';
import { ownModelSettings } from './own-model.js';
import { defineSettings } from './setting.js';
import { hostFault } from './text-checks.js';

export const trainerSettings = defineSettings({
  ...commonSettings,
  ...ownModelSettings,
  ...artifactSettings,
  httpPort: portSetting('trainerHttp', 'trainings, models, the loop'),
  grpcPort: portSetting('trainerGrpc', 'where workers meet, and TrainingService'),
  grpcHost: {
    env: 'MILLRACE_TRAINER_GRPC_HOST',
    type: 'text',
    default: LOOPBACK,
    check: hostFault,
    why: 'workers run beside the trainer by default; there is no authentication',
  },
  heartbeatTimeout: {
    env: 'MILLRACE_TRAINER_HEARTBEAT_TIMEOUT',
    type: 'duration',
    default: 15_000,
    min: 200,
    max: 60_000,
    why: 'a killed worker’s stream ends at once; only a frozen one is silent, and one that computes on a busy core was for 6 s',
  },
  gather: {
    env: 'MILLRACE_TRAINER_GATHER',
    type: 'duration',
    default: 6_000,
    min: 0,
    max: 600_000,
    why: 'a killed worker is back in 3 to 5 s (back-off, loading TensorFlow); after this a job starts with who is there',
  },
  noWorker: {
    env: 'MILLRACE_TRAINER_NO_WORKER',
    type: 'duration',
    default: 60_000,
    min: 100,
    max: 3_600_000,
    why: 'without any worker for so long a training fails and says so',
  },
  uploadBytesMax: {
    env: 'MILLRACE_TRAINER_UPLOAD_BYTES_MAX',
    type: 'int',
    default: 2_147_483_648,
    min: 1,
    max: 1_099_511_627_776,
    unit: 'bytes',
    why: 'one file of a model that was trained elsewhere: as much as serving loads, and as an ONNX file can have',
  },
  uploadsMax: {
    env: 'MILLRACE_TRAINER_UPLOADS_MAX',
    type: 'int',
    default: 1_000,
    min: 1,
    max: 10_000,
    unit: 'uploads',
    why: 'the files of one SavedModel, each an upload; for one more, those leave that nobody has sent or registered for a minute, unfinished ones first, or it is refused with overloaded',
  },
  uploadDiskBytesMax: {
    env: 'MILLRACE_TRAINER_UPLOAD_DISK_BYTES_MAX',
    type: 'int',
    default: 4_294_967_296,
    min: 1,
    max: 17_592_186_044_416,
    unit: 'bytes',
    why: 'all uploads together, those in use as announced, others as far as they came: two of the largest; beyond it as with their number',
  },
  uploadKeep: {
    env: 'MILLRACE_TRAINER_UPLOAD_KEEP',
    type: 'duration',
    default: 3_600_000,
    min: 1_000,
    max: 2_592_000_000,
    why: 'after its last byte, an upload that became no version: a registration follows within seconds, and models are sent again quickly',
  },
  restartsMax: {
    env: 'MILLRACE_TRAINER_RESTARTS_MAX',
    type: 'int',
    default: 5,
    min: 0,
    max: 100,
    why: 'a job that loses workers more often has another trouble',
  },
});
