// Settings of a training worker.

import { hostAndPort, LOOPBACK } from '../place.js';
import { PORTS, REPLICA_STEP } from '../ports.js';
import { commonSettings } from './common-settings.js';
import { defineSettings } from './setting.js';
import { hostFault, hostPortFault } from './text-checks.js';

export const workerSettings = defineSettings({
  ...commonSettings,
  workerId: {
    env: 'MILLRACE_WORKER_ID',
    type: 'text',
    default: '',
    pattern: /^[a-zA-Z0-9._-]{0,60}$/,
    why: 'empty = MILLRACE_REPLICA, which the launcher sets; ranks follow the order of ids',
    notForUp: 'the launcher names its workers worker-1, worker-2 and so on; set it for `millrace worker`',
  },
  coordinators: {
    env: 'MILLRACE_WORKER_COORDINATOR',
    type: 'list',
    default: [`${LOOPBACK}:${PORTS.trainerGrpc.base}`],
    defaultAt: ({ hosts, others, replicas }) =>
      Array.from({ length: replicas.trainer }, (_, replica) =>
        hostAndPort(hosts.trainerGrpc, others.trainerGrpc + REPLICA_STEP * replica),
      ),
    itemCheck: hostPortFault,
    why: 'the trainers of this machine, where their settings say that they listen; one of them is at work',
  },
  gradientHost: {
    env: 'MILLRACE_WORKER_HOST',
    type: 'text',
    default: LOOPBACK,
    check: hostFault,
    why: 'peers reach the gradient socket here; loopback unless workers are on several machines',
  },
  gradientPort: {
    env: 'MILLRACE_WORKER_PORT',
    type: 'int',
    default: 0,
    min: 0,
    max: 65_535,
    unit: 'port',
    why: '0 = any free port; the coordinator tells it to the peers. The launcher’s second worker takes it + 100, and so on',
  },
  heartbeat: {
    env: 'MILLRACE_WORKER_HEARTBEAT',
    type: 'duration',
    default: 500,
    min: 50,
    max: 10_000,
    why: 'a thirtieth of the 15 s after which the coordinator counts a silent worker as lost',
  },
  operation: {
    env: 'MILLRACE_WORKER_OPERATION_TIMEOUT',
    type: 'duration',
    default: 20_000,
    min: 100,
    max: 600_000,
    why: 'one exchange of gradients takes milliseconds; a peer at low priority on a busy machine may be late by seconds',
  },
  connect: {
    env: 'MILLRACE_WORKER_CONNECT_TIMEOUT',
    type: 'duration',
    default: 15_000,
    min: 100,
    max: 600_000,
    why: 'peers load their data before they answer',
  },
  device: {
    env: 'MILLRACE_DEVICE',
    type: 'text',
    default: 'cpu',
    oneOf: ['cpu', 'gpu'],
    why: 'the library that set-up links by default',
  },
  gpu: {
    env: 'MILLRACE_WORKER_GPU',
    type: 'int',
    default: 0,
    min: 0,
    max: 63,
    why: 'one rank per GPU: with MILLRACE_DEVICE=gpu the worker sees only this one; unset, the launcher gives each worker the next',
  },
});
