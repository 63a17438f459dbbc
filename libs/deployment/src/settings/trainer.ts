// The trainer's settings.

import { LOOPBACK } from '../place.js';
import { commonSettings, HOST_PATTERN, portSetting } from './common-settings.js';
import { defineSettings } from './setting.js';

export const trainerSettings = defineSettings({
  ...commonSettings,
  httpPort: portSetting('trainerHttp', 'trainings, models, the loop'),
  grpcPort: portSetting('trainerGrpc', 'where workers meet, and TrainingService'),
  grpcHost: {
    env: 'MILLRACE_TRAINER_GRPC_HOST',
    type: 'text',
    default: LOOPBACK,
    pattern: HOST_PATTERN,
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
  restartsMax: {
    env: 'MILLRACE_TRAINER_RESTARTS_MAX',
    type: 'int',
    default: 5,
    min: 0,
    max: 100,
    why: 'a job that loses workers more often has another trouble',
  },
});
