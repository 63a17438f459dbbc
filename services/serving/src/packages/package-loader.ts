// Reads a model package and refuses it unless every file has the hash that its manifest names. Gives the bytes that
// serving needs; the rest of the package is checked and let go.

import { PlatformError } from '@millrace/domain';
import { type FittedPlan, parsePlan } from '@millrace/features';
import {
  checkFile,
  checkManifest,
  MODEL_FILE,
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
  model: Uint8Array;
}

export async function loadPackage(files: PackageFiles, project: string, version: number): Promise<LoadedPackage> {
  const folder = `models/${project}/${version}`;
  const text = new TextDecoder().decode(await files.read(`${folder}/manifest.json`));
  const manifest = parseManifest(text, project, version);
  checkManifest(manifest, files.sha256(new TextEncoder().encode(packageHashText(manifest.files))));
  const kept = new Map<string, Uint8Array>();
  for (const path of Object.keys(manifest.files)) {
    const bytes = await files.read(`${folder}/${path}`);
    if (bytes.length > FILE_BYTES_MAX) {
      throw new PlatformError('corrupt', `${path} has ${bytes.length} bytes, at most ${FILE_BYTES_MAX} are loaded`);
    }
    checkFile(manifest, path, files.sha256(bytes));
    if (path === PLAN_FILE || path === MODEL_FILE) kept.set(path, bytes);
  }
  const plan = parsePlan(new TextDecoder().decode(kept.get(PLAN_FILE)));
  return { manifest, plan, model: kept.get(MODEL_FILE) as Uint8Array };
}
