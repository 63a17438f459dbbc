import { expect, it } from '@jest/globals';
import type { RegistrationRequest, TrainingRequest } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { runRegistration } from './registration-pipeline.js';
import type { RegistrationPorts } from './registration-ports.js';

const request: TrainingRequest & { registration: RegistrationRequest } = {
  ...{ project: 'churn', datasetVersions: [], evaluateFromMs: 0, evaluationShare: 0, warmStartVersion: 0 },
  ...{ workers: 0, seed: 0, correlationId: '', trigger: 'registration' },
  registration: { files: [{ path: 'model.onnx', upload: 'u' }], inputs: [], outputs: [] },
};
const version = { version: 4, blessed: true, reasons: [], verdict: 'version 4 is blessed: …', warnings: [] };

/** What became of the registration `a`, which was announced before its process was killed. */
async function resumed(isWanted: boolean) {
  const released: [string, boolean][] = [];
  const unused = () => {
    throw new Error('nothing is done twice');
  };
  const ports: RegistrationPorts = {
    ...{ inspect: unused, reference: unused, nextVersion: unused, putFolder: unused, announce: unused, hash: unused },
    ...{ opener: { files: unused, upstream: unused }, rows: { read: unused } },
    models: { earlier: unused, opponent: unused, latestBlessed: unused },
    clock: { nowMs: unused, monotonicMs: unused },
    uploads: {
      ...{ nameOf: unused, file: unused, hold: () => undefined },
      release: async (upload, done) => void released.push([upload, done]),
    },
    announced: (project, id) => (project === 'churn' && id === 'a' ? version : undefined),
    isWanted: (upload, exceptId) => isWanted && upload === 'u' && exceptId === 'a',
  };
  const result = await runRegistration('a', request, { name: 'churn' } as Project, { report: unused }, ports);
  return { result, released };
}

it('ends as the version that it had become before its process was killed', async () => {
  expect(await resumed(false)).toEqual({ result: version, released: [['u', true]] });
});

it('leaves the file to another registration that waits for it', async () => {
  expect((await resumed(true)).released).toEqual([['u', false]]);
});
