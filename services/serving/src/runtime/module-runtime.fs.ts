// Plain JavaScript and TypeScript modules as models: model.js, model.mjs or model.ts of the version's folder (Node
// strips the types of .ts). Imported under the hash of its bytes: a changed module is read anew, an unchanged one is
// not compiled again, so that reloading it a thousand times costs no memory. What a module itself imports stays as
// first read.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { PlatformError } from '@millrace/domain';
import { firstOf, inVersion } from './model-files.fs.js';
import { moduleEngine } from './module-model.js';
import { FILE_PARAMETER, type TensorRuntime } from './tensor-engine.js';

export const MODULE_FILES = ['model.js', 'model.mjs', 'model.ts'] as const;

export const moduleRuntime: TensorRuntime = {
  platform: 'typescript_module',
  backends: ['typescript', 'javascript', 'module'],
  defaultFile: 'model.js',
  // A module's code runs on the event loop for as long as it likes; a configuration may still ask to keep it inside.
  mayStayInside: false,
  declaresBatch: false,
  async load(source) {
    const file = source.parameters[FILE_PARAMETER] || firstOf(source.folder, MODULE_FILES) || 'model.js';
    const path = inVersion(source, file);
    const url = pathToFileURL(path);
    url.searchParams.set('sha256', createHash('sha256').update(readFileSync(path)).digest('hex'));
    let exported: { default?: unknown };
    try {
      exported = await import(url.href);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PlatformError('corrupt', `the module '${path}' cannot be imported: ${reason}`, { cause });
    }
    return moduleEngine(source, exported.default);
  },
};
