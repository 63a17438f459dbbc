import { expect, it } from '@jest/globals';
import { ManualClock, type RegistrationRequest, type TrainingRequest } from '@millrace/domain';
import { FolderUploads, Uploads } from '@millrace/files';
import { ownFiles } from './own-files.js';

it('says which model file is not there, and where it was looked for', () => {
  const bounds = { bytesMax: 100, uploadsMax: 2, diskBytesMax: 200, keepMs: 1_000, bytesMaxSetting: 'MAX' };
  // Those of a trainer that has taken a registration over from one on another machine.
  const uploads = new Uploads(new FolderUploads('nothing-here'), bounds, new ManualClock(0), (text) => text);
  const request: TrainingRequest & { registration: RegistrationRequest } = {
    ...{ project: 'loans', datasetVersions: [], evaluateFromMs: 0, evaluationShare: 0, warmStartVersion: 0 },
    ...{ workers: 0, seed: 0, correlationId: '', trigger: 'registration' },
    registration: { files: [{ path: 'model.onnx', upload: 'abc' }], inputs: [], outputs: [] },
  };
  expect(() => ownFiles(request, uploads)).toThrow(
    /^\[not_found\] model file 'model\.onnx': no upload abc: .*trainer\/uploads of the MILLRACE_HOME of this trainer/,
  );
});
