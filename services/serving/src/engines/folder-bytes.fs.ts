// How many bytes the files of a folder are, those of its folders among them.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export function folderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
