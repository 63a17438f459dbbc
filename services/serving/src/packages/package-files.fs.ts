// Package files in the artifact store.

import { dirname } from 'node:path';
import { openArtifactStore, sha256 } from '@millrace/artifacts';
import type { PackageFiles } from './package-loader.js';

export function packageFiles(home: string): PackageFiles {
  const store = openArtifactStore(home);
  return {
    read: (path) => store.read(path),
    sha256,
    sha256Of: (path) => store.sha256(path),
    folderOf: async (path) => dirname(await store.localFile(path)),
  };
}
