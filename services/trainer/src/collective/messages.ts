// What coordinator and workers say to each other (proto millrace.collective.v1), as domain types.

export interface Peer {
  rank: number;
  host: string;
  port: number;
}

export interface Assignment {
  jobId: string;
  /** Grows with each membership of the job; messages of an earlier one are dropped. */
  generation: number;
  rank: number;
  worldSize: number;
  peers: readonly Peer[];
  /** JobSpec as JSON. */
  job: string;
  token: Uint8Array;
}

export type ToWorker =
  | ({ kind: 'assignment' } & Assignment)
  | { kind: 'start'; jobId: string; generation: number }
  | { kind: 'abort'; jobId: string; generation: number; reason: string };

export interface Hello {
  workerId: string;
  /** Where peers reach this worker's gradient socket. */
  host: string;
  port: number;
  device: string;
  processId: number;
}

export type FromWorker =
  | ({ kind: 'hello' } & Hello)
  | { kind: 'ready'; jobId: string; generation: number }
  | { kind: 'step_done'; jobId: string; step: number; steps: number; loss: number; rows: number }
  | { kind: 'job_done'; jobId: string; resultPath: string; sha256: string }
  | { kind: 'job_failed'; jobId: string; code: string; message: string }
  | { kind: 'heartbeat'; atMs: number };
