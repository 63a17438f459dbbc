// Headers of files that browsers and edge devices fetch from a model's package (tfjs/, features.json): the same ones
// from the trainer's registry and from serving. Any origin may read them: the models are no secret to whoever reaches
// the port, and no cookie or credential takes part.
//
// Caching: the ETag is the file's SHA-256. A request that names the content (`?sha256=<hash of the package or the
// file>`, which tfjs carries over to the weights it fetches beside model.json) may be cached for ever; any other one is
// kept but asked again, because a version number may stand for another package on another day and platform.

export interface ArtifactFile {
  /** Path inside the package. */
  readonly path: string;
  /** Hex SHA-256 of its bytes. */
  readonly sha256: string;
  /** The request named the content that it wants. */
  readonly pinned: boolean;
}

/** How long a browser may keep the answer to a preflight, in seconds. */
const PREFLIGHT_SECONDS = 86_400;

/** Every origin may read the answer and these of its headers. */
const CORS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'etag, content-length',
  'cross-origin-resource-policy': 'cross-origin',
};

const TYPES: Readonly<Record<string, string>> = {
  json: 'application/json',
  onnx: 'application/octet-stream',
  bin: 'application/octet-stream',
  pb: 'application/octet-stream',
};

/** Of a 200 or a 304. */
export function artifactHeaders({ path, sha256, pinned }: ArtifactFile): Record<string, string> {
  const extension = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
  return {
    ...CORS,
    'content-type': TYPES[extension] ?? 'application/octet-stream',
    'x-content-type-options': 'nosniff',
    etag: `"${sha256}"`,
    'cache-control': pinned ? 'public, max-age=31536000, immutable' : 'public, no-cache',
  };
}

/** Of the answer (204) to OPTIONS, which a browser sends before a request with headers of its own. */
export function artifactPreflightHeaders(): Record<string, string> {
  return {
    ...CORS,
    'access-control-allow-methods': 'GET, HEAD, OPTIONS',
    'access-control-allow-headers': 'if-none-match, content-type, range',
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  };
}

/** Whether the caller has these bytes already (If-None-Match): answer 304 without a body. */
export function isUnchanged(ifNoneMatch: string | undefined, sha256: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => {
    const text = tag.trim().replace(/^W\//, '');
    return text === '*' || text === `"${sha256}"`;
  });
}
