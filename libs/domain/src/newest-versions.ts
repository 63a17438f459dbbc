// Which dataset versions of a list hold each row once. A span of the live stream has one version, and one more with the
// same rows each time that labels came after it had closed; the last one stands for all of them. O(versions).

interface SpanVersion {
  readonly kind: string;
  readonly ordinal: number;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
}

const spanOf = ({ windowStartMs, windowEndMs }: SpanVersion) => `${windowStartMs} ${windowEndMs}`;

export function newestVersions<V extends SpanVersion>(versions: readonly V[]): V[] {
  const newest = new Map<string, number>();
  for (const version of versions) {
    const span = spanOf(version);
    if (version.kind === 'live') newest.set(span, Math.max(newest.get(span) ?? 0, version.ordinal));
  }
  return versions.filter((version) => version.kind !== 'live' || newest.get(spanOf(version)) === version.ordinal);
}
