// Content codings of REST bodies: gzip and deflate (zlib), by their names and as Accept-Encoding weighs them.

export type Coding = 'gzip' | 'deflate';

/** `name` in lower case; undefined = none of ours. */
export function codingOf(name: string): Coding | undefined {
  if (name === 'gzip' || name === 'x-gzip') return 'gzip';
  return name === 'deflate' ? 'deflate' : undefined;
}

/**
 * The first of gzip and deflate with the highest weight, `*` being those not named; undefined = the answer goes as it
 * is.
 */
export function acceptedCoding(acceptEncoding: string): Coding | undefined {
  const named = new Map<Coding, number>();
  let others = 0;
  for (const part of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...settings] = part.split(';').map((text) => text.trim());
    const coding = codingOf(name);
    const weight = Number(settings.find((setting) => setting.startsWith('q='))?.slice(2) ?? 1);
    if (coding !== undefined) named.set(coding, weight);
    else if (name === '*') others = weight;
  }
  for (const coding of ['gzip', 'deflate'] as const) if (!named.has(coding)) named.set(coding, others);
  let best: Coding | undefined;
  let bestWeight = 0;
  for (const [coding, weight] of named) {
    if (!(weight > bestWeight)) continue;
    best = coding;
    bestWeight = weight;
  }
  return best;
}
