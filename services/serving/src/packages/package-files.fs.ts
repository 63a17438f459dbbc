// Package files in the artifact store.

import { basename, dirname, join } from 'node:path';
import { openArtifactStore, type StoreSettings, sha256, sha256OfFile } from '@millrace/artifacts';
import type { PackageFiles } from './package-loader.js';

export function packageFiles(settings: StoreSettings): PackageFiles {
  const store = openArtifactStore(settings);
  return {
    read: (path) => store.read(path),
    sha256,
    // Of the files that the model is then loaded from.
    sha256Of: async (path) => sha256OfFile(join(await store.localFolder(dirname(path)), basename(path))),
    folderOf: (path) => store.localFolder(dirname(path)),
  };
}
