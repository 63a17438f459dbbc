// What the wire needs to load and unload models by name: Triton's model repository extension. Who fulfils it decides
// whether explicit loading is allowed.

export interface LoadParameters {
  /** A ModelConfig as JSON that replaces the model's config.pbtxt; undefined = as the repository says. */
  config: string | undefined;
  /**
   * `file:<version>/<name>` parameters: path below the model's folder → bytes; with them the repository's files are
   * ignored.
   */
  files: ReadonlyMap<string, Uint8Array>;
}

export interface RepositoryControl {
  /** Resolves when the model is ready; it is replaced only then. Throws not_found, invalid_argument, corrupt. */
  load(model: string, parameters: LoadParameters): Promise<void>;
  /** Resolves when no new request reaches it. `dependents`: models that an ensemble is made of go, too. */
  unload(model: string, dependents: boolean): Promise<void>;
}
