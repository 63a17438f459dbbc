// One registration from its request to an announced version: open the model -> bind its tensors -> rows of the dataset
// versions -> score -> judge -> publish. The order is here; each step has a file. A version without labelled rows is
// kept and told apart: not judged, so never blessed.

import { PlatformError, type RegistrationRequest, type TrainingRequest, taskOf } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import { type Binding, bindingFor, boundColumns } from '@millrace/inference';
import type { Project } from '@millrace/project';
import type { OwnFile } from '../packaging/bound-package.js';
import { fittingVersions } from '../pipeline/fitting-versions.js';
import { refuseStopped } from '../training/refuse-stopped.js';
import type { TrainingReporter, TrainingResult } from '../training/runner.js';
import { boundScores } from './bound-scores.js';
import { judgeBound } from './judge-bound.js';
import { bindableColumns, resolvedOutputs } from './model-tensors.js';
import type { OpenModel } from './open-model.js';
import { ownFiles } from './own-files.js';
import { publishBound } from './publish-bound.js';
import type { RegistrationPorts } from './registration-ports.js';
import { formatOf } from './registration-request.js';
import { refuseDependentRows } from './row-independence.js';

export async function runRegistration(
  id: string,
  request: TrainingRequest & { registration: RegistrationRequest },
  project: Project,
  reporter: TrainingReporter,
  ports: RegistrationPorts,
  isStopped: () => boolean = () => false,
): Promise<TrainingResult> {
  const announce: RegistrationPorts['announce'] = async (version) => {
    refuseStopped(isStopped);
    await ports.announce(version);
  };
  return registered(id, request, project, reporter, { ...ports, announce });
}

async function registered(
  id: string,
  asked: TrainingRequest & { registration: RegistrationRequest },
  project: Project,
  reporter: TrainingReporter,
  ports: RegistrationPorts,
): Promise<TrainingResult> {
  const known = ports.rows.versions(project.name, asked.datasetVersions);
  const fitting = fittingVersions(project, known, asked.leaveOutUnfit ?? false);
  const request = { ...asked, datasetVersions: fitting.ids };
  const own = ownFiles(request, ports.uploads);
  const model = await openedModel(id, request.registration, own, ports);
  try {
    const { binding, sentences: said } = await bound(model, project, request.registration);
    const sentences = [...said, ...fitting.warnings];
    const { columns } = bindableColumns(project);
    const inputs = boundColumns(binding).map((name) => columns.find((one) => one.name === name) as SignatureInput);
    const task = taskOf(project.scope.task);
    const judged = await judgeBound(
      request,
      project,
      inputs,
      async (rows, told) => {
        const scores = await boundScores(model, binding, task, rows, told);
        // What a server elsewhere is asked goes to it as its clients send it.
        if (binding.upstream === undefined)
          await refuseDependentRows(binding, rows, scores, (row) => boundScores(model, binding, task, row));
        return scores;
      },
      reporter,
      ports,
    );
    return await publishBound({ id, request, project, own, binding, inputs, sentences, judged }, ports);
  } finally {
    await model.close();
  }
}

async function openedModel(
  id: string,
  { files, upstream }: RegistrationRequest,
  own: readonly OwnFile[],
  { opener, inspect }: RegistrationPorts,
): Promise<OpenModel & { noTensors: readonly string[] }> {
  if (upstream !== undefined) return { ...(await opener.upstream(upstream)), noTensors: [] };
  const noTensors = await inspect(formatOf(files), own);
  const local = own.map(({ file }, i) => ({ file, path: files[i]?.path as string }));
  return { ...(await opener.files(id, local)), noTensors };
}

async function bound(
  model: OpenModel & { noTensors: readonly string[] },
  project: Project,
  { inputs, outputs, upstream }: RegistrationRequest,
): Promise<{ binding: Binding; sentences: readonly string[] }> {
  const task = taskOf(project.scope.task);
  const tensors = { inputs: model.inputs, outputs: await resolvedOutputs(model) };
  try {
    const found = bindingFor(tensors, bindableColumns(project), task, { inputs, outputs });
    return { ...found, binding: { ...found.binding, ...(upstream === undefined ? {} : { upstream }) } };
  } catch (thrown) {
    if (model.noTensors.length === 0) throw thrown;
    const { code, reason } = PlatformError.from(thrown);
    // Where the number is in the maps, no option of the registration finds it.
    const found = reason.replace(/\. Write --output .*$/, '');
    throw new PlatformError(
      code,
      `${found}. Output ${model.noTensors.map((name) => `'${name}'`).join(', ')} is a sequence of maps (ZipMap), which ` +
        `no server of tensors answers: export anew without it, skl2onnx.convert_sklearn(…, options={'zipmap': False}), ` +
        `onnxmltools.convert_lightgbm(…, zipmap=False)`,
      { cause: thrown },
    );
  }
}
