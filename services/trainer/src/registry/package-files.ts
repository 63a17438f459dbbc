// Files of model packages, for downloads: only what the manifest names (and the manifest itself) is handed out, and
// only bytes that have the hash it names.

import { PlatformError } from '@millrace/domain';

export interface PackageStore {
  read(path: string): Promise<Uint8Array>;
}

export interface PackageFile {
  path: string;
  bytes: Uint8Array;
  /** Of these bytes. */
  sha256: string;
  packageSha256: string;
}

interface Manifest {
  packageSha256?: string;
  files?: Record<string, string>;
}

const MANIFEST = 'manifest.json';

export class PackageFiles {
  constructor(
    private readonly store: PackageStore,
    private readonly sha256: (bytes: Uint8Array) => string,
  ) {}

  async list(packagePath: string): Promise<string[]> {
    const { files = {} } = (await this.manifest(packagePath)).manifest;
    return [MANIFEST, ...Object.keys(files).sort()];
  }

  /** Throws not_found, or corrupt where the bytes are not those of the manifest. */
  async read(packagePath: string, path: string): Promise<PackageFile> {
    const { manifest, bytes: manifestBytes } = await this.manifest(packagePath);
    const { files = {}, packageSha256 = '' } = manifest;
    if (path === MANIFEST) return { path, bytes: manifestBytes, sha256: this.sha256(manifestBytes), packageSha256 };
    const named = Object.hasOwn(files, path) ? files[path] : undefined;
    if (named === undefined) throw new PlatformError('not_found', `the package has no file "${path.slice(0, 200)}"`);
    const bytes = await this.store.read(`${packagePath}/${path}`);
    const sha256 = this.sha256(bytes);
    if (sha256 !== named)
      throw new PlatformError(
        'corrupt',
        `${path} has SHA-256 ${sha256.slice(0, 12)}…, manifest.json says ${named.slice(0, 12)}…`,
      );
    return { path, bytes, sha256, packageSha256 };
  }

  private async manifest(packagePath: string): Promise<{ manifest: Manifest; bytes: Uint8Array }> {
    const bytes = await this.store.read(`${packagePath}/${MANIFEST}`);
    return { manifest: JSON.parse(new TextDecoder().decode(bytes)) as Manifest, bytes };
  }
}
