// The files of a package whose model was trained elsewhere: binding.json says how the project's columns are the model's
// tensors, own/** is the model as it came (nothing for an upstream). features.json has the inputs and no step: nothing
// is encoded. Pure, as package-contents.

import { type TaskKind, taskOf } from '@millrace/domain';
import type { FittedPlan, SignatureInput } from '@millrace/features';
import type { Binding } from '@millrace/inference';
import type { Project } from '@millrace/project';
import { type HashText, type Manifest, packageHash, signatureOf } from './manifest.js';
import { json } from './package-contents.js';

/** A file of the model on this machine, its place in the package, and its SHA-256. */
export interface OwnFile {
  path: string;
  file: string;
  sha256: string;
}

export interface BoundContent {
  project: string;
  version: number;
  task: TaskKind;
  plan: FittedPlan;
  binding: Binding;
  own: readonly OwnFile[];
  /** The encoded reference profile; null = the monitor makes one of the first rows that the version answers. */
  reference: Uint8Array | null;
  evaluation: Readonly<Record<string, unknown>>;
  lineage: Readonly<Record<string, unknown>>;
}

export type BoundPackageFiles = Readonly<Record<string, Uint8Array | string | { file: string }>>;

/** Of a package: the model as it came. */
export const OWN_FOLDER = 'own/';
const SAVED_MODEL_FOLDER = `${OWN_FOLDER}saved_model/`;

/** Path in the package of a file of the model. */
export function placeInPackage(path: string, isSavedModel: boolean): string {
  return `${isSavedModel ? SAVED_MODEL_FOLDER : OWN_FOLDER}${path}`;
}

/** Its inverse. */
export function placeInModel(path: string): string {
  return path.slice(path.startsWith(SAVED_MODEL_FOLDER) ? SAVED_MODEL_FOLDER.length : OWN_FOLDER.length);
}

/** Inputs without a step; a feature of the project keeps its kind, another column is what its type is. */
export function boundPlan(project: Project, inputs: readonly SignatureInput[], rows: number): FittedPlan {
  const leftOut = inputs.map(({ name, type }) => {
    const byType = type === 'text' || type === 'boolean' ? ('categorical' as const) : ('numeric' as const);
    return { kind: project.features.find((feature) => feature.name === name)?.kind ?? byType, input: name };
  });
  return { format: 2, inputs, steps: [], width: 0, rows, leftOut };
}

export function boundPackage(content: BoundContent, hash: HashText): { files: BoundPackageFiles; manifest: Manifest } {
  const { project, version, task, plan, own, reference } = content;
  const signature = signatureOf(plan.inputs, taskOf(task));
  const texts = {
    'features.json': JSON.stringify(plan),
    'binding.json': json(content.binding),
    ...(reference === null ? {} : { 'reference.pb': reference }),
    'evaluation.json': json(content.evaluation),
    'lineage.json': json(content.lineage),
  };
  const hashes = {
    ...Object.fromEntries(Object.entries(texts).map(([path, bytes]) => [path, hash([bytes])])),
    ...Object.fromEntries(own.map(({ path, sha256 }) => [path, sha256])),
  };
  const decides = ['features.json', 'binding.json', ...own.map(({ path }) => path)];
  const manifest: Manifest = {
    project,
    version,
    task,
    signature,
    modelSha256: hash([JSON.stringify(signature), '\n', ...decides.map((path) => `${path} ${hashes[path]}\n`)]),
    packageSha256: packageHash(hashes, hash),
    files: hashes,
  };
  const files = { ...texts, ...Object.fromEntries(own.map(({ path, file }) => [path, { file }])) };
  return { files: { ...files, 'manifest.json': json(manifest) }, manifest };
}
