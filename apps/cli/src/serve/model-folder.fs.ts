// A first look at the folder that shall be served, so that a wrong one is told at once and in the user's words. What a
// model is in detail is serving's part.

import { readdirSync, statSync } from 'node:fs';
import { PlatformError } from '@millrace/domain';
import { missingFile } from '@millrace/files';

const LAYOUT =
  'it takes <model>/<version>/model.onnx (Triton’s layout, config.pbtxt optional), <model>/model.onnx or <model>.onnx';

/**
 * Throws not_found where the folder is missing, invalid_argument where it is none, unreadable or holds nothing that
 * could be a model.
 */
export function checkModelFolder(folder: string): void {
  let entries: string[];
  try {
    if (!statSync(folder).isDirectory()) throw refused(`${folder} is a file; --repository takes a folder: ${LAYOUT}`);
    entries = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.name.startsWith('.') && (!entry.isFile() || entry.name.endsWith('.onnx')))
      .map((entry) => entry.name);
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw missingFile(folder, 'folder');
    throw refused(`the folder ${folder} cannot be read (${code})`);
  }
  if (entries.length === 0) throw refused(`${folder} holds no model: ${LAYOUT}`);
}

function refused(reason: string): PlatformError {
  return new PlatformError('invalid_argument', reason);
}
