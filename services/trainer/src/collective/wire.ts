// Domain messages to and from the oneof shape of millrace.collective.v1, without the generated types themselves.

import { PlatformError } from '@millrace/domain';
import type { FromWorker, ToWorker } from './messages.js';

/** A oneof as protobuf-es shapes it. */
export interface OneOf {
  message: { case: string | undefined; value?: unknown };
}

const FROM_WORKER = {
  hello: 'hello',
  ready: 'ready',
  step_done: 'stepDone',
  job_done: 'jobDone',
  job_failed: 'jobFailed',
} as const;

function text(value: unknown, field: string): string {
  if (typeof value !== 'string' || value === '') throw new PlatformError('corrupt', `message without ${field}`);
  return value;
}

type Fields = Record<string, unknown>;

export function fromWorkerOfWire(wire: OneOf): FromWorker {
  const fields = (wire.message.value ?? {}) as Fields;
  switch (wire.message.case) {
    case 'hello': {
      const port = Number(fields.port);
      if (!(port > 0 && port < 65_536)) throw new PlatformError('corrupt', `hello with port ${port}`);
      return {
        kind: 'hello',
        workerId: text(fields.workerId, 'worker_id'),
        host: text(fields.host, 'host'),
        port,
        device: String(fields.device ?? ''),
        processId: Number(fields.processId),
      };
    }
    case 'ready':
      return { kind: 'ready', jobId: text(fields.jobId, 'job_id'), generation: Number(fields.generation) };
    case 'stepDone':
      return {
        kind: 'step_done',
        jobId: text(fields.jobId, 'job_id'),
        step: Number(fields.step),
        steps: Number(fields.steps),
        loss: Number(fields.loss),
        rows: Number(fields.rows),
      };
    case 'jobDone':
      return {
        kind: 'job_done',
        jobId: text(fields.jobId, 'job_id'),
        resultPath: text(fields.resultPath, 'result_path'),
        sha256: text(fields.weightsSha256, 'weights_sha256'),
      };
    case 'jobFailed':
      return {
        kind: 'job_failed',
        jobId: text(fields.jobId, 'job_id'),
        code: text(fields.code, 'code'),
        message: String(fields.message ?? ''),
      };
    case 'heartbeat':
      return { kind: 'heartbeat', atMs: Number(fields.atMs) };
    default:
      throw new PlatformError('corrupt', `unknown message "${wire.message.case ?? ''}" from a worker`);
  }
}

export function fromWorkerToWire(message: FromWorker): OneOf {
  switch (message.kind) {
    case 'heartbeat':
      return { message: { case: 'heartbeat', value: { atMs: BigInt(Math.trunc(message.atMs)) } } };
    case 'step_done':
      return { message: { case: FROM_WORKER.step_done, value: { ...fieldsOf(message), rows: BigInt(message.rows) } } };
    case 'job_done': {
      const { jobId, resultPath, sha256 } = message;
      return { message: { case: FROM_WORKER.job_done, value: { jobId, resultPath, weightsSha256: sha256 } } };
    }
    default:
      return { message: { case: FROM_WORKER[message.kind], value: fieldsOf(message) } };
  }
}

export function toWorkerOfWire(wire: OneOf): ToWorker {
  const fields = (wire.message.value ?? {}) as Fields;
  const jobId = text(fields.jobId, 'job_id');
  const generation = Number(fields.generation);
  switch (wire.message.case) {
    case 'assignment': {
      const peers = (fields.peers as Fields[]).map((peer) => ({
        rank: Number(peer.rank),
        host: text(peer.host, 'host'),
        port: Number(peer.port),
      }));
      const rank = Number(fields.rank);
      const worldSize = Number(fields.worldSize);
      if (!(rank >= 0 && rank < worldSize) || peers.length !== worldSize)
        throw new PlatformError('corrupt', `assignment of rank ${rank} of ${worldSize}`);
      return {
        kind: 'assignment',
        jobId,
        generation,
        rank,
        worldSize,
        peers,
        job: text(fields.job, 'job'),
        token: fields.token as Uint8Array,
      };
    }
    case 'start':
      return { kind: 'start', jobId, generation };
    case 'abort':
      return { kind: 'abort', jobId, generation, reason: String(fields.reason ?? '') };
    default:
      throw new PlatformError('corrupt', `unknown message "${wire.message.case ?? ''}" from the coordinator`);
  }
}

export function toWorkerToWire(message: ToWorker): OneOf {
  return { message: { case: message.kind, value: fieldsOf(message) } };
}

function fieldsOf(message: { kind: string }): Fields {
  const { kind: _, ...fields } = message;
  return fields;
}
