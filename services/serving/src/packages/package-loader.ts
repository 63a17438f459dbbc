// Reads a model package and refuses it unless every file has the hash that its manifest names. Gives the bytes that
// serving needs; the rest of the package is checked and let go.

import { PlatformError } from '@millrace/domain';
import { type FittedPlan, parsePlan } from '@millrace/features';
import { type Runtime, runtimeFor } from '../runtime/runtime.js';
import {
  checkFile,
  checkManifest,
  type PackageManifest,
  PLAN_FILE,
  packageHashText,
  parseManifest,
} from './manifest.js';

/** Largest single file of a package; a network of this platform has a few megabytes. */
const FILE_BYTES_MAX = 1024 * 1024 * 1024;

export interface PackageFiles {
  /** Rejects with not_found where there is no such file. */
  read(path: string): Promise<Uint8Array>;
  sha256(bytes: Uint8Array): string;
}

export interface LoadedPackage {
  manifest: PackageManifest;
  plan: FittedPlan;
  runtime: Runtime;
  /** What the runtime needs, by path. */
  model: ReadonlyMap<string, Uint8Array>;
}

export async function loadPackage(
  files: PackageFiles,
  runtimes: readonly Runtime[],
  project: string,
  version: number,
): Promise<LoadedPackage> {
  const folder = `models/${project}/${version}`;
  const text = new TextDecoder().decode(await files.read(`${folder}/manifest.json`));
  const manifest = parseManifest(text, project, version);
  checkManifest(manifest, files.sha256(new TextEncoder().encode(packageHashText(manifest.files))));
  const runtime = runtimeFor(runtimes, manifest.files);
  const model = new Map<string, Uint8Array>();
  let plan: FittedPlan | undefined;
  for (const path of Object.keys(manifest.files)) {
    const bytes = await files.read(`${folder}/${path}`);
    if (bytes.length > FILE_BYTES_MAX) {
      throw new PlatformError('corrupt', `${path} has ${bytes.length} bytes, at most ${FILE_BYTES_MAX} are loaded`);
    }
    checkFile(manifest, path, files.sha256(bytes));
    if (path === PLAN_FILE) plan = parsePlan(new TextDecoder().decode(bytes));
    else if (runtime.needs.includes(path)) model.set(path, bytes);
  }
  return { manifest, plan: plan as FittedPlan, runtime, model };
}
