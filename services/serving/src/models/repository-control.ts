// What the wire needs to load and unload models by name: Triton's model repository extension. Who fulfils it decides whether
// explicit loading is allowed.

import { PlatformError } from '@millrace/domain';

export interface LoadParameters {
  /** A ModelConfig as JSON that replaces the model's config.pbtxt; undefined = as the repository says. */
  config: string | undefined;
  /** `file:<version>/<name>` parameters: path below the model's folder → bytes; with them the repository's files are ignored. */
  files: ReadonlyMap<string, Uint8Array>;
}

export interface RepositoryControl {
  /** Resolves when the model is ready; it is replaced only then. Throws not_found, invalid_argument, corrupt. */
  load(model: string, parameters: LoadParameters): Promise<void>;
  /** Resolves when no new request reaches it. `dependents`: models that an ensemble is made of go, too. */
  unload(model: string, dependents: boolean): Promise<void>;
}

/** Where only routes say what is loaded. */
const refused = async (): Promise<never> => {
  throw new PlatformError('unimplemented', 'models of packages are loaded and unloaded by their routes, not by name');
};
export const routedModels: RepositoryControl = { load: refused, unload: refused };
