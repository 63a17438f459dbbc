// What the live bench sends: machines that report temperature, vibration and how they run, and minutes later whether
// they failed. Every row is a function of its number, so that nothing has to be kept to send its label, or to check
// what was stored.

import { create, toBinary } from '@bufbuild/protobuf';
import { ingestPb } from '@millrace/contracts';
import { predictionId } from '@millrace/domain';
import { encodeInferRequest, Tensor } from '@millrace/inference';

export const PROJECT = 'sensors';
/** Of the hash that makes the rows. */
export const SEED = 0x9e3779b1;

const MACHINES = 200;
const MODES = ['idle', 'cruise', 'burst', 'service'] as const;
const ONE = [1];

export interface Reading {
  recordId: string;
  atMs: number;
  machine: string;
  temperature: number;
  vibration: number;
  mode: (typeof MODES)[number];
  failed: boolean;
}

export interface LiveTimes {
  /** Of dataset versions and of the monitor's windows, s. */
  windowS: number;
  /** s */
  labelDelayS: number;
  /** s */
  latenessS: number;
}

/** `judging`: keys of `monitoring` besides its times. */
export function projectText(
  { windowS, labelDelayS, latenessS }: LiveTimes,
  { name = PROJECT, judging = 'minRows: 200, consecutiveWindows: 1' } = {},
): string {
  return `name: ${name}
data:
  entity: machine
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: machine, type: text, required: true }
    - { name: temperature, type: number }
    - { name: vibration, type: number }
    - { name: mode, type: text }
    - { name: failed, type: boolean, outcome: true }
  label: { name: failed, column: failed, operation: eq, value: true, delay: ${labelDelayS}s }
  versionEvery: ${windowS}s
features:
  - { name: temperature, kind: numeric }
  - { name: vibration, kind: numeric }
  - { name: mode, kind: categorical }
monitoring: { window: ${windowS}s, allowedLateness: ${latenessS}s, ${judging} }
`;
}

/** A seeded hash of two numbers (Murmur3's finalizer), uniform in [0, 1). */
function uniform(row: number, salt: number): number {
  let hash = (Math.imul(row, SEED) ^ Math.imul(salt, 0x85ebca6b)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** `warmer`: how much a shift has added to every temperature. */
export function readingOf(run: string, row: number, atMs: number, warmer = 0): Reading {
  const machine = Math.floor(uniform(row, 1) * MACHINES);
  const temperature = 40 + 40 * uniform(row, 2) + warmer;
  const vibration = 10 * uniform(row, 3);
  const mode = MODES[Math.floor(uniform(row, 4) * MODES.length)] as Reading['mode'];
  const score = (temperature - 60) / 8 + (vibration - 5) / 2 + (mode === 'burst' ? 1.5 : 0) - 1;
  return {
    recordId: `${run}-${row}`,
    atMs,
    machine: `m${machine}`,
    temperature,
    vibration,
    mode,
    failed: uniform(row, 5) < 1 / (1 + Math.exp(-score)),
  };
}

/** A file to learn from: a reading a second up to `untilMs`. */
export function historyCsv(rows: number, untilMs: number): string {
  const lines = ['at,machine,temperature,vibration,mode,failed'];
  for (let row = 0; row < rows; row++) {
    const { atMs, machine, temperature, vibration, mode, failed } = readingOf('h', row, untilMs - (rows - row) * 1_000);
    lines.push([new Date(atMs).toISOString(), machine, temperature, vibration, mode, failed].join(','));
  }
  return `${lines.join('\n')}\n`;
}

export function recordsRequest(readings: readonly Reading[], sequence: number, project = PROJECT): Uint8Array {
  const records = readings.map(({ recordId, atMs, machine, temperature, vibration, mode }) =>
    create(ingestPb.RecordInputSchema, {
      recordId,
      values: {
        at: { kind: { case: 'timestampMs', value: BigInt(atMs) } },
        machine: { kind: { case: 'text', value: machine } },
        temperature: { kind: { case: 'number', value: temperature } },
        vibration: { kind: { case: 'number', value: vibration } },
        mode: { kind: { case: 'text', value: mode } },
      },
    }),
  );
  return toBinary(
    ingestPb.IngestRecordsRequestSchema,
    create(ingestPb.IngestRecordsRequestSchema, { project, sequence: BigInt(sequence), records }),
  );
}

/** `knownAtMs`: of each. */
export function labelsRequest(
  readings: readonly Reading[],
  knownAtMs: (reading: Reading) => number,
  sequence: number,
  project = PROJECT,
): Uint8Array {
  const labels = readings.map((reading) => {
    const { recordId, atMs, machine, failed } = reading;
    return create(ingestPb.LabelInputSchema, {
      recordId,
      predictionId: predictionId(recordId, 0),
      entity: machine,
      eventTimeMs: BigInt(atMs),
      knownAtMs: BigInt(knownAtMs(reading)),
      outcome: { case: 'raw', value: { kind: { case: 'flag', value: failed } } },
    });
  });
  return toBinary(
    ingestPb.IngestLabelsRequestSchema,
    create(ingestPb.IngestLabelsRequestSchema, { project, sequence: BigInt(sequence), labels }),
  );
}

export function inferRequest(reading: Reading, modelName = PROJECT): Uint8Array {
  const { recordId, atMs, machine, temperature, vibration, mode } = reading;
  return encodeInferRequest({
    modelName,
    modelVersion: '',
    id: recordId,
    parameters: { entity: machine, event_time_ms: BigInt(atMs) },
    inputs: [
      Tensor.of('temperature', 'FP64', ONE, [temperature]),
      Tensor.of('vibration', 'FP64', ONE, [vibration]),
      Tensor.of('mode', 'BYTES', ONE, [mode]),
    ],
    outputs: [],
  });
}
