// Reads reference.pb, where the package has one, and the inputs out of a model package in the artifact store.

import type { ArtifactStore } from '@millrace/artifacts';
import { decodeReferenceProfile } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { parsePlan, watchedInputs } from '@millrace/features';
import type { PackagedReference } from './metadata-cache.js';
import type { PackageReader } from './references.js';

const REFERENCE_FILE = 'reference.pb';

export class StoredPackages implements PackageReader {
  constructor(private readonly store: ArtifactStore) {}

  async read(packagePath: string): Promise<PackagedReference> {
    const [manifest, plan] = await Promise.all([
      this.store.read(`${packagePath}/manifest.json`),
      this.store.read(`${packagePath}/features.json`),
    ]);
    const inputs = watchedInputs(parsePlan(plan.toString('utf8')));
    // The manifest decides: a reference that it lists and that is gone is a damaged package, not one without.
    if (!listsReference(manifest.toString('utf8'), packagePath)) return { profile: undefined, inputs };
    const reference = await this.store.read(`${packagePath}/${REFERENCE_FILE}`);
    return { profile: decodeReferenceProfile(reference), inputs };
  }
}

function listsReference(text: string, packagePath: string): boolean {
  let manifest: { files?: Record<string, unknown> } | null;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    throw new PlatformError('corrupt', `${packagePath}/manifest.json is not JSON`, { cause: error });
  }
  if (typeof manifest?.files !== 'object' || manifest.files === null) {
    throw new PlatformError('corrupt', `${packagePath}/manifest.json lists no files`);
  }
  return Object.hasOwn(manifest.files, REFERENCE_FILE);
}
