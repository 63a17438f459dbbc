// Package files in the artifact store under <MILLRACE_HOME>/artifacts.

import { ArtifactStore, sha256 } from '@millrace/artifacts';
import type { PackageFiles } from './package-loader.js';

export function packageFiles(root: string): PackageFiles {
  const store = new ArtifactStore(root);
  return { read: (path) => store.read(path), sha256 };
}
