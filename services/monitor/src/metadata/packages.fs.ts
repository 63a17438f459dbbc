// Reads reference.pb and the input names out of a model package in the artifact store.

import type { ArtifactStore } from '@millrace/artifacts';
import { decodeReferenceProfile } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { PackagedReference } from './metadata-cache.js';
import type { PackageReader } from './references.js';

export class StoredPackages implements PackageReader {
  constructor(private readonly store: ArtifactStore) {}

  async read(packagePath: string): Promise<PackagedReference> {
    const [reference, manifest] = await Promise.all([
      this.store.read(`${packagePath}/reference.pb`),
      this.store.read(`${packagePath}/manifest.json`),
    ]);
    return { profile: decodeReferenceProfile(reference), inputs: inputNames(manifest.toString('utf8'), packagePath) };
  }
}

function inputNames(text: string, packagePath: string): string[] {
  let manifest: { signature?: { inputs?: { name?: unknown }[] } };
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    throw new PlatformError('corrupt', `${packagePath}/manifest.json is not JSON`, { cause: error });
  }
  const names = manifest.signature?.inputs?.map((input) => input.name);
  if (!Array.isArray(names) || !names.every((name): name is string => typeof name === 'string')) {
    throw new PlatformError('corrupt', `${packagePath}/manifest.json names no inputs`);
  }
  return names;
}
