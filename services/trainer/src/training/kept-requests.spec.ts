// What waits keeps its model files, with real files: over the time that an upload is kept for, and over a restart.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { TrainerEntry } from '@millrace/contracts';
import { ManualClock, type TrainingRequest } from '@millrace/domain';
import { FolderUploads, Uploads } from '@millrace/files';
import { KeptState } from '../kept/kept-state.js';
import { KeptRequests } from './kept-requests.js';

const KEEP_MS = 1_000;
const MODEL = new TextEncoder().encode('a model');
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

let folder: string;
let clock: ManualClock;
/** What the topic has, by key. */
let topic: Map<string, TrainerEntry | null>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-requests-'));
  // Files are touched by the machine's clock.
  clock = new ManualClock(Date.now());
  topic = new Map();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function trainer() {
  const bounds = { bytesMax: 100, uploadsMax: 2, diskBytesMax: 200, keepMs: KEEP_MS, bytesMaxSetting: 'MAX' };
  const uploads = new Uploads(new FolderUploads(join(folder, 'uploads')), bounds, clock, sha256);
  await uploads.restore();
  const none = { load: async () => null, remove: async () => undefined };
  const state = new KeptState(async (key, entry) => void topic.set(key, entry), none);
  for (const [key, entry] of topic) state.told(key, entry);
  const requests = new KeptRequests(state, uploads, (_, thrown) => {
    throw thrown;
  });
  return { uploads, requests };
}

async function sent(uploads: Uploads): Promise<string> {
  const file = { name: 'model.onnx', bytes: MODEL.length, sha256: sha256(MODEL) };
  const { uploadId } = await uploads.announce('loans', file);
  await uploads.receive(
    'loans',
    uploadId,
    0,
    (async function* () {
      yield MODEL;
    })(),
  );
  return uploadId;
}

const registrationOf = (upload: string): TrainingRequest => ({
  ...{ project: 'loans', datasetVersions: [], evaluateFromMs: 0, evaluationShare: 0, warmStartVersion: 0 },
  ...{ workers: 0, seed: 0, correlationId: '', trigger: 'registration' },
  registration: { files: [{ path: 'model.onnx', upload }], inputs: [], outputs: [] },
});

it('a file does not leave while its registration waits, however long, also over a restart', async () => {
  const first = await trainer();
  const upload = await sent(first.uploads);
  await first.requests.keep('waits', registrationOf(upload), 1);
  clock.advance(KEEP_MS + 1);
  expect(await first.uploads.expire()).toEqual([]);

  const later = await trainer();
  expect(later.requests.kept().map(({ trainingId }) => trainingId)).toEqual(['waits']);
  clock.advance(KEEP_MS + 1);
  expect(await later.uploads.expire()).toEqual([]);
  expect(later.uploads.nameOf('loans', upload)).toBe('model.onnx');

  await later.requests.forget('loans', 'waits', false);
  clock.advance(KEEP_MS + 1);
  expect(await later.uploads.expire()).toEqual(['model.onnx']);
  expect(later.requests.kept()).toEqual([]);
});

it('leaves at once when its version is there, unless another registration waits for the same file', async () => {
  const { uploads, requests } = await trainer();
  const upload = await sent(uploads);
  await requests.keep('one', registrationOf(upload), 1);
  await requests.keep('two', registrationOf(upload), 1);
  await requests.forget('loans', 'one', true);
  expect(uploads.nameOf('loans', upload)).toBe('model.onnx');
  await requests.forget('loans', 'two', true);
  expect(() => uploads.nameOf('loans', upload)).toThrow('no upload');
});

it('a request whose file has left in the meantime is not taken', async () => {
  const { uploads, requests } = await trainer();
  const upload = await sent(uploads);
  clock.advance(KEEP_MS + 1);
  await uploads.expire();
  await expect(requests.keep('late', registrationOf(upload), 1)).rejects.toThrow('no upload');
  expect(requests.kept()).toEqual([]);
});
