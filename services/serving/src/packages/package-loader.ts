// Reads a model package and refuses it unless every file has the hash that its manifest names. Gives what serving
// needs: of a trained package the bytes of its model; of one that holds somebody's own model (binding.json) the binding
// and where the model's files lie, for they may be large and their runtimes read files. The rest is checked and let go.

import { PlatformError, packageFolder } from '@millrace/domain';
import { type FittedPlan, parsePlan, type SignatureInput } from '@millrace/features';
import { type Binding, parseBinding } from '@millrace/inference';
import { type Runtime, runtimeFor } from '../runtime/runtime.js';
import {
  BINDING_FILE,
  checkFile,
  checkManifest,
  type PackageManifest,
  PLAN_FILE,
  packageHashText,
  parseManifest,
} from './manifest.js';

/** Largest single file of a package; a network of this platform has a few megabytes. */
const FILE_BYTES_MAX = 1024 * 1024 * 1024;

/** Somebody's own model as the registration put it into the package: the file that tells each kind. */
const OWN_MODELS = ['own/model.onnx', 'own/saved_model/saved_model.pb'] as const;
const OWN_FOLDER = 'own/';

export interface PackageFiles {
  /** Rejects with not_found where there is no such file. */
  read(path: string): Promise<Uint8Array>;
  sha256(bytes: Uint8Array): string;
  /** Of a file, read in a stream. Rejects with not_found. */
  sha256Of(path: string): Promise<string>;
  /** The folder on this machine that a file of the package lies in. Rejects with not_found. */
  folderOf(path: string): Promise<string>;
}

interface LoadedFiles {
  manifest: PackageManifest;
  inputs: readonly SignatureInput[];
}

export interface TrainedPackage extends LoadedFiles {
  kind: 'trained';
  plan: FittedPlan;
  runtime: Runtime;
  /** What the runtime needs, by path. */
  model: ReadonlyMap<string, Uint8Array>;
}

export interface OwnPackage extends LoadedFiles {
  kind: 'own';
  binding: Binding;
  /** On this machine. */
  folder: string;
}

export async function loadPackage(
  files: PackageFiles,
  runtimes: readonly Runtime[],
  project: string,
  version: number,
): Promise<TrainedPackage | OwnPackage> {
  const folder = packageFolder(project, version);
  const text = new TextDecoder().decode(await files.read(`${folder}/manifest.json`));
  const manifest = parseManifest(text, project, version);
  checkManifest(manifest, files.sha256(new TextEncoder().encode(packageHashText(manifest.files))));
  const own = Object.hasOwn(manifest.files, BINDING_FILE);
  const runtime = own ? undefined : runtimeFor(runtimes, manifest.files);
  const needed = new Map<string, Uint8Array>();
  for (const path of Object.keys(manifest.files)) {
    if (own && path.startsWith(OWN_FOLDER)) {
      checkFile(manifest, path, await files.sha256Of(`${folder}/${path}`));
      continue;
    }
    const bytes = await files.read(`${folder}/${path}`);
    if (bytes.length > FILE_BYTES_MAX) {
      throw new PlatformError('corrupt', `${path} has ${bytes.length} bytes, at most ${FILE_BYTES_MAX} are loaded`);
    }
    checkFile(manifest, path, files.sha256(bytes));
    if (path === PLAN_FILE || path === BINDING_FILE || runtime?.needs.includes(path)) needed.set(path, bytes);
  }
  const textOf = (path: string) => new TextDecoder().decode(needed.get(path));
  const plan = parsePlan(textOf(PLAN_FILE));
  if (runtime) return { kind: 'trained', manifest, inputs: plan.inputs, plan, runtime, model: needed };
  const binding = parseBinding(textOf(BINDING_FILE));
  return { kind: 'own', manifest, inputs: plan.inputs, binding, folder: await ownFolder(files, manifest, binding) };
}

async function ownFolder(files: PackageFiles, manifest: PackageManifest, { upstream }: Binding): Promise<string> {
  const { project, version } = manifest;
  const path = OWN_MODELS.find((each) => Object.hasOwn(manifest.files, each));
  if (path !== undefined) return files.folderOf(`${packageFolder(project, version)}/${path}`);
  if (upstream !== undefined) {
    throw new PlatformError(
      'unimplemented',
      `${project} version ${version} is answered by ${upstream.address}, not here`,
    );
  }
  throw new PlatformError('corrupt', `model package: ${BINDING_FILE} without one of ${OWN_MODELS.join(', ')}`);
}
