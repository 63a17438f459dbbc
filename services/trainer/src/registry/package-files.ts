// Files of model packages, for downloads: only what the manifest names (and the manifest itself) is handed out.

import { PlatformError } from '@millrace/domain';

export interface PackageStore {
  read(path: string): Promise<Uint8Array>;
}

const MANIFEST = 'manifest.json';

export class PackageFiles {
  constructor(private readonly store: PackageStore) {}

  async list(packagePath: string): Promise<string[]> {
    const manifest = JSON.parse(new TextDecoder().decode(await this.store.read(`${packagePath}/${MANIFEST}`))) as {
      files?: Record<string, string>;
    };
    return [MANIFEST, ...Object.keys(manifest.files ?? {}).sort()];
  }

  async read(packagePath: string, name: string): Promise<Uint8Array> {
    if (!(await this.list(packagePath)).includes(name))
      throw new PlatformError('not_found', `the package has no file "${name.slice(0, 200)}"`);
    return this.store.read(`${packagePath}/${name}`);
  }
}
