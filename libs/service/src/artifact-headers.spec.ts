import { describe, expect, it } from '@jest/globals';
import { artifactHeaders, artifactPreflightHeaders, isUnchanged } from './artifact-headers.js';

const HASH = 'a'.repeat(64);

describe('artifact headers', () => {
  it('let every origin read, and keep for ever only what was asked for by its hash', () => {
    const plain = artifactHeaders({ path: 'tfjs/model.json', sha256: HASH, pinned: false });
    expect(plain).toMatchObject({
      'access-control-allow-origin': '*',
      'content-type': 'application/json',
      'cache-control': 'public, no-cache',
      etag: `"${HASH}"`,
    });
    const pinned = artifactHeaders({ path: 'tfjs/group1-shard1of1.bin', sha256: HASH, pinned: true });
    expect(pinned['cache-control']).toContain('immutable');
    expect(pinned['content-type']).toBe('application/octet-stream');
    expect(artifactPreflightHeaders()['access-control-allow-methods']).toContain('GET');
  });

  it.each([
    [undefined, false],
    [`"${HASH}"`, true],
    [`W/"${HASH}"`, true],
    [`"other", "${HASH}"`, true],
    ['*', true],
    ['"other"', false],
  ])('If-None-Match %s', (value, expected) => {
    expect(isUnchanged(value, HASH)).toBe(expected);
  });
});
