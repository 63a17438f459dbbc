// The port of the artifact store: dataset Parquet files and model packages, by paths of the store's own. Whoever keeps
// artifacts knows no folder and no bucket; a store passes the contract in libs/testing (artifact-store-contract.ts).

/** Bytes, or a file of this machine that is copied. */
export type Files = Readonly<Record<string, Uint8Array | string | { readonly file: string }>>;

/**
 * Paths are relative names joined by "/"; anything else is `invalid_argument`. What is written appears whole or not at
 * all and is durable when the call has come back. A path names one content for good: an id or a version is part of it,
 * and written again (by a process that takes up another's work) it is replaced as a whole.
 *
 * Who knows from elsewhere which bytes a file must have (a manifest, a message) says their SHA-256: other bytes are
 * `corrupt`.
 */
export interface ArtifactStore {
  /** What it is, for people: a folder, or a bucket and where it is. */
  readonly place: string;
  /** Writes one file. Gives its SHA-256 (hex), as all that write. */
  put(path: string, bytes: Uint8Array | string): Promise<string>;
  /** Takes a file over that another program wrote on this machine, as DuckDB its Parquet; it is gone from there. */
  putFile(path: string, file: string): Promise<string>;
  /** Writes a folder of files as one. Gives each file's SHA-256 by its path within the folder. */
  putFolder(path: string, files: Files): Promise<Record<string, string>>;
  /** Bytes of a file; `not_found` where there is none. */
  read(path: string, sha256?: string): Promise<Buffer>;
  /**
   * A file on this machine with these bytes, for programs that read files (DuckDB); not to be changed, and not to be
   * counted on an hour later without being asked for again. `not_found` as above.
   */
  localFile(path: string, sha256?: string): Promise<string>;
  /** Likewise a folder that was written as one, or a folder in it, with everything below it. */
  localFolder(path: string): Promise<string>;
  /** Paths of all files below a folder, relative to it, sorted; none where there is no folder. */
  list(path: string): Promise<string[]>;
  /** SHA-256 (hex) of a file, read in a stream. */
  sha256(path: string): Promise<string>;
  /** Removes a file, or a folder with everything below it; nothing where there is none. */
  remove(path: string): Promise<void>;
  /** Comes back where the store can be reached and used; else the error says what to do. Writes nothing. */
  check(): Promise<void>;
}
