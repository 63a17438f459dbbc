// Package files in the artifact store under <MILLRACE_HOME>.

import { ArtifactStore, sha256 } from '@millrace/artifacts';
import type { PackageFiles } from './package-loader.js';

export function packageFiles(home: string): PackageFiles {
  const store = new ArtifactStore(home);
  return { read: (path) => store.read(path), sha256 };
}
