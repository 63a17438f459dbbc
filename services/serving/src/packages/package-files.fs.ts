// Package files in the artifact store.

import { openArtifactStore, sha256 } from '@millrace/artifacts';
import type { PackageFiles } from './package-loader.js';

export function packageFiles(home: string): PackageFiles {
  const store = openArtifactStore(home);
  return { read: (path) => store.read(path), sha256 };
}
