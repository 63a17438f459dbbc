// Publishes a registered version: its package is written under the project's next version and announced, blessed or
// not.

import { packageFolder, type RegistrationRequest, type TrainingRequest, taskOf } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import type { Binding } from '@millrace/inference';
import { labelRuleText, type Project } from '@millrace/project';
import { boundPackage, boundPlan, type OwnFile } from '../packaging/bound-package.js';
import { referenceInput } from '../packaging/reference.js';
import type { TrainingResult } from '../training/runner.js';
import type { Judged } from './judge-bound.js';
import type { RegistrationPorts } from './registration-ports.js';

export interface Publication {
  id: string;
  request: TrainingRequest & { registration: RegistrationRequest };
  project: Project;
  own: readonly OwnFile[];
  binding: Binding;
  inputs: readonly SignatureInput[];
  sentences: readonly string[];
  judged: Judged;
}

export async function publishBound(it: Publication, ports: RegistrationPorts): Promise<TrainingResult> {
  const { id, request, project, own, binding, inputs, sentences, judged } = it;
  const { reference } = judged;
  const version = ports.nextVersion(project.name);
  const verdict = `version ${version} is ${judged.report.verdict}`;
  // What was taken for what comes first: a wrong guess is the likeliest reason of a bad verdict.
  const report = { ...judged.report, verdict, warnings: [...sentences, ...judged.report.warnings] };
  const plan = boundPlan(project, inputs, reference?.rows.rows ?? 0);
  const { scoreName } = taskOf(project.scope.task);
  const { files, manifest } = boundPackage(
    {
      ...{ project: project.name, version, task: project.scope.task, plan, binding, own, evaluation: report },
      reference:
        reference === null
          ? null
          : ports.reference(referenceInput(plan, { ...reference, columns: reference.rows.columns, scoreName })),
      lineage: {
        trainingId: id,
        projectRevision: request.projectRevision ?? 0,
        trigger: request.trigger,
        datasetVersions: request.datasetVersions,
        championVersion: report.championVersion,
        registration: request.registration,
        binding: sentences,
      },
    },
    ports.hash,
  );
  const packagePath = packageFolder(project.name, version);
  await ports.putFolder(packagePath, files);
  const { intervals: _, ...announced } = report;
  await ports.announce({
    ...announced,
    project: project.name,
    version,
    packagePath,
    modelSha256: manifest.modelSha256,
    packageSha256: manifest.packageSha256,
    datasetVersions: request.datasetVersions,
    trainingId: id,
    createdAtMs: ports.clock.nowMs(),
    correlationId: request.correlationId,
    ...{ workers: 0, seed: 0, trainRows: 0, trainSeconds: 0 },
    origin: binding.upstream === undefined ? 'file' : 'upstream',
    upstream: binding.upstream,
    labelRule: labelRuleText(project.data.label),
  });
  const { blessed, reasons, warnings } = report;
  return { version, blessed, reasons, verdict, warnings };
}
